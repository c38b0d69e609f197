//! What is done once in a run, and found again when the run is resumed.

mod entries;
mod memory;

use std::time::Duration;

pub(crate) use entries::Entries;
use futures::{FutureExt, future::BoxFuture};
pub use memory::MemoryJournal;

use crate::{
    Answer, DecisionKind, InputRequest, Json, Result, StepFinished, StepPath, Text, Timestamp,
};

/// What a flow's interpreter does once, and finds again when the run is resumed.
///
/// Everything that could come out differently another time goes through it: units of work,
/// decisions, time, random numbers, the answers of people. Each has a [`JournalKey`]. In process
/// the journal is a part of the run's log, each entry a [`Decided`](crate::Decided) event; on a
/// durable engine it is the engine.
pub trait Journal: Send + Sync + 'static {
    /// Does a unit of work, unless its result is recorded; the result is recorded then.
    ///
    /// Of several callers with the same key at once, one does it, and all get its result.
    ///
    /// # Errors
    ///
    /// The unit's own error, which isn't recorded, or one of the store.
    fn run(
        &self,
        key: JournalKey,
        what: DecisionKind,
        unit: BoxFuture<'static, Result<Json>>,
    ) -> BoxFuture<'static, Result<Json>>;

    /// Does a step, unless it is recorded that it has finished; that is recorded then.
    ///
    /// What comes back may be of an earlier time: its output, and what it changed in the context. The
    /// journal of a run's log has no need to keep it: the event is in the log.
    ///
    /// # Errors
    ///
    /// The step's own error, which isn't recorded, or one of the store.
    fn step(
        &self,
        path: StepPath,
        unit: BoxFuture<'static, Result<StepFinished>>,
    ) -> BoxFuture<'static, Result<StepFinished>>;

    /// Waits; not again for what has passed already.
    ///
    /// # Errors
    ///
    /// One of the store.
    fn sleep(&self, key: JournalKey, duration: Duration) -> BoxFuture<'static, Result<()>>;

    /// The answer to a request; none, if there is none yet: then the run is to be suspended.
    ///
    /// # Errors
    ///
    /// One of the store.
    fn answer(&self, request: InputRequest) -> BoxFuture<'static, Result<Option<Answer>>>;

    /// Records a decision; gives the recorded one, if there is one.
    ///
    /// # Errors
    ///
    /// One of the store.
    fn decide(
        &self,
        key: JournalKey,
        what: DecisionKind,
        decision: Json,
    ) -> BoxFuture<'static, Result<Json>> {
        self.run(key, what, std::future::ready(Ok(decision)).boxed())
    }

    /// What time it is.
    ///
    /// # Errors
    ///
    /// One of the store.
    fn now(&self, key: JournalKey) -> BoxFuture<'static, Result<Timestamp>> {
        let now = async { Json::new(&Timestamp::now()) };
        let recorded = self.run(key, DecisionKind::Time, now.boxed());
        async move { recorded.await?.to() }.boxed()
    }

    /// A random number.
    ///
    /// # Errors
    ///
    /// One of the store.
    fn random(&self, key: JournalKey) -> BoxFuture<'static, Result<u64>> {
        let random = async { Json::new(&uuid::Uuid::new_v4().as_u64_pair().1) };
        let recorded = self.run(key, DecisionKind::Random, random.boxed());
        async move { recorded.await?.to() }.boxed()
    }
}

/// The name of one entry of a [`Journal`]: a step, and what it is within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalKey {
    /// The step.
    pub step: StepPath,
    /// Which entry of the step it is.
    pub name: Text,
}

impl JournalKey {
    /// The entry of a step.
    pub fn new(step: StepPath, name: impl Into<Text>) -> Self {
        Self {
            step,
            name: name.into(),
        }
    }
}

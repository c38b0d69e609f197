//! The journal of a run that was given none.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};

use super::slot::Slot;
use crate::{
    Answer, Decided, DecisionKind, InputRequest, Journal, JournalKey, Json, Result, StepFinished,
    StepPath, journal::Entries,
};

/// A journal whose entries are events of the run: in its log, if it has a store, and shown.
///
/// Steps aren't entered: their record is [`StepFinished`](crate::StepFinished).
pub(super) struct RunJournal {
    slot: Arc<Slot>,
    entries: Arc<Entries>,
}

impl RunJournal {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self {
            slot,
            entries: Arc::default(),
        }
    }
}

impl Journal for RunJournal {
    fn run(
        &self,
        key: JournalKey,
        what: DecisionKind,
        unit: BoxFuture<'static, Result<Json>>,
    ) -> BoxFuture<'static, Result<Json>> {
        let (slot, entries) = (Arc::clone(&self.slot), Arc::clone(&self.entries));
        async move {
            let (step, name) = (key.step.clone(), key.name.clone());
            let decide = async {
                let value = unit.await?;
                let decided = Decided::new(name, what, value.clone());
                slot.put(&step, decided.into()).await;
                Ok(value)
            };
            entries.get_or_make(key, decide).await
        }
        .boxed()
    }

    fn step(
        &self,
        _path: StepPath, // the event that tells of its end has it
        unit: BoxFuture<'static, Result<StepFinished>>,
    ) -> BoxFuture<'static, Result<StepFinished>> {
        unit
    }

    /// What is entered is the moment at which it ends.
    fn sleep(&self, key: JournalKey, duration: Duration) -> BoxFuture<'static, Result<()>> {
        let entries = Arc::clone(&self.entries);
        let end = Json::new(&entries.moment_in(duration));
        let recorded = self.run(key, DecisionKind::Time, std::future::ready(end).boxed());
        async move {
            entries.sleep_until(recorded.await?.to()?).await;
            Ok(())
        }
        .boxed()
    }

    /// None: a run that hasn't been resumed has got no answers.
    fn answer(&self, _request: InputRequest) -> BoxFuture<'static, Result<Option<Answer>>> {
        std::future::ready(Ok(None)).boxed()
    }
}

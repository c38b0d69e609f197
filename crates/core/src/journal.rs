use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};

use crate::{
    Answer, DecisionKind, Error, ErrorKind, InputRequest, Json, Result, StepPath, Text, Timestamp,
    sync::lock,
};

/// What a flow's interpreter does once, and finds again when the run is resumed.
///
/// Everything that could come out differently another time goes through it: units of work,
/// decisions, time, random numbers, the answers of people. Each has a [`JournalKey`]. In process
/// the journal is a part of the run's log; on a durable engine it is the engine.
pub trait Journal: Send + Sync + 'static {
    /// Does a unit of work, unless its result is recorded; the result is recorded then.
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

/// A journal in this process's memory; a clone is the same journal.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{DecisionKind, Journal, JournalKey, Json, MemoryJournal, StepPath};
///
/// let journal = MemoryJournal::new();
/// let key = JournalKey::new(StepPath::run().child("route"), "arm");
/// let first = journal.decide(key.clone(), DecisionKind::Branch, Json::new("left")?).await?;
/// let again = journal.decide(key, DecisionKind::Branch, Json::new("right")?).await?;
/// assert_eq!(first, again);
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryJournal {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    results: BTreeMap<JournalKey, Json>,
    answers: BTreeMap<Text, Answer>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the answer to a request.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`], if the request has been answered otherwise.
    pub fn record_answer(&self, answer: Answer) -> Result<()> {
        let mut entries = lock(&self.entries);
        match entries.answers.get(&answer.id) {
            Some(there) if *there != answer => Err(Error::new(
                ErrorKind::Conflict,
                format!("request `{}` has been answered already", answer.id),
            )),
            _ => {
                entries.answers.insert(answer.id.clone(), answer);
                Ok(())
            }
        }
    }
}

impl Journal for MemoryJournal {
    fn run(
        &self,
        key: JournalKey,
        _what: DecisionKind, // a map needs no words for its entries
        unit: BoxFuture<'static, Result<Json>>,
    ) -> BoxFuture<'static, Result<Json>> {
        let entries = Arc::clone(&self.entries);
        async move {
            if let Some(recorded) = lock(&entries).results.get(&key) {
                return Ok(recorded.clone());
            }
            let result = unit.await?;
            lock(&entries).results.insert(key, result.clone());
            Ok(result)
        }
        .boxed()
    }

    fn sleep(&self, key: JournalKey, duration: Duration) -> BoxFuture<'static, Result<()>> {
        let wait = async move {
            tokio::time::sleep(duration).await;
            Ok(Json::null())
        };
        let waited = self.run(key, DecisionKind::Time, wait.boxed());
        async move { waited.await.map(drop) }.boxed()
    }

    fn answer(&self, request: InputRequest) -> BoxFuture<'static, Result<Option<Answer>>> {
        let answer = lock(&self.entries).answers.get(&request.id).cloned();
        std::future::ready(Ok(answer)).boxed()
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = lock(&self.entries);
        f.debug_struct("MemoryJournal")
            .field("results", &entries.results.len())
            .field("answers", &entries.answers.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_unit_runs_once_and_a_sleep_passes_once() {
        let journal = MemoryJournal::new();
        let key = |name: &str| JournalKey::new(StepPath::run().child("s"), name);
        let count = Arc::new(Mutex::new(0));
        for _ in 0..2 {
            let count = Arc::clone(&count);
            let unit = async move {
                *lock(&count) += 1;
                Json::new(&7)
            };
            let result = journal
                .run(key("unit"), DecisionKind::Unit, unit.boxed())
                .await;
            assert_eq!(result.unwrap().as_str(), "7");
        }
        assert_eq!(*lock(&count), 1);

        let start = tokio::time::Instant::now();
        journal
            .sleep(key("nap"), Duration::from_secs(3))
            .await
            .unwrap();
        journal
            .sleep(key("nap"), Duration::from_secs(3))
            .await
            .unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        let random = journal.random(key("dice")).await.unwrap();
        assert_eq!(journal.random(key("dice")).await.unwrap(), random);
        let now = journal.now(key("clock")).await.unwrap();
        assert_eq!(journal.now(key("clock")).await.unwrap(), now);
    }

    #[tokio::test]
    async fn an_answer_is_given_once() {
        let journal = MemoryJournal::new();
        let request = InputRequest::new("ok", StepPath::run().child("ask"), "Go on?");
        assert_eq!(journal.answer(request.clone()).await.unwrap(), None);
        let yes = Answer::new("ok", Json::new(&true).unwrap());
        journal.record_answer(yes.clone()).unwrap();
        journal.record_answer(yes.clone()).unwrap();
        assert_eq!(journal.answer(request).await.unwrap(), Some(yes));
        let no = Answer::new("ok", Json::new(&false).unwrap());
        assert_eq!(
            journal.record_answer(no).unwrap_err().kind(),
            ErrorKind::Conflict
        );
    }
}

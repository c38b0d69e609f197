use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};

use super::{Entries, Journal, JournalKey};
use crate::{
    Answer, DecisionKind, Error, ErrorKind, InputRequest, Json, Result, StepFinished, StepPath,
    Text, sync::lock,
};

/// The name of a step's end among the entries of the step.
const STEP: &str = "step_finished";

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
    entries: Arc<Entries>,
    answers: Arc<Mutex<BTreeMap<Text, Answer>>>,
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
        let mut answers = lock(&self.answers);
        match answers.get(&answer.id) {
            Some(there) if *there != answer => Err(Error::new(
                ErrorKind::Conflict,
                format!("request `{}` has been answered already", answer.id),
            )),
            _ => {
                answers.insert(answer.id.clone(), answer);
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
        async move { entries.get_or_make(key, unit).await }.boxed()
    }

    fn step(
        &self,
        path: StepPath,
        unit: BoxFuture<'static, Result<StepFinished>>,
    ) -> BoxFuture<'static, Result<StepFinished>> {
        let entries = Arc::clone(&self.entries);
        let recorded = async move { Json::new(&unit.await?) };
        async move {
            let key = JournalKey::new(path, STEP);
            entries.get_or_make(key, recorded).await?.to()
        }
        .boxed()
    }

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

    fn answer(&self, request: InputRequest) -> BoxFuture<'static, Result<Option<Answer>>> {
        let answer = lock(&self.answers).get(&request.id).cloned();
        std::future::ready(Ok(answer)).boxed()
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal")
            .field("results", &self.entries.len())
            .field("answers", &lock(&self.answers).len())
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

    #[tokio::test(start_paused = true)]
    async fn callers_at_the_same_time_share_one_unit_and_an_error_is_not_recorded() {
        let journal = MemoryJournal::new();
        let key = || JournalKey::new(StepPath::run().child("s"), "unit");
        let count = Arc::new(Mutex::new(0));
        let unit = || {
            let count = Arc::clone(&count);
            let unit = async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let mut count = lock(&count);
                *count += 1;
                if *count == 1 {
                    return Err(Error::new(ErrorKind::Step, "not yet"));
                }
                Json::new(&*count)
            };
            journal.run(key(), DecisionKind::Unit, unit.boxed())
        };
        let (first, second, third) = futures::join!(unit(), unit(), unit());
        assert_eq!(first.unwrap_err().message(), "not yet");
        assert_eq!(second.unwrap().as_str(), "2");
        assert_eq!(third.unwrap().as_str(), "2");
        assert_eq!(*lock(&count), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_sleeps_on_waits_for_the_rest_only() {
        let journal = MemoryJournal::new();
        let nap = || {
            let key = JournalKey::new(StepPath::run(), "nap");
            journal.sleep(key, Duration::from_millis(3500))
        };
        let start = tokio::time::Instant::now();
        let cut = tokio::time::timeout(Duration::from_secs(2), nap()).await;
        assert!(cut.is_err());
        nap().await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(3500));
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

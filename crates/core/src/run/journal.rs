//! The journal of a run that was given none.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};

use super::{shared::Past, slot::Slot};
use crate::{
    Answer, Decided, DecisionKind, InputRequest, Journal, JournalKey, Json, Result, StepFinished,
    StepPath, journal::Entries, sync::lock,
};

/// A journal whose entries are events of the run: in its log, if it has a store, and shown.
///
/// Steps aren't entered: their record is [`StepFinished`](crate::StepFinished).
pub(super) struct RunJournal {
    slot: Arc<Slot>,
    entries: Arc<Entries>,
    history: Past,
    /// Whether the run has a store: what was decided is used only once it is there.
    is_stored: bool,
}

impl RunJournal {
    pub(super) fn new(slot: Arc<Slot>, history: Past, is_stored: bool) -> Self {
        Self {
            slot,
            entries: Arc::default(),
            history,
            is_stored,
        }
    }
}

/// What was decided before the run was resumed, and whether it is to be said again.
fn decided_before(history: &Past, key: &JournalKey) -> Option<(Json, bool)> {
    lock(history.get()?).decided(key)
}

impl Journal for RunJournal {
    fn run(
        &self,
        key: JournalKey,
        what: DecisionKind,
        unit: BoxFuture<'static, Result<Json>>,
    ) -> BoxFuture<'static, Result<Json>> {
        let (slot, entries) = (Arc::clone(&self.slot), Arc::clone(&self.entries));
        let (history, is_stored) = (Arc::clone(&self.history), self.is_stored);
        async move {
            let (step, name) = (key.step.clone(), key.name.clone());
            let before = decided_before(&history, &key);
            let decide = async {
                let (value, is_new) = match before {
                    Some((value, again)) => (value, again),
                    None => (unit.await?, true),
                };
                if is_new {
                    let decided = Decided::new(name, what, value.clone());
                    slot.put(&step, decided.into()).await;
                    if is_stored {
                        slot.settle().await;
                    }
                }
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

    fn answer(&self, request: InputRequest) -> BoxFuture<'static, Result<Option<Answer>>> {
        let history = self.history.get();
        let answer = history.and_then(|history| lock(history).answers.get(&request.id).cloned());
        std::future::ready(Ok(answer)).boxed()
    }
}

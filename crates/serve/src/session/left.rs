//! What becomes of an attached run that its process leaves: it is marked in its log, and waits for its
//! reader in the next one.

use std::{sync::Arc, time::Duration};

use mainstem_core::{
    CancelledBy, Durability, ErrorKind, Event, EventKind, Notice, Place, Result, RunCancelled,
    RunId, RunStarted, RunState, RunStatus, Seq, StepPath, Store, Timestamp,
};
use tokio::time::sleep;

use super::{
    hub::{Hub, Sessions},
    lock,
    refusals::code,
};

/// How long such a run waits for a reader at least: a connection that was cut is looked at again sooner or
/// later, and the next process takes its time to begin.
pub(super) const COMES_BACK: Duration = Duration::from_secs(60);

/// The code of the mark.
const LEFT_ATTACHED: &str = "left_attached";

/// Marks a run that nobody is at any more.
pub(super) async fn mark(store: &dyn Store, run: &RunId) -> Result<()> {
    if store.state(run).await?.status != RunStatus::Running {
        return Ok(());
    }
    // What was on its way to the log comes too late from here on.
    let state = store.reopen(run).await?;
    if state.status != RunStatus::Running {
        return Ok(());
    }
    let message =
        "the server ended; the run goes on when a reader comes back, and ends if none does";
    let mark = Notice::new(LEFT_ATTACHED, message);
    append(store, &state, vec![mark.into()]).await
}

/// Ends a run that nobody is at, in its log.
pub(super) async fn end(store: &dyn Store, state: &RunState, by: CancelledBy) -> Result<()> {
    let mut kinds = vec![RunCancelled::new(by).into()];
    if state.last.is_none() {
        // Its process died before it had written the beginning.
        let started = RunStarted::new(state.id.clone(), state.name.clone());
        kinds.insert(0, started.into());
    }
    append(store, state, kinds).await?;
    store.close(&state.id, state.epoch).await
}

/// Writes what comes after the last event of a run that was opened.
async fn append(store: &dyn Store, state: &RunState, kinds: Vec<EventKind>) -> Result<()> {
    let first = state.last.map_or(0, |last| last.seq.0) + 1;
    let events = (first..).zip(kinds).map(|(seq, kind)| {
        let place = Place::new(state.epoch, Seq(seq));
        Event::new(place, Timestamp::now(), StepPath::run(), kind)
    });
    let append = store.append(&state.id, state.epoch, events.collect(), Durability::Power);
    append.await
}

/// Whether a run was marked, and nobody was at it since.
pub(super) async fn is_marked(store: &dyn Store, state: &RunState) -> Result<bool> {
    let Some(last) = state.last else {
        return Ok(false);
    };
    let before = last.seq.0.checked_sub(1);
    let before = before.map(|seq| Place::new(last.epoch, Seq(seq)));
    let events = store.read(&state.id, before, 1).await?;
    Ok(events.last().is_some_and(
        |event| matches!(&event.kind, EventKind::Notice(notice) if notice.code == LEFT_ATTACHED),
    ))
}

impl Sessions {
    /// Ends a run that was marked, if no reader has come back to it in time.
    pub(super) fn await_reader(&self, run: &RunId, mark: Place) {
        if !lock(&self.hub.awaited).insert(run.clone()) {
            return;
        }
        let wait = COMES_BACK.max(self.hub.config.linger);
        let (hub, run) = (Arc::downgrade(&self.hub), run.clone());
        // spawn: it is over after that time, and keeps nothing of the sessions until then.
        tokio::spawn(async move {
            sleep(wait).await;
            let Some(hub) = hub.upgrade() else {
                return;
            };
            lock(&hub.awaited).remove(&run);
            if let Err(error) = hub.end_unread(&run, mark).await {
                tracing::warn!(
                    target: "mainstem::serve",
                    %run,
                    %error,
                    "a run isn't ended to which no reader has come back"
                );
            }
        });
    }
}

impl Hub {
    async fn end_unread(self: &Arc<Self>, run: &RunId, mark: Place) -> Result<()> {
        // Nobody goes on with it meanwhile; where there is no room for it, nobody can.
        let _place = match self.admit(run, None, None) {
            Ok(place) => Some(place),
            Err(error) if error.code() == Some(code::TOO_MANY_RUNS) => None,
            Err(_) => return Ok(()),
        };
        let is_there = |state: &RunState| {
            state.status == RunStatus::Running && !state.closed && state.last == Some(mark)
        };
        if !is_there(&self.store.state(run).await?) {
            return Ok(());
        }
        self.has_lease().await?;
        let store = self.own_store();
        let state = match store.reopen(run).await {
            // It goes on in another process.
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(()),
            state => state?,
        };
        if is_there(&state) {
            end(&*store, &state, CancelledBy::Disconnect).await?;
            self.forget_after(run, 0).await;
        }
        Ok(())
    }
}

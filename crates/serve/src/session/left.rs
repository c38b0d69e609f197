//! What becomes of an attached run that its process leaves: it is marked in its log, and waits for its
//! reader in the next one.

use std::time::Duration;

use mainstem_core::{
    Durability, Event, EventKind, Notice, Place, Result, RunId, RunState, RunStatus, Seq, StepPath,
    Store, Timestamp,
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
    let seq = Seq(state.last.map_or(0, |last| last.seq.0) + 1);
    let message =
        "the server ended; the next one goes on with the run, and ends it if no reader comes back";
    let event = Event::new(
        Place::new(state.epoch, seq),
        Timestamp::now(),
        StepPath::run(),
        Notice::new(LEFT_ATTACHED, message).into(),
    );
    let append = store.append(run, state.epoch, vec![event], Durability::Power);
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

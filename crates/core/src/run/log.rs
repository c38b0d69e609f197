//! The way of a run's events into a store.

use std::{
    sync::Arc,
    task::{Context as Task, Poll, ready},
};

use futures::future::BoxFuture;

use super::clock::Patience;
use crate::{Durability, Event, EventKind, NewRun, Result, RunId, Store};

/// Writes one event after the other, and gives each back once the store has it.
///
/// While one is written the run stands still: nothing is emitted that the store might not take.
pub(super) struct LogWriter {
    store: Arc<dyn Store>,
    run: RunId,
    /// What the log begins with; taken by the first event.
    new: Option<NewRun>,
    busy: Option<Busy>,
}

enum Busy {
    Append(BoxFuture<'static, Result<Event>>),
    /// The last event is in the store.
    Close(BoxFuture<'static, Result<()>>, Box<Event>),
}

impl LogWriter {
    pub(super) fn new(store: Arc<dyn Store>, run: NewRun) -> Self {
        Self {
            store,
            run: run.id.clone(),
            new: Some(run),
            busy: None,
        }
    }

    /// Of a log that is there already.
    pub(super) fn reopened(store: Arc<dyn Store>, run: RunId) -> Self {
        Self {
            store,
            run,
            new: None,
            busy: None,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    pub(super) fn append(&mut self, event: Event) {
        let new = self.new.take().map(|new| NewRun {
            created: event.at,
            ..new
        });
        let write = write(Arc::clone(&self.store), self.run.clone(), new, event);
        self.busy = Some(Busy::Append(Box::pin(write)));
    }

    /// The event, once it is in the store.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<Event>> {
        if let Some(Busy::Append(write)) = &mut self.busy {
            let written = ready!(write.as_mut().poll(task));
            self.busy = None;
            match written {
                Ok(event) if ends_log(&event.kind) => {
                    let close = self.store.close(&self.run, event.epoch);
                    self.busy = Some(Busy::Close(close, Box::new(event)));
                }
                written => return Poll::Ready(written),
            }
        }
        let Some(Busy::Close(close, _)) = &mut self.busy else {
            return Poll::Pending;
        };
        // The end is in the log, and says to each who reads it that nothing follows. That the store
        // couldn't close it besides changes nothing for the run.
        let _closed = ready!(close.as_mut().poll(task));
        Poll::Ready(self.give_up())
    }

    /// Waits for the store no longer.
    pub(super) fn give_up(&mut self) -> Result<Event> {
        match self.busy.take() {
            Some(Busy::Close(_, event)) => Ok(*event),
            _ => Err(Patience::error()),
        }
    }
}

async fn write(
    store: Arc<dyn Store>,
    run: RunId,
    new: Option<NewRun>,
    mut event: Event,
) -> Result<Event> {
    if let Some(new) = new {
        event.epoch = store.create(new).await?;
    }
    let events = vec![event.clone()];
    store
        .append(&run, event.epoch, events, durability(&event.kind))
        .await?;
    Ok(event)
}

/// A suspended run's log stays open.
fn ends_log(kind: &EventKind) -> bool {
    kind.is_end() && !matches!(kind, EventKind::RunSuspended(_))
}

fn durability(kind: &EventKind) -> Durability {
    match kind {
        EventKind::StepFinished(_)
        | EventKind::Decided(_)
        // It has the answers of people.
        | EventKind::RunResumed(_)
        | EventKind::RunFinished(_)
        | EventKind::RunFailed(_)
        | EventKind::RunCancelled(_)
        | EventKind::RunSuspended(_) => Durability::Power,
        _ => Durability::Process,
    }
}

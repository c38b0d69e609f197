//! The way of a run's events into a store.

use std::{
    sync::Arc,
    task::{Context as Task, Poll, ready},
};

use futures::future::BoxFuture;

use super::clock::Patience;
use crate::{Durability, Epoch, Event, EventKind, NewRun, Result, RunId, Store};

/// Writes one event after the other, and gives each back once the store has it.
///
/// While one is written the run stands still: nothing is emitted that the store might not take.
pub(super) struct LogWriter {
    store: Arc<dyn Store>,
    run: RunId,
    /// What the log begins with; taken by the first event.
    new: Option<NewRun>,
    writing: Option<Writing>,
}

/// An event on its way into the log.
struct Writing {
    event: Event,
    step: Step,
}

enum Step {
    /// The log is made, for its first event.
    Create(BoxFuture<'static, Result<Epoch>>),
    Append(BoxFuture<'static, Result<()>>),
    /// The last event is in the store.
    Close(BoxFuture<'static, Result<()>>),
}

impl LogWriter {
    pub(super) fn new(store: Arc<dyn Store>, run: NewRun) -> Self {
        Self {
            store,
            run: run.id.clone(),
            new: Some(run),
            writing: None,
        }
    }

    /// Of a log that is there already.
    pub(super) fn reopened(store: Arc<dyn Store>, run: RunId) -> Self {
        Self {
            store,
            run,
            new: None,
            writing: None,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }

    pub(super) fn append(&mut self, event: Event) {
        let step = match self.new.take() {
            Some(new) => Step::Create(self.store.create(NewRun {
                created: event.at,
                ..new
            })),
            None => append(&self.store, &self.run, &event),
        };
        self.writing = Some(Writing { event, step });
    }

    /// The event, once it is in the store.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<Event>> {
        while let Some(Writing { event, step }) = &mut self.writing {
            let next = match step {
                Step::Create(created) => ready!(created.as_mut().poll(task)).map(|epoch| {
                    event.epoch = epoch;
                    Some(append(&self.store, &self.run, event))
                }),
                Step::Append(written) => ready!(written.as_mut().poll(task)).map(|()| {
                    let is_last = ends_log(&event.kind);
                    is_last.then(|| Step::Close(self.store.close(&self.run, event.epoch)))
                }),
                Step::Close(closed) => {
                    // The end is in the log, and says to each who reads it that nothing follows. That the
                    // store couldn't close it besides changes nothing for the run.
                    let _closed = ready!(closed.as_mut().poll(task));
                    Ok(None)
                }
            };
            match next {
                Ok(Some(next)) => *step = next,
                Ok(None) => break,
                Err(error) => {
                    self.writing = None;
                    return Poll::Ready(Err(error));
                }
            }
        }
        match self.writing.take() {
            Some(Writing { event, .. }) => Poll::Ready(Ok(event)),
            None => Poll::Pending,
        }
    }

    /// Waits for the store no longer.
    pub(super) fn give_up(&mut self) -> Result<Event> {
        match self.writing.take() {
            Some(Writing {
                event,
                step: Step::Close(_),
            }) => Ok(event),
            _ => Err(Patience::error()),
        }
    }
}

fn append(store: &Arc<dyn Store>, run: &RunId, event: &Event) -> Step {
    let durability = durability(&event.kind);
    Step::Append(store.append(run, event.epoch, vec![event.clone()], durability))
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

//! The way of a run's events into a store.

use std::{
    sync::Arc,
    task::{Context as Task, Poll, ready},
};

use futures::future::BoxFuture;

use crate::{Durability, Error, ErrorKind, Event, EventKind, NewRun, Result, RunId, Store};

/// Writes one event after the other, and gives each back once the store has it.
pub(super) struct LogWriter {
    store: Arc<dyn Store>,
    run: RunId,
    /// What the log begins with; taken by the first event.
    new: Option<NewRun>,
    busy: Option<BoxFuture<'static, Result<Event>>>,
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

    pub(super) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    pub(super) fn append(&mut self, event: Event) {
        let new = self.new.take().map(|new| NewRun {
            created: event.at,
            ..new
        });
        let write = write(Arc::clone(&self.store), self.run.clone(), new, event);
        self.busy = Some(Box::pin(write));
    }

    /// The event, once it is in the store.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<Event>> {
        let Some(write) = &mut self.busy else {
            return Poll::Pending;
        };
        let result = ready!(write.as_mut().poll(task));
        self.busy = None;
        Poll::Ready(result)
    }
}

async fn write(
    store: Arc<dyn Store>,
    run: RunId,
    new: Option<NewRun>,
    event: Event,
) -> Result<Event> {
    if let Some(new) = new {
        let epoch = store.create(new).await?;
        if epoch != event.epoch {
            let message = format!(
                "the store gave the first writer epoch {}; `Store::create` gives {}",
                epoch.0, event.epoch.0
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
    }
    let events = vec![event.clone()];
    store
        .append(&run, event.epoch, events, durability(&event.kind))
        .await?;
    // A suspended run's log stays open.
    if event.is_end() && !matches!(event.kind, EventKind::RunSuspended(_)) {
        // The log has its end by now: whoever reads it sees that the run is over, closed or not.
        let _ = store.close(&run, event.epoch).await;
    }
    Ok(event)
}

fn durability(kind: &EventKind) -> Durability {
    match kind {
        EventKind::StepFinished(_)
        | EventKind::Decided(_)
        | EventKind::RunFinished(_)
        | EventKind::RunFailed(_)
        | EventKind::RunCancelled(_)
        | EventKind::RunSuspended(_) => Durability::Power,
        _ => Durability::Process,
    }
}

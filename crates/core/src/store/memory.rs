mod kept;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use futures::{FutureExt, future::BoxFuture, stream, stream::BoxStream};
use tokio::sync::watch;

use self::kept::Kept;
use super::{Durability, NewRun, RunQuery, RunState, RunStatus, Store, WorkerId};
use crate::{Epoch, Error, ErrorKind, Event, Json, Place, Result, RunId, Timestamp, sync::lock};

/// Logs in this process's memory: for tests, and where a log needn't outlive its process.
///
/// A clone is the same store. Everything stays until it is [deleted](Store::delete).
#[derive(Clone, Default)]
pub struct MemoryStore {
    logs: Arc<Mutex<HashMap<RunId, Arc<Log>>>>,
    /// Until when the lease of each worker is good.
    leases: Arc<Mutex<HashMap<WorkerId, Timestamp>>>,
}

struct Log {
    basis: Option<Json>,
    state: Mutex<State>,
    /// For tails: there is more, or the log is closed.
    changed: watch::Sender<()>,
}

struct State {
    events: Kept,
    run: RunState,
    worker: Option<WorkerId>,
}

impl State {
    fn reopen(&mut self, run: &RunId, worker: Option<WorkerId>) -> Result<RunState> {
        if self.run.closed {
            return Err(closed(run));
        }
        self.run.epoch.0 += 1;
        self.worker = worker;
        Ok(self.run.clone())
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn log(&self, run: &RunId) -> Result<Arc<Log>> {
        let log = lock(&self.logs).get(run).cloned();
        log.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no log of run `{run}`; look in the store that the run was given, or \
                     whether it was deleted"
                ),
            )
        })
    }

    /// Whether the lease of a worker is good at a moment.
    fn is_leased(&self, worker: Option<&WorkerId>, now: Timestamp) -> bool {
        let leases = lock(&self.leases);
        let until = worker.and_then(|worker| leases.get(worker));
        until.is_some_and(|until| *until > now)
    }
}

impl Log {
    fn writer(&self, run: &RunId, epoch: Epoch) -> Result<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        if state.run.epoch != epoch {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "run `{run}` has a newer writer, of epoch {}; this one, of epoch {epoch}, has \
                     to stop",
                    state.run.epoch
                ),
            ));
        }
        Ok(state)
    }

    fn append(&self, run: &RunId, epoch: Epoch, events: Vec<Event>) -> Result<()> {
        let mut state = self.writer(run, epoch)?;
        if state.run.closed {
            return Err(closed(run));
        }
        let mut last = state.run.last;
        let mut status = state.run.status;
        let mut changed = state.run.changed;
        for event in &events {
            if event.epoch != epoch || last.is_some_and(|last| event.seq <= last.seq) {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "event {} doesn't follow the log of run `{run}`; number on from its last \
                         place, in the writer's epoch",
                        event.place()
                    ),
                ));
            }
            last = Some(event.place());
            changed = Some(event.at);
            status = RunStatus::of(&event.kind).unwrap_or(status);
        }
        state.run.last = last;
        state.run.status = status;
        if status != RunStatus::Running {
            state.worker = None;
        }
        state.run.changed = changed;
        for event in events {
            state.events.push(event);
        }
        drop(state);
        self.tell_tails();
        Ok(())
    }

    fn end(&self, mut state: MutexGuard<'_, State>) {
        state.run.closed = true;
        drop(state);
        self.tell_tails();
    }

    fn tell_tails(&self) {
        // Telling nobody costs as much as telling many. A tail that comes now sees what there is.
        if self.changed.receiver_count() > 0 {
            self.changed.send_replace(());
        }
    }

    /// What follows a place, and whether nothing follows that.
    fn after(&self, after: Option<Place>, limit: usize) -> (Vec<Event>, bool) {
        let state = lock(&self.state);
        let events = state.events.after(after.map(|place| place.seq));
        let events: Vec<_> = events.take(limit).collect();
        let is_end = state.run.closed && events.len() < limit;
        (events, is_end)
    }
}

fn closed(run: &RunId) -> Error {
    Error::new(
        ErrorKind::Store,
        format!("the log of run `{run}` is closed and takes nothing more; begin another run"),
    )
}

/// A future that is there already: memory never waits.
fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    std::future::ready(value).boxed()
}

impl Store for MemoryStore {
    fn create(&self, mut run: NewRun) -> BoxFuture<'static, Result<Epoch>> {
        let mut logs = lock(&self.logs);
        if logs.contains_key(&run.id) {
            let message = format!(
                "there is a log of run `{}` already; give each run an id of its own",
                run.id
            );
            return ready(Err(Error::new(ErrorKind::Conflict, message)));
        }
        let id = run.id.clone();
        let (basis, worker) = (run.basis.take(), run.worker.take());
        let state = State {
            events: Kept::default(),
            run: RunState::new(run),
            worker,
        };
        let log = Log {
            basis,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
        };
        logs.insert(id, Arc::new(log));
        ready(Ok(Epoch::FIRST))
    }

    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        _durability: Durability, // memory has one kind
    ) -> BoxFuture<'static, Result<()>> {
        ready(self.log(run).and_then(|log| log.append(run, epoch, events)))
    }

    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>> {
        ready(self.log(run).map(|log| log.after(after, limit).0))
    }

    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>> {
        let log = match self.log(run) {
            Ok(log) => log,
            Err(error) => return Box::pin(stream::iter([Err(error)])),
        };
        let changed = log.changed.subscribe();
        Box::pin(stream::unfold(
            (log, changed, after),
            |(log, mut changed, after)| async move {
                loop {
                    changed.mark_unchanged();
                    let (events, is_end) = log.after(after, 1);
                    if let Some(event) = events.into_iter().next() {
                        let place = event.place();
                        return Some((Ok(event), (log, changed, Some(place))));
                    }
                    if is_end || changed.changed().await.is_err() {
                        return None;
                    }
                }
            },
        ))
    }

    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        ready(self.log(run).and_then(|log| {
            let mut state = lock(&log.state);
            state.reopen(run, None)
        }))
    }

    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>> {
        ready(self.log(run).and_then(|log| {
            let mut state = lock(&log.state);
            let other = state.worker.as_ref().filter(|other| *other != worker);
            if self.is_leased(other, now) {
                let message = format!(
                    "run `{run}` is another worker's, which is alive; wait until it has ended there, \
                     or that worker's lease is over"
                );
                return Err(Error::new(ErrorKind::Conflict, message).retryable(true));
            }
            state.reopen(run, Some(worker.clone()))
        }))
    }

    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>> {
        lock(&self.leases).insert(worker.clone(), until);
        ready(Ok(()))
    }

    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>> {
        ready(self.log(run).and_then(|log| {
            log.end(log.writer(run, epoch)?);
            Ok(())
        }))
    }

    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        ready(self.log(run).map(|log| lock(&log.state).run.clone()))
    }

    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>> {
        ready(self.log(run).map(|log| log.basis.clone()))
    }

    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>> {
        let logs: Vec<_> = lock(&self.logs).values().cloned().collect();
        let mut runs: Vec<_> = logs
            .iter()
            .map(|log| lock(&log.state))
            .filter(|state| query.takes(&state.run))
            .filter(|state| {
                let is_leased = |now| self.is_leased(state.worker.as_ref(), now);
                !query.free.is_some_and(is_leased)
            })
            .map(|state| state.run.clone())
            .collect();
        runs.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        runs.truncate(query.limit);
        ready(Ok(runs))
    }

    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>> {
        let Some(log) = lock(&self.logs).remove(run) else {
            return ready(Ok(false));
        };
        log.end(lock(&log.state));
        ready(Ok(true))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("logs", &lock(&self.logs).len())
            .finish()
    }
}

//! Where the events of a run are kept.

mod memory;
mod run_state;
mod worker;

use std::sync::Arc;

use futures::{future::BoxFuture, stream::BoxStream};
pub use memory::MemoryStore;
pub use run_state::{NewRun, RunQuery, RunState, RunStatus};
pub use worker::WorkerId;

use crate::{Epoch, Event, Json, Place, Result, RunId, Timestamp};

/// A place for the logs of runs.
///
/// One log a run, of events in the order of their `seq`. A log has one writer at a time, known by
/// its epoch; one that opens it again fences the ones before it. The futures that a store returns
/// resolve once what they did is as durable as was asked for: an event is shown to readers only
/// then.
///
/// Beside each log stands a [`RunState`], so that runs can be listed without reading logs. A store
/// changes it together with the log, in one transaction: `append` sets the last place, and the
/// status if an event [brings](RunStatus::of) one.
///
/// A run may be a [worker](WorkerId)'s, so that several processes can share a store: the one that
/// created or [claimed](Self::claim) it, until it is suspended or has ended.
pub trait Store: Send + Sync + 'static {
    /// Begins a log, and gives the epoch of its first writer, [`Epoch::FIRST`].
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), if there is one already.
    fn create(&self, run: NewRun) -> BoxFuture<'static, Result<Epoch>>;

    /// Adds events at the end.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), if the epoch isn't the newest
    /// or a `seq` isn't above all before it; of kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), if there is no such log; of kind
    /// [`ErrorKind::Store`](crate::ErrorKind::Store), if the log is closed or the store fails.
    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        durability: Durability,
    ) -> BoxFuture<'static, Result<()>>;

    /// The events after a place, `limit` at most; from the beginning, if no place is given.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), if there is no such log.
    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>>;

    /// The events after a place, and those to come; ends when the log is closed.
    ///
    /// An error is the last item.
    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>>;

    /// Opens a log for another writer, which gets the next epoch; gives the state after that.
    ///
    /// Nobody else can write from then on, so the state's last place is where to number on from. It
    /// asks no worker, and the run is none's after that.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), if there is no such log; of
    /// kind [`ErrorKind::Store`](crate::ErrorKind::Store), if it is closed.
    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>>;

    /// Opens a log for a worker as [`reopen`](Self::reopen) does, unless the run is that of another
    /// worker, whose [lease](Self::lease) is good at this moment. The run is the worker's after that.
    ///
    /// Of several that claim a run at once, one gets it: let a worker have a lease before it claims.
    ///
    /// # Errors
    ///
    /// As for [`reopen`](Self::reopen); of kind [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) and
    /// retryable, if the run is another worker's.
    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>>;

    /// Gives a worker a lease on its runs until a moment; one that has passed takes it back.
    ///
    /// It is one lease for all of them, so that renewing it costs the same for one run and for a
    /// thousand. A lease that is over takes nothing from the worker by itself: its runs are there for
    /// others to claim, and it may renew it, but has lost the runs that were claimed.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`](crate::ErrorKind::Store), if the store fails.
    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>>;

    /// Ends a log: nothing can be added any more.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append); closing a closed log is none.
    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>>;

    /// What is known of a run.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), if there is no such log.
    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>>;

    /// What a run began with: the [`basis`](NewRun::basis) that it was created with, if any.
    ///
    /// It is kept for whoever resumes the run, and holds what its readers mustn't see.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), if there is no such log.
    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>>;

    /// The runs that were asked for, the newest first; of the same moment, the greater id first.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`](crate::ErrorKind::Store), if the store fails.
    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>>;

    /// Deletes a log, closed or not, and all that is known of its run; says whether it was there.
    ///
    /// Its tails end. A writer that is left finds no log any more.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`](crate::ErrorKind::Store), if the store fails.
    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>>;
}

/// What must not get lost, at the least, once an append has resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Durability {
    /// It survives the death of the process.
    #[default]
    Process,
    /// It survives the loss of power: for the ends of steps and runs, and for decisions.
    Power,
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn create(&self, run: NewRun) -> BoxFuture<'static, Result<Epoch>> {
        (**self).create(run)
    }

    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        durability: Durability,
    ) -> BoxFuture<'static, Result<()>> {
        (**self).append(run, epoch, events, durability)
    }

    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>> {
        (**self).read(run, after, limit)
    }

    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>> {
        (**self).tail(run, after)
    }

    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        (**self).reopen(run)
    }

    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>> {
        (**self).claim(run, worker, now)
    }

    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>> {
        (**self).lease(worker, until)
    }

    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>> {
        (**self).close(run, epoch)
    }

    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        (**self).state(run)
    }

    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>> {
        (**self).basis(run)
    }

    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>> {
        (**self).list(query)
    }

    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>> {
        (**self).delete(run)
    }
}

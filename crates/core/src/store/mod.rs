//! Where the events of a run are kept.

mod memory;
mod run_state;

use std::sync::Arc;

use futures::{future::BoxFuture, stream::BoxStream};
pub use memory::MemoryStore;
pub use run_state::{NewRun, RunQuery, RunState, RunStatus};

use crate::{Epoch, Event, Json, Place, Result, RunId};

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
    /// Nobody else can write from then on, so the state's last place is where to number on from.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), if there is no such log; of
    /// kind [`ErrorKind::Store`](crate::ErrorKind::Store), if it is closed.
    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>>;

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

//! The store of logs.

use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use mainstem_core::{
    Durability, Epoch, Event, Json, NewRun, Place, Result, RunId, RunQuery, RunState, Store,
    Timestamp, WorkerId,
};

use super::{
    SqliteStore,
    changes::{self, Opener, Rows},
    log_page::{self, Size},
    queries,
    tail::Tail,
};

impl Store for SqliteStore {
    fn create(&self, run: NewRun) -> BoxFuture<'static, Result<Epoch>> {
        let store = self.clone();
        async move {
            let id = run.id.clone();
            let create = move |connection: &_| changes::create(connection, &run);
            store.change(true, Some(id), create).await
        }
        .boxed()
    }

    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        durability: Durability,
    ) -> BoxFuture<'static, Result<()>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let rows = Rows::new(&run, &events)?;
            drop(events);
            let synced = durability > Durability::Process;
            let id = run.clone();
            let append = move |connection: &_| changes::append(connection, &run, epoch, &rows);
            store.change(synced, Some(id), append).await
        }
        .boxed()
    }

    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let size = Size::events(limit);
            let read = move |connection: &_| log_page::read(connection, &run, after, &size);
            Ok(store.query(read).await?.events)
        }
        .boxed()
    }

    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>> {
        Tail::stream(self.clone(), run.clone(), after)
    }

    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let reopen = move |connection: &_| changes::reopen(connection, &run, &Opener::Anybody);
            store.change(false, None, reopen).await
        }
        .boxed()
    }

    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>> {
        let (store, run) = (self.clone(), run.clone());
        let opener = Opener::Worker(worker.clone(), now);
        async move {
            let claim = move |connection: &_| changes::reopen(connection, &run, &opener);
            store.change(false, None, claim).await
        }
        .boxed()
    }

    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>> {
        let (store, worker) = (self.clone(), worker.clone());
        async move {
            let lease = move |connection: &_| changes::lease(connection, &worker, until);
            store.change(false, None, lease).await
        }
        .boxed()
    }

    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let id = run.clone();
            let close = move |connection: &_| changes::close(connection, &run, epoch);
            store.change(true, Some(id), close).await
        }
        .boxed()
    }

    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let state = move |connection: &_| {
                let log = queries::log(connection, &run)?;
                Ok(log.map(|log| log.state))
            };
            store.query(state).await
        }
        .boxed()
    }

    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let basis = move |connection: &_| queries::basis(connection, &run);
            store.query(basis).await
        }
        .boxed()
    }

    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>> {
        let store = self.clone();
        async move {
            let list = move |connection: &_| queries::list(connection, &query);
            store.query(list).await
        }
        .boxed()
    }

    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>> {
        let (store, run) = (self.clone(), run.clone());
        async move {
            let id = run.clone();
            let delete = move |connection: &_| changes::delete(connection, &run);
            store.change(true, Some(id), delete).await
        }
        .boxed()
    }
}

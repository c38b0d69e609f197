//! Which runs are this process's, where several share a store.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{future::BoxFuture, stream::BoxStream};
use mainstem_core::{
    Durability, Epoch, Event, Json, NewRun, Place, Result, RunId, RunQuery, RunState, Store,
    Timestamp, WorkerId,
};
use tokio::{sync::OnceCell, task::AbortHandle, time::sleep};

/// One of several that share a store.
pub(super) struct Worker {
    id: WorkerId,
    lease: Duration,
    /// The task that renews the lease, once it has one.
    renewal: OnceCell<AbortHandle>,
}

impl Worker {
    pub(super) fn new(lease: Duration) -> Self {
        Self {
            id: WorkerId::new(),
            lease,
            renewal: OnceCell::new(),
        }
    }

    pub(super) fn id(&self) -> &WorkerId {
        &self.id
    }

    /// How often the lease is renewed: two attempts may fail.
    pub(super) fn pace(&self) -> Duration {
        self.lease / 3
    }

    /// Sees to it that this worker has a lease, from the first time on.
    pub(super) async fn begin(&self, store: &Arc<dyn Store>) -> Result<()> {
        let begin = async {
            let (store, id, lease) = (Arc::clone(store), self.id.clone(), self.lease);
            renew(&*store, &id, lease).await?;
            let pace = self.pace();
            // spawn: one task for all runs of the sessions; `Hub` aborts it when it is dropped.
            let task = tokio::spawn(async move {
                let never: Infallible = keep(&*store, &id, lease, pace).await;
                match never {}
            });
            Ok(task.abort_handle())
        };
        self.renewal.get_or_try_init(|| begin).await.map(drop)
    }

    pub(super) fn stop(&self) {
        if let Some(task) = self.renewal.get() {
            task.abort();
        }
    }

    /// Gives the lease back, so that others needn't wait for its end.
    pub(super) async fn end(&self, store: &Arc<dyn Store>) {
        self.stop();
        if self.renewal.initialized() {
            // What can't be given back is over soon.
            let _late = store.lease(&self.id, Timestamp::default()).await;
        }
    }

    /// The store as runs of this worker have it.
    pub(super) fn of(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Claiming {
            store: Arc::clone(store),
            worker: self.id.clone(),
        })
    }
}

async fn renew(store: &dyn Store, id: &WorkerId, lease: Duration) -> Result<()> {
    let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
    let until = Timestamp::now().as_unix_millis().saturating_add(lease);
    store.lease(id, Timestamp::from_unix_millis(until)).await
}

async fn keep(store: &dyn Store, id: &WorkerId, lease: Duration, pace: Duration) -> Infallible {
    loop {
        sleep(pace).await;
        if let Err(error) = renew(store, id, lease).await {
            tracing::warn!(
                target: "mainstem::serve",
                %error,
                "the lease on the runs of this process isn't renewed; others may take them up"
            );
        }
    }
}

/// A store whose new runs are a worker's, and where it claims those that it goes on with.
struct Claiming {
    store: Arc<dyn Store>,
    worker: WorkerId,
}

impl Store for Claiming {
    fn create(&self, mut run: NewRun) -> BoxFuture<'static, Result<Epoch>> {
        run.worker = Some(self.worker.clone());
        self.store.create(run)
    }

    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        durability: Durability,
    ) -> BoxFuture<'static, Result<()>> {
        self.store.append(run, epoch, events, durability)
    }

    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>> {
        self.store.read(run, after, limit)
    }

    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>> {
        self.store.tail(run, after)
    }

    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        self.store.claim(run, &self.worker, Timestamp::now())
    }

    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>> {
        self.store.claim(run, worker, now)
    }

    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>> {
        self.store.lease(worker, until)
    }

    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>> {
        self.store.close(run, epoch)
    }

    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        self.store.state(run)
    }

    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>> {
        self.store.basis(run)
    }

    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>> {
        self.store.list(query)
    }

    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>> {
        self.store.delete(run)
    }
}

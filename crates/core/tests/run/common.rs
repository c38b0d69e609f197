//! Small helpers for runs in tests.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context as Task, Poll},
};

use futures::{StreamExt, future::BoxFuture, stream::BoxStream, task::noop_waker_ref};
use mainstem_core::{
    Durability, Epoch, Error, ErrorKind, Event, EventKind, Json, JsonDelta, MemoryStore, NewRun,
    Place, Result, RunContext, RunId, RunQuery, RunState, RunStream, Seq, StopHandle, Store,
    TextDelta, Timestamp, WorkerId,
};
use tokio::sync::Semaphore;

/// The body of a run that emits some pieces of text, and then gives all of it.
pub(crate) async fn say(ctx: RunContext, pieces: &[&'static str]) -> Result<String> {
    for piece in pieces {
        ctx.emit(TextDelta::new(*piece)).await;
    }
    Ok(pieces.concat())
}

/// Emits pieces of JSON.
pub(crate) async fn write(ctx: &RunContext, pieces: &[&'static str]) {
    for piece in pieces {
        ctx.emit(JsonDelta::new(*piece)).await;
    }
}

pub(crate) fn broken() -> Error {
    Error::new(ErrorKind::Model, "the line is dead").with_status(503)
}

pub(crate) fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.name()).collect()
}

pub(crate) fn texts(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(Event::text)
        .map(|text| &**text)
        .collect()
}

pub(crate) async fn collect<T>(stream: &mut RunStream<T>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    check_stream(&events);
    events
}

/// What holds for the events of every run: the beginning, the order, and the one end.
pub(crate) fn check_stream(events: &[Event]) {
    assert_eq!(events[0].kind.name(), "run_started");
    assert_eq!(events[0].place(), Place::new(Epoch::FIRST, Seq(1)));
    check_order(events);
    let ends = events.iter().filter(|event| event.is_end()).count();
    assert_eq!(ends, 1, "{:?}", names(events));
    assert!(events.last().unwrap().is_end(), "{:?}", names(events));
}

pub(crate) fn check_order(events: &[Event]) {
    for pair in events.windows(2) {
        assert!(pair[0].seq < pair[1].seq, "{} {}", pair[0].seq, pair[1].seq);
    }
}

/// Polls once, without anybody to be woken.
pub(crate) fn poll_once<T>(stream: &mut RunStream<T>) -> Poll<Option<Event>> {
    stream.poll_next_unpin(&mut Task::from_waker(noop_waker_ref()))
}

/// Whether the next poll says that nothing comes any more.
pub(crate) fn is_over<T>(stream: &mut RunStream<T>) -> bool {
    matches!(poll_once(stream), Poll::Ready(None))
}

/// Reads until nothing is ready.
pub(crate) fn read_ready<T>(stream: &mut RunStream<T>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Poll::Ready(Some(event)) = poll_once(stream) {
        events.push(event);
    }
    events
}

/// Panics without a message on stderr: for callbacks.
pub(crate) fn panic_quietly() {
    std::panic::resume_unwind(Box::new("on purpose"));
}

/// Tells when what holds it is dropped.
#[derive(Clone, Default)]
pub(crate) struct Dropped(Arc<AtomicBool>);

pub(crate) struct DropGuard(Dropped);

impl Dropped {
    pub(crate) fn guard(&self) -> DropGuard {
        DropGuard(self.clone())
    }

    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Counts, across tasks and threads.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Collects, across tasks and threads.
#[derive(Clone)]
pub(crate) struct Shared<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Shared<T> {
    pub(crate) fn push(&self, item: T) {
        self.0.lock().unwrap().push(item);
    }

    pub(crate) fn get(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

/// A stop handle for callbacks that are made before the run is.
pub(crate) type LateHandle = Arc<OnceLock<StopHandle>>;

/// A call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    /// The n-th append, from 1.
    Append(usize),
    Close,
}

/// A store in memory whose appends wait at a gate, and one of whose calls may fail.
#[derive(Clone)]
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    /// A permit for each append that may go on.
    pub(crate) gate: Arc<Semaphore>,
    fails: Option<Call>,
    hangs: Option<Call>,
    epoch: Epoch,
    appends: Counter,
    pub(crate) durabilities: Shared<(String, Durability)>,
}

impl TestStore {
    pub(crate) fn gated() -> Self {
        Self {
            inner: MemoryStore::new(),
            gate: Arc::new(Semaphore::new(0)),
            fails: None,
            hangs: None,
            epoch: Epoch::FIRST,
            appends: Counter::default(),
            durabilities: Shared::default(),
        }
    }

    pub(crate) fn open() -> Self {
        let store = Self::gated();
        store.gate.add_permits(Semaphore::MAX_PERMITS / 2);
        store
    }

    pub(crate) fn failing(call: Call) -> Self {
        Self::open().that_fails(call)
    }

    pub(crate) fn that_fails(mut self, call: Call) -> Self {
        self.fails = Some(call);
        self
    }

    pub(crate) fn that_hangs(mut self, call: Call) -> Self {
        self.hangs = Some(call);
        self
    }

    pub(crate) fn that_begins_with(mut self, epoch: Epoch) -> Self {
        self.epoch = epoch;
        self
    }

    fn fail(&self, call: Call) -> Result<()> {
        if self.fails == Some(call) {
            return Err(Error::new(ErrorKind::Store, "the disk is full"));
        }
        Ok(())
    }
}

impl Store for TestStore {
    fn create(&self, run: NewRun) -> BoxFuture<'static, Result<Epoch>> {
        let (inner, id, epoch) = (self.inner.clone(), run.id.clone(), self.epoch);
        let create = inner.create(run);
        let fail = self.fail(Call::Create);
        Box::pin(async move {
            fail?;
            let mut begun = create.await?;
            while begun < epoch {
                begun = inner.reopen(&id).await?.epoch;
            }
            Ok(begun)
        })
    }

    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        durability: Durability,
    ) -> BoxFuture<'static, Result<()>> {
        self.appends.add();
        for event in &events {
            let name = event.kind.name().to_owned();
            self.durabilities.push((name, durability));
        }
        let fail = self.fail(Call::Append(self.appends.get()));
        let (this, run) = (self.clone(), run.clone());
        Box::pin(async move {
            this.gate.acquire().await.unwrap().forget();
            fail?;
            this.inner.append(&run, epoch, events, durability).await
        })
    }

    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>> {
        self.inner.read(run, after, limit)
    }

    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>> {
        self.inner.tail(run, after)
    }

    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        self.inner.reopen(run)
    }

    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>> {
        self.inner.claim(run, worker, now)
    }

    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>> {
        self.inner.lease(worker, until)
    }

    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        self.inner.state(run)
    }

    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>> {
        self.inner.basis(run)
    }

    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>> {
        self.inner.list(query)
    }

    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>> {
        self.inner.delete(run)
    }

    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>> {
        let fail = self.fail(Call::Close);
        let hangs = self.hangs == Some(Call::Close);
        let (inner, run) = (self.inner.clone(), run.clone());
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            fail?;
            inner.close(&run, epoch).await
        })
    }
}

/// The events of a log.
pub(crate) async fn log_of(store: &impl Store, run: &RunId) -> Vec<Event> {
    store.read(run, None, usize::MAX).await.unwrap()
}

pub(crate) fn text(piece: &str) -> EventKind {
    TextDelta::new(piece).into()
}

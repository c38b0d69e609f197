//! What the suites say to a store, and what they expect of its answers.

use std::{fmt::Debug, future::Future, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use mainstem_core::{
    Durability, Epoch, ErrorKind, Event, EventKind, NewRun, Place, Result, RunId, Seq, StepPath,
    Store, TextDelta, Timestamp,
};

use super::Home;

/// Far more than any store needs: it ends tests that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn id() -> RunId {
    "r".into()
}

pub(super) fn new_run(id: &str, owner: &str, created: u64) -> NewRun {
    let mut run = NewRun::new(id, "guide");
    run.owner = (!owner.is_empty()).then(|| owner.into());
    run.created = Timestamp::from_unix_millis(created);
    run
}

pub(super) fn event(epoch: u64, seq: u64) -> Event {
    event_of(epoch, seq, TextDelta::new(seq.to_string()))
}

pub(super) fn event_of(epoch: u64, seq: u64, kind: impl Into<EventKind>) -> Event {
    let place = Place::new(Epoch(epoch), Seq(seq));
    Event::new(place, Timestamp::default(), StepPath::run(), kind.into())
}

/// A store in which the run [`id`] has these events.
pub(super) async fn with_log<H: Home<Store: Store>>(home: &H, seqs: &[u64]) -> H::Store {
    let store = home.open().await;
    let epoch = store.create(new_run("r", "", 1)).await.unwrap();
    assert_eq!(epoch, Epoch::FIRST);
    append(&store, 1, seqs).await.unwrap();
    store
}

pub(super) async fn append(store: &impl Store, epoch: u64, seqs: &[u64]) -> Result<()> {
    let events = seqs.iter().map(|seq| event(epoch, *seq)).collect();
    let append = store.append(&id(), Epoch(epoch), events, Durability::Process);
    within(append).await
}

pub(super) async fn seqs(store: &impl Store, after: Option<u64>, limit: usize) -> Vec<u64> {
    let after = after.map(|seq| Place::new(Epoch::FIRST, Seq(seq)));
    let events = within(store.read(&id(), after, limit)).await.unwrap();
    events.iter().map(|event| event.seq.0).collect()
}

/// The kind of a failure that names the run.
#[track_caller]
pub(super) fn kind<T: Debug>(result: Result<T>) -> ErrorKind {
    let error = result.unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("`r`"),
        "it doesn't say which run: {message}"
    );
    error.kind()
}

pub(super) async fn within<T>(work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.expect("the store should have answered by now")
}

/// The next event of a tail, which there is.
pub(super) async fn next(tail: &mut BoxStream<'static, Result<Event>>) -> Event {
    let item = within(tail.next()).await;
    item.expect("the tail should go on").unwrap()
}

/// A tail's end, which is near.
pub(super) async fn end(tail: &mut BoxStream<'static, Result<Event>>) {
    assert_eq!(within(tail.next()).await.map(Result::unwrap), None);
}

/// Nothing is there for a tail, and it hasn't ended.
pub(super) async fn nothing_yet(tail: &mut BoxStream<'static, Result<Event>>) {
    let a_moment = Duration::from_millis(5);
    let item = tokio::time::timeout(a_moment, tail.next()).await;
    assert!(item.is_err(), "nothing was appended: {item:?}");
}

//! The store in memory: order, fencing, ends, tails.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures::{FutureExt, StreamExt};
use mainstem_core::{
    Durability, Epoch, ErrorKind, Event, MemoryStore, Place, Result, RunId, Seq, StepPath, Store,
    TextDelta, Timestamp,
};

fn id() -> RunId {
    "r".into()
}

fn event(epoch: u64, seq: u64) -> Event {
    let place = Place::new(Epoch(epoch), Seq(seq));
    let kind = TextDelta::new(seq.to_string()).into();
    Event::new(place, Timestamp::default(), StepPath::run(), kind)
}

async fn append(store: &MemoryStore, epoch: u64, seqs: &[u64]) -> Result<()> {
    let events = seqs.iter().map(|seq| event(epoch, *seq)).collect();
    store
        .append(&id(), Epoch(epoch), events, Durability::Process)
        .await
}

async fn with_log(seqs: &[u64]) -> MemoryStore {
    let store = MemoryStore::new();
    assert_eq!(store.create(&id()).await.unwrap(), Epoch::FIRST);
    append(&store, 1, seqs).await.unwrap();
    store
}

async fn seqs(store: &MemoryStore, after: Option<u64>, limit: usize) -> Vec<u64> {
    let after = after.map(|seq| Place::new(Epoch::FIRST, Seq(seq)));
    let events = store.read(&id(), after, limit).await.unwrap();
    events.iter().map(|event| event.seq.0).collect()
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn a_log_is_created_once() {
    let store = with_log(&[1]).await;
    assert_eq!(kind(store.create(&id()).await), ErrorKind::Conflict);
    assert_eq!(seqs(&store, None, 9).await, [1]);
}

#[tokio::test]
async fn without_a_log_everything_is_not_found() {
    let store = MemoryStore::new();
    assert_eq!(kind(append(&store, 1, &[1]).await), ErrorKind::NotFound);
    assert_eq!(kind(store.read(&id(), None, 1).await), ErrorKind::NotFound);
    assert_eq!(kind(store.reopen(&id()).await), ErrorKind::NotFound);
    assert_eq!(
        kind(store.close(&id(), Epoch(1)).await),
        ErrorKind::NotFound
    );
    let mut tail = store.tail(&id(), None);
    assert_eq!(kind(tail.next().await.unwrap()), ErrorKind::NotFound);
    assert!(tail.next().await.is_none());
}

#[tokio::test]
async fn a_writer_that_reopens_fences_the_one_before_it() {
    let store = with_log(&[1, 2]).await;
    assert_eq!(store.reopen(&id()).await.unwrap(), Epoch(2));
    assert_eq!(kind(append(&store, 1, &[3]).await), ErrorKind::Conflict);
    assert_eq!(
        kind(store.close(&id(), Epoch(1)).await),
        ErrorKind::Conflict
    );
    append(&store, 2, &[3]).await.unwrap();
    assert_eq!(store.reopen(&id()).await.unwrap(), Epoch(3));
    assert_eq!(kind(append(&store, 2, &[4]).await), ErrorKind::Conflict);
    assert_eq!(kind(append(&store, 4, &[4]).await), ErrorKind::Conflict);
    assert_eq!(seqs(&store, None, 9).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_event_of_another_epoch_than_its_writers_is_refused() {
    let store = with_log(&[]).await;
    let result = store
        .append(&id(), Epoch(1), vec![event(2, 1)], Durability::Process)
        .await;
    assert_eq!(kind(result), ErrorKind::Conflict);
}

#[tokio::test]
async fn numbers_must_increase_and_may_leave_gaps() {
    let store = with_log(&[1, 5]).await;
    for wrong in [&[5][..], &[4], &[6, 6], &[7, 6]] {
        assert_eq!(kind(append(&store, 1, wrong).await), ErrorKind::Conflict);
        assert_eq!(seqs(&store, None, 9).await, [1, 5], "all or nothing");
    }
    append(&store, 1, &[6, 100]).await.unwrap();
    store.reopen(&id()).await.unwrap();
    assert_eq!(kind(append(&store, 2, &[1]).await), ErrorKind::Conflict);
    append(&store, 2, &[101]).await.unwrap();
    assert_eq!(seqs(&store, None, 9).await, [1, 5, 6, 100, 101]);
}

#[tokio::test]
async fn a_closed_log_takes_nothing_more() {
    let store = with_log(&[1]).await;
    store.close(&id(), Epoch(1)).await.unwrap();
    store.close(&id(), Epoch(1)).await.unwrap();
    assert_eq!(kind(append(&store, 1, &[2]).await), ErrorKind::Store);
    assert_eq!(kind(store.reopen(&id()).await), ErrorKind::Store);
    assert_eq!(seqs(&store, None, 9).await, [1]);
}

#[tokio::test]
async fn reading_begins_after_a_place_and_stops_at_the_limit() {
    let store = with_log(&[1, 2, 5, 9]).await;
    assert_eq!(seqs(&store, None, 0).await, [0; 0]);
    assert_eq!(seqs(&store, None, 3).await, [1, 2, 5]);
    assert_eq!(seqs(&store, Some(2), 1).await, [5]);
    assert_eq!(seqs(&store, Some(0), 9).await, [1, 2, 5, 9]);
    assert_eq!(seqs(&store, Some(3), 9).await, [5, 9], "a place in a gap");
    assert_eq!(seqs(&store, Some(9), 9).await, [0; 0]);
    assert_eq!(seqs(&store, Some(u64::MAX), 9).await, [0; 0]);
}

#[tokio::test]
async fn a_tail_waits_for_what_comes_and_ends_with_the_log() {
    let store = with_log(&[1]).await;
    let mut tail = store.tail(&id(), None);
    assert_eq!(tail.next().await.unwrap().unwrap(), event(1, 1));
    assert!(tail.next().now_or_never().is_none());
    append(&store, 1, &[2]).await.unwrap();
    assert_eq!(tail.next().await.unwrap().unwrap(), event(1, 2));
    // It goes on through another writer.
    store.reopen(&id()).await.unwrap();
    assert!(tail.next().now_or_never().is_none());
    append(&store, 2, &[3, 4]).await.unwrap();
    store.close(&id(), Epoch(2)).await.unwrap();
    assert_eq!(tail.next().await.unwrap().unwrap(), event(2, 3));
    assert_eq!(tail.next().await.unwrap().unwrap(), event(2, 4));
    assert!(tail.next().await.is_none());
}

#[tokio::test]
async fn a_tail_that_sleeps_is_woken() {
    let store = with_log(&[]).await;
    let tail = tokio::spawn(store.tail(&id(), None).collect::<Vec<_>>());
    tokio::task::yield_now().await;
    append(&store, 1, &[1]).await.unwrap();
    tokio::task::yield_now().await;
    store.close(&id(), Epoch(1)).await.unwrap();
    assert_eq!(tail.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_removed_log_is_gone_and_its_tails_end() {
    let store = with_log(&[1]).await;
    let tail = tokio::spawn(store.tail(&id(), None).collect::<Vec<_>>());
    tokio::task::yield_now().await;
    assert!(store.remove(&id()));
    assert_eq!(tail.await.unwrap().len(), 1);
    assert!(!store.remove(&id()));
    assert_eq!(kind(store.read(&id(), None, 1).await), ErrorKind::NotFound);
    assert_eq!(store.clone().create(&id()).await.unwrap(), Epoch::FIRST);
    assert_eq!(seqs(&store, None, 9).await, [0; 0]);
}

#[test]
fn the_debug_of_a_store_counts_and_shows_nothing() {
    let store = futures::executor::block_on(with_log(&[1]));
    assert_eq!(format!("{store:?}"), "MemoryStore { logs: 1 }");
}

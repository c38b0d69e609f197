//! The store in memory, on its own; what every store does is proved in the workspace's `tests`.
#![allow(clippy::unwrap_used)]

use futures::StreamExt;
use mainstem_core::{
    Durability, Epoch, Event, MemoryStore, NewRun, Place, Run, RunId, RunQuery, RunStatus, Seq,
    StepPath, Store, TextDelta, Timestamp,
};

fn id() -> RunId {
    "r".into()
}

async fn with_log() -> MemoryStore {
    let store = MemoryStore::new();
    store.create(NewRun::new(id(), "guide")).await.unwrap();
    store
}

async fn append(store: &MemoryStore, seq: u64) {
    let place = Place::new(Epoch::FIRST, Seq(seq));
    let kind = TextDelta::new("a").into();
    let event = Event::new(place, Timestamp::default(), StepPath::run(), kind);
    let append = store.append(&id(), Epoch::FIRST, vec![event], Durability::Process);
    append.await.unwrap();
}

#[tokio::test]
async fn a_tail_that_sleeps_is_woken() {
    let store = with_log().await;
    let tail = tokio::spawn(store.tail(&id(), None).collect::<Vec<_>>());
    tokio::task::yield_now().await;
    append(&store, 1).await;
    tokio::task::yield_now().await;
    store.close(&id(), Epoch::FIRST).await.unwrap();
    assert_eq!(tail.await.unwrap().len(), 1);
}

#[test]
fn the_debug_of_a_store_counts_and_shows_nothing() {
    let store = futures::executor::block_on(with_log());
    assert_eq!(format!("{store:?}"), "MemoryStore { logs: 1 }");
}

#[tokio::test]
async fn a_runs_store_knows_its_name_owner_and_end() {
    let store = MemoryStore::new();
    let run = Run::new("greet", |_| async { Ok("hello") });
    run.id("r").owner("ada").store(store.clone()).await.unwrap();
    let state = store.state(&id()).await.unwrap();
    assert_eq!(
        (&*state.name, state.owner.as_deref()),
        ("greet", Some("ada"))
    );
    assert_eq!((state.status, state.closed), (RunStatus::Finished, true));
    let log = store.read(&id(), None, 9).await.unwrap();
    assert_eq!(state.created, log[0].at);
    assert_eq!(state.last, log.last().map(Event::place));

    let shared: std::sync::Arc<dyn Store> = std::sync::Arc::new(store);
    let listed = shared.list(RunQuery::new(1).owner("ada")).await.unwrap();
    assert_eq!(listed, [shared.state(&id()).await.unwrap()]);
    assert!(shared.delete(&id()).await.unwrap());
}

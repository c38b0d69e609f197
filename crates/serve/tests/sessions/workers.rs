//! Several that share a store: each run is one's at a time.

use std::time::Duration;

use mainstem_core::{ErrorKind, MemoryStore, RunQuery, RunStatus, Store, Timestamp};
use mainstem_serve::{ReadFrom, Sessions, StartOptions};

use crate::support::*;

/// Longer than any test takes by the clock on the wall, which doesn't stand still as that of timers does.
const LEASE: Duration = Duration::from_secs(3600);

fn sharing(store: &MemoryStore, strings: &Strings) -> Sessions {
    builder()
        .served(talker(strings))
        .store(store.clone())
        .worker_lease(LEASE)
        .build()
        .unwrap()
}

fn detached() -> StartOptions {
    StartOptions::new().detached()
}

/// How many runs others can claim.
async fn free(store: &MemoryStore) -> usize {
    let free = RunQuery::new(9).open().free(Timestamp::now());
    store.list(free).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn who_is_alive_keeps_its_runs_and_who_shuts_down_leaves_them_at_once() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let here = sharing(&store, &strings);
    let session = here.start("talk", json(4), detached()).await.unwrap();
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    strings.say(2);
    some(&mut reader, 4).await;

    let there = sharing(&store, &strings);
    let none = there.resume_interrupted(Duration::ZERO).await.unwrap();
    assert!(none.runs.is_empty() && none.refused.is_empty(), "{none:?}");
    assert_eq!(here.shutdown_and_leave(Duration::ZERO).await, 1);
    let taken = there.resume_interrupted(Duration::ZERO).await.unwrap();
    assert_eq!(taken.runs, [session.id().clone()]);
    strings.say(4);
    let seen = there.open(session.id()).await.unwrap();
    assert_eq!(seen.ended().await.unwrap().status, RunStatus::Finished);
}

#[tokio::test(start_paused = true)]
async fn who_was_dropped_keeps_its_runs_until_its_lease_is_over() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let here = sharing(&store, &strings);
    let worker = here.worker().unwrap().clone();
    let session = here.start("talk", json(1), detached()).await.unwrap();
    let id = session.id().clone();
    drop((here, session));

    let there = sharing(&store, &strings);
    assert_ne!(there.worker(), Some(&worker));
    let none = there.resume_interrupted(Duration::ZERO).await.unwrap();
    assert!(none.runs.is_empty(), "{none:?}");
    // As if its time had passed; nobody renews it any more.
    store.lease(&worker, Timestamp::default()).await.unwrap();
    tokio::time::sleep(LEASE).await;
    let taken = there.resume_interrupted(Duration::ZERO).await.unwrap();
    assert_eq!(taken.runs, [id]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_three_times_in_its_time() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let here = sharing(&store, &strings);
    let _session = here.start("talk", json(1), detached()).await.unwrap();
    let worker = here.worker().unwrap();
    for _ in 0..5 {
        assert_eq!(free(&store).await, 0);
        store.lease(worker, Timestamp::default()).await.unwrap();
        assert_eq!(free(&store).await, 1);
        tokio::time::sleep(LEASE / 3 + Duration::from_millis(1)).await;
    }
    assert_eq!(free(&store).await, 0);
}

#[tokio::test(start_paused = true)]
async fn who_was_away_too_long_writes_nothing_more() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let here = sharing(&store, &strings);
    let session = here.start("talk", json(2), detached()).await.unwrap();
    let reader = session.read(ReadFrom::Start).await.unwrap();
    let worker = here.worker().unwrap();
    store.lease(worker, Timestamp::default()).await.unwrap();

    let others = Strings::new();
    let there = sharing(&store, &others);
    let taken = there.resume_interrupted(Duration::ZERO).await.unwrap();
    assert_eq!(taken.runs, [session.id().clone()]);
    // It has its lease again, and goes on.
    tokio::time::sleep(LEASE / 3 + Duration::from_millis(1)).await;
    strings.say(1);
    let events = all(reader).await.unwrap();
    assert_eq!(end(&events), "run_failed");
    let json = serde_json::to_value(events.last().unwrap()).unwrap();
    assert_eq!(json["data"]["error"]["code"], "not_logged");

    others.say(2);
    let taken = there.open(session.id()).await.unwrap();
    let log = all(taken.read(ReadFrom::Start).await.unwrap()).await;
    let log = log.unwrap();
    assert_eq!((text(&log), end(&log)), (said(2), "run_finished".into()));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_another_can_be_cancelled() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let (here, there) = (sharing(&store, &strings), sharing(&store, &strings));
    let session = here.start("talk", json(1), detached()).await.unwrap();
    let elsewhere = there.open(session.id()).await.unwrap();
    let state = elsewhere.cancel().await.unwrap();
    assert_eq!(state.status, RunStatus::Cancelled);
}

#[test]
fn a_lease_that_is_too_short_is_refused() {
    let short = builder().worker_lease(Duration::from_millis(999)).build();
    let error = short.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.message(),
        "a worker's lease of 999ms can't surely be renewed in time; give a second or more"
    );
    let shared = builder().worker_lease(Duration::from_secs(1));
    assert!(shared.build().unwrap().worker().is_some());
    assert_eq!(builder().build().unwrap().worker(), None);
}

#[tokio::test(start_paused = true)]
async fn an_attached_run_that_is_left_is_nobodys_once_its_reader_is_noted() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let (here, there) = (sharing(&store, &strings), sharing(&store, &strings));
    let options = StartOptions::new();
    let session = here.start("talk", json(1), options).await.unwrap();
    assert_eq!(here.shutdown_and_leave(Duration::ZERO).await, 1);
    let taken = there.resume_interrupted(Duration::ZERO).await.unwrap();
    assert_eq!(taken.waiting, [session.id().clone()]);
    let seen = there.open(session.id()).await.unwrap();
    assert!(!seen.is_under_way());
    let reader = seen.attach(ReadFrom::Start).await.unwrap();
    assert!(seen.is_under_way() && !seen.is_detached());
    drop(reader);
}

#[tokio::test(start_paused = true)]
async fn an_attached_run_that_is_left_goes_on_wherever_its_reader_comes_back() {
    let (store, strings) = (MemoryStore::new(), Strings::new());
    let three = || sharing(&store, &strings);
    let (here, there, yonder) = (three(), three(), three());
    let options = StartOptions::new();
    let session = here.start("talk", json(2), options).await.unwrap();
    assert_eq!(here.shutdown_and_leave(Duration::ZERO).await, 1);
    for other in [&there, &yonder] {
        let taken = other.resume_interrupted(Duration::ZERO).await.unwrap();
        assert_eq!(taken.waiting, [session.id().clone()]);
    }
    let seen = yonder.open(session.id()).await.unwrap();
    let reader = seen.attach(ReadFrom::Start).await.unwrap();
    // A second one, at the other process, looks on: it can't take the run away.
    let elsewhere = there.open(session.id()).await.unwrap();
    let onlooker = elsewhere.attach(ReadFrom::Start).await.unwrap();
    assert!(!elsewhere.is_under_way());
    // Those who have waited for it let it be.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(seen.is_under_way());
    strings.say(2);
    for reader in [reader, onlooker] {
        let events = all(reader).await.unwrap();
        assert_eq!(
            (text(&events), end(&events)),
            (said(2), "run_finished".into())
        );
    }
}

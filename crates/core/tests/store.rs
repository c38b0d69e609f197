//! The store in memory: order, fencing, ends, tails.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures::{FutureExt, StreamExt};
use mainstem_core::{
    CancelledBy, Durability, Epoch, Error, ErrorKind, Event, EventKind, Json, MemoryStore, NewRun,
    Place, Result, Run, RunCancelled, RunFailed, RunFinished, RunId, RunQuery, RunResumed,
    RunStatus, RunSuspended, Seq, StepPath, Store, TextDelta, Timestamp, Usage,
};

fn id() -> RunId {
    "r".into()
}

fn new_run(id: &str, owner: &str, created: u64) -> NewRun {
    let mut run = NewRun::new(id, "guide");
    run.owner = (!owner.is_empty()).then(|| owner.into());
    run.created = Timestamp::from_unix_millis(created);
    run
}

fn event(epoch: u64, seq: u64) -> Event {
    event_of(epoch, seq, TextDelta::new(seq.to_string()))
}

fn event_of(epoch: u64, seq: u64, kind: impl Into<EventKind>) -> Event {
    let place = Place::new(Epoch(epoch), Seq(seq));
    Event::new(place, Timestamp::default(), StepPath::run(), kind.into())
}

async fn append(store: &MemoryStore, epoch: u64, seqs: &[u64]) -> Result<()> {
    let events = seqs.iter().map(|seq| event(epoch, *seq)).collect();
    store
        .append(&id(), Epoch(epoch), events, Durability::Process)
        .await
}

async fn with_log(seqs: &[u64]) -> MemoryStore {
    let store = MemoryStore::new();
    assert_eq!(
        store.create(new_run("r", "", 1)).await.unwrap(),
        Epoch::FIRST
    );
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
    let again = store.create(new_run("r", "", 2)).await;
    assert_eq!(kind(again), ErrorKind::Conflict);
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
    assert_eq!(kind(store.state(&id()).await), ErrorKind::NotFound);
    assert_eq!(kind(store.basis(&id()).await), ErrorKind::NotFound);
    assert!(!store.delete(&id()).await.unwrap());
    let mut tail = store.tail(&id(), None);
    assert_eq!(kind(tail.next().await.unwrap()), ErrorKind::NotFound);
    assert!(tail.next().await.is_none());
}

#[tokio::test]
async fn a_writer_that_reopens_fences_the_one_before_it() {
    let store = with_log(&[1, 2]).await;
    let state = store.reopen(&id()).await.unwrap();
    assert_eq!(state.epoch, Epoch(2));
    let last = Place::new(Epoch(1), Seq(2));
    assert_eq!(state.last, Some(last), "where to number on from");
    assert_eq!(kind(append(&store, 1, &[3]).await), ErrorKind::Conflict);
    assert_eq!(
        kind(store.close(&id(), Epoch(1)).await),
        ErrorKind::Conflict
    );
    append(&store, 2, &[3]).await.unwrap();
    assert_eq!(store.reopen(&id()).await.unwrap().epoch, Epoch(3));
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
async fn a_deleted_log_is_gone_and_its_tails_end() {
    let store = with_log(&[1]).await;
    let tail = tokio::spawn(store.tail(&id(), None).collect::<Vec<_>>());
    tokio::task::yield_now().await;
    assert!(store.delete(&id()).await.unwrap());
    assert_eq!(tail.await.unwrap().len(), 1);
    assert!(!store.delete(&id()).await.unwrap());
    assert_eq!(kind(append(&store, 1, &[2]).await), ErrorKind::NotFound);
    assert_eq!(kind(store.read(&id(), None, 1).await), ErrorKind::NotFound);
    assert!(store.list(RunQuery::new(9)).await.unwrap().is_empty());
    store.create(new_run("r", "", 1)).await.unwrap();
    assert_eq!(seqs(&store, None, 9).await, [0; 0]);
}

#[test]
fn the_debug_of_a_store_counts_and_shows_nothing() {
    let store = futures::executor::block_on(with_log(&[1]));
    assert_eq!(format!("{store:?}"), "MemoryStore { logs: 1 }");
}

#[tokio::test]
async fn a_runs_state_follows_its_log() {
    let store = with_log(&[]).await;
    let state = store.state(&id()).await.unwrap();
    assert_eq!((state.epoch, state.last), (Epoch::FIRST, None));
    assert_eq!((state.status, state.closed), (RunStatus::Running, false));
    assert_eq!((&*state.name, state.owner), ("guide", None));
    assert_eq!(state.created, Timestamp::from_unix_millis(1));

    let failed = RunFailed::new((&Error::new(ErrorKind::Model, "dead")).into());
    let mut seq = 0;
    for (kind, status) in [
        (EventKind::from(TextDelta::new("a")), RunStatus::Running),
        (RunSuspended::new(Vec::new()).into(), RunStatus::Suspended),
        (TextDelta::new("b").into(), RunStatus::Suspended),
        (RunResumed::new(Vec::new()).into(), RunStatus::Running),
        (failed.into(), RunStatus::Failed),
        (
            RunCancelled::new(CancelledBy::Stop).into(),
            RunStatus::Cancelled,
        ),
        (
            RunFinished::new(Json::null(), Usage::default()).into(),
            RunStatus::Finished,
        ),
    ] {
        seq += 1;
        let events = vec![event_of(1, seq, kind)];
        let appended = store.append(&id(), Epoch(1), events, Durability::Process);
        appended.await.unwrap();
        let state = store.state(&id()).await.unwrap();
        assert_eq!(state.status, status);
        assert_eq!(state.last, Some(Place::new(Epoch(1), Seq(seq))));
    }
    // What is refused changes nothing.
    let state = store.state(&id()).await.unwrap();
    assert!(append(&store, 1, &[seq + 1, seq]).await.is_err());
    assert_eq!(store.state(&id()).await.unwrap(), state);
    store.close(&id(), Epoch(1)).await.unwrap();
    assert!(store.state(&id()).await.unwrap().closed);
}

#[tokio::test]
async fn what_a_run_began_with_is_kept_beside_its_log() {
    let store = with_log(&[1]).await;
    assert_eq!(store.basis(&id()).await.unwrap(), None);
    let mut run = new_run("b", "", 1);
    run.basis = Some(Json::parse(r#"{ "secret": 7 }"#).unwrap());
    store.create(run.clone()).await.unwrap();
    assert_eq!(store.basis(&run.id).await.unwrap(), run.basis, "verbatim");
    let state = store.state(&run.id).await.unwrap();
    let shown = serde_json::to_string(&state).unwrap();
    assert!(!shown.contains("secret"), "{shown}");
    assert!(store.delete(&run.id).await.unwrap());
    assert_eq!(kind(store.basis(&run.id).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn runs_are_listed_newest_first_by_owner_and_page_by_page() {
    let store = MemoryStore::new();
    for (id, owner, created) in [
        ("a", "ada", 5),
        ("b", "bob", 7),
        ("c", "ada", 7),
        ("d", "ada", 7),
        ("e", "", 1),
    ] {
        store.create(new_run(id, owner, created)).await.unwrap();
    }
    store.close(&"c".into(), Epoch::FIRST).await.unwrap();
    let ids = |query: RunQuery| {
        let listed = store.list(query);
        async move {
            let runs = listed.await.unwrap();
            runs.iter()
                .map(|run| run.id.to_string())
                .collect::<String>()
        }
    };
    assert_eq!(ids(RunQuery::new(9)).await, "dcbae");
    assert_eq!(ids(RunQuery::new(2)).await, "dc");
    assert_eq!(ids(RunQuery::new(0)).await, "");
    assert_eq!(ids(RunQuery::new(9).owner("ada")).await, "dca");
    assert_eq!(ids(RunQuery::new(9).owner("")).await, "");
    assert_eq!(ids(RunQuery::new(9).owner("ada").open()).await, "da");

    let mut pages = String::new();
    let mut query = RunQuery::new(2);
    loop {
        let page = store.list(query).await.unwrap();
        let Some(last) = page.last() else { break };
        // What its cursor names may be gone by then.
        store.delete(&last.id).await.unwrap();
        pages.extend(page.iter().map(|run| run.id.as_str()));
        pages.push('|');
        query = RunQuery::new(2).after(last);
    }
    assert_eq!(pages, "dc|ba|e|");
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

//! What a handle holds, and for how long.

use std::{fs, time::Duration};

use futures::{FutureExt, StreamExt, future::join_all};
use mainstem::{
    Agent, Durability, Epoch, Error, Event, NewRun, Place, RunQuery, RunStatus, Seq, SqliteStore,
    StepPath, Store, TextDelta, Timestamp, test_util::ScriptedModel,
};
use mainstem_testkit::stores::Home;

use super::File;

fn event(seq: u64) -> Event {
    let place = Place::new(Epoch::FIRST, Seq(seq));
    let kind = TextDelta::new("a secret").into();
    Event::new(place, Timestamp::default(), StepPath::run(), kind)
}

async fn append(store: &SqliteStore, run: &str, seq: u64) -> Result<(), Error> {
    let events = vec![event(seq)];
    let append = store.append(&run.into(), Epoch::FIRST, events, Durability::Process);
    append.await
}

/// SQLite takes its log of changes away with the last connection.
async fn until_closed(file: &File) {
    let log = file.path().with_file_name("runs.db-wal");
    for _ in 0..2_000 {
        if !fs::exists(&log).unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the file is still open");
}

#[tokio::test]
async fn the_last_handle_closes_the_file() {
    let file = File::new();
    let store = file.open().await;
    store.create(NewRun::new("r", "guide")).await.unwrap();
    let clone = store.clone();
    drop(store);
    append(&clone, "r", 1).await.unwrap();
    // A tail is a handle, too.
    let mut tail = clone.tail(&"r".into(), None);
    drop(clone);
    assert_eq!(tail.next().await.unwrap().unwrap(), event(1));
    assert!(fs::exists(file.path().with_file_name("runs.db-wal")).unwrap());
    drop(tail);
    until_closed(&file).await;
}

#[tokio::test]
async fn a_future_does_nothing_before_it_is_polled_and_its_work_after_it_is_dropped() {
    let file = File::new();
    let store = file.open().await;
    drop(store.create(NewRun::new("unpolled", "guide")));
    let mut polled = store.create(NewRun::new("polled", "guide"));
    assert!((&mut polled).now_or_never().is_none());
    drop(polled);
    // What was queued before the last handle went is done all the same.
    drop(store);
    until_closed(&file).await;
    let runs = file.open().await.list(RunQuery::new(9)).await.unwrap();
    let ids: Vec<_> = runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids, ["polled"]);
}

#[test]
fn no_runtime_is_needed() {
    let file = File::new();
    futures::executor::block_on(async {
        let store = file.open().await;
        store.create(NewRun::new("r", "guide")).await.unwrap();
        let mut tail = store.tail(&"r".into(), None);
        append(&store, "r", 1).await.unwrap();
        assert_eq!(tail.next().await.unwrap().unwrap(), event(1));
    });
}

/// What queues up is one commit, of which one part may be refused.
#[tokio::test]
async fn a_change_that_is_refused_fails_alone() {
    let file = File::new();
    let store = file.open().await;
    let runs: Vec<_> = (0..500).map(|number| format!("run {number}")).collect();
    let new = runs
        .iter()
        .map(|run| store.create(NewRun::new(run.as_str(), "guide")));
    assert!(join_all(new).await.iter().all(Result::is_ok));
    let seqs = |number: usize| {
        if number.is_multiple_of(3) {
            [2, 1]
        } else {
            [1, 2]
        }
    };
    let appends = runs.iter().enumerate().map(|(number, run)| {
        let events = seqs(number).map(event).to_vec();
        store.append(
            &run.as_str().into(),
            Epoch::FIRST,
            events,
            Durability::Process,
        )
    });
    for (number, appended) in join_all(appends).await.into_iter().enumerate() {
        assert_eq!(appended.is_err(), number.is_multiple_of(3));
        let log = store.read(&runs[number].as_str().into(), None, 9).await;
        assert_eq!(
            log.unwrap().len(),
            if number.is_multiple_of(3) { 0 } else { 2 }
        );
    }
}

#[tokio::test]
async fn the_debug_of_a_store_names_its_file_alone() {
    let file = File::new();
    let store = file.open().await;
    store.create(NewRun::new("r", "guide")).await.unwrap();
    append(&store, "r", 1).await.unwrap();
    let debug = format!("{store:?}");
    assert_eq!(debug, format!("SqliteStore {{ file: {:?} }}", file.path()));
}

#[tokio::test]
async fn a_run_is_kept_from_its_start_to_its_end() {
    let file = File::new();
    let model = ScriptedModel::new().answer(["Ja", "ys"]);
    let agent = Agent::builder(model).name("guide").build().unwrap();
    let mut run = agent
        .run("Which birds?")
        .owner("ada")
        .store(file.open().await)
        .stream();
    let mut seen = Vec::new();
    while let Some(event) = run.next_event().await {
        seen.push(event);
    }
    let store = file.open().await;
    let runs = store.list(RunQuery::new(9).owner("ada")).await.unwrap();
    assert_eq!(
        (runs[0].status, runs[0].closed),
        (RunStatus::Finished, true)
    );
    let log = store.read(run.id(), None, 999).await.unwrap();
    assert_eq!(log, seen);
}

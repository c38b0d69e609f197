//! Readers that come late, or come back.

use futures::StreamExt;
use mainstem_core::{MemoryStore, Place, Store};
use mainstem_serve::{ReadFrom, Served, SessionLimits, Sessions, StartOptions, code};
use mainstem_store::SqliteStore;

use crate::support::*;

/// A store of each kind, as often as it is asked for.
async fn stores() -> (
    Vec<Box<dyn Fn() -> std::sync::Arc<dyn Store>>>,
    tempfile::TempDir,
) {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(directory.path().join("runs.db"))
        .await
        .unwrap();
    let memory = MemoryStore::new();
    let all: Vec<Box<dyn Fn() -> std::sync::Arc<dyn Store>>> = vec![
        Box::new(move || std::sync::Arc::new(memory.clone())),
        Box::new(move || std::sync::Arc::new(sqlite.clone())),
    ];
    (all, directory)
}

#[tokio::test]
async fn live_and_late_and_in_another_process_the_events_are_the_same() {
    let (stores, _directory) = stores().await;
    for store in stores {
        let strings = Strings::new();
        let limits = SessionLimits::new().kept_events(4);
        let sessions = builder()
            .served(talker(&strings))
            .limits(limits)
            .store(store())
            .build()
            .unwrap();
        let options = StartOptions::new().detached();
        let session = sessions.start("talk", json(40), options).await.unwrap();
        let live = session.read(ReadFrom::Start).await.unwrap();
        let live = tokio::spawn(all(live));
        strings.say(20);
        let mut midway = session.read(ReadFrom::Start).await.unwrap();
        let first = some(&mut midway, 17).await;
        // Another process: it has the store alone.
        let elsewhere = Sessions::builder().store(store()).build().unwrap();
        let tail = elsewhere.open(session.id()).await.unwrap();
        let tail = tokio::spawn(all(tail.read(ReadFrom::Start).await.unwrap()));
        strings.say(20);
        let live = live.await.unwrap().unwrap();
        assert_eq!(text(&live), said(40));
        let rest = all(midway).await.unwrap();
        assert_eq!([first.clone(), rest].concat(), live);
        assert_eq!(tail.await.unwrap().unwrap(), live);

        for sessions in [&sessions, &elsewhere] {
            let session = sessions.open(session.id()).await.unwrap();
            let late = session.read(ReadFrom::Start).await.unwrap();
            assert_eq!(all(late).await.unwrap(), live);
            let place = first.last().unwrap().place();
            let after = session.read(ReadFrom::After(place)).await.unwrap();
            assert_eq!(all(after).await.unwrap(), live[17..]);
        }
    }
}

#[tokio::test]
async fn a_reader_comes_back_to_any_place_and_to_no_other() {
    let sessions = builder().build().unwrap();
    let options = StartOptions::new().detached();
    let session = sessions.start("chat", json(5), options).await.unwrap();
    session.ended().await.unwrap();
    let events = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    for (index, event) in events.iter().enumerate() {
        let after = ReadFrom::After(event.place());
        let rest: Vec<_> = session.read(after).await.unwrap().collect().await;
        let rest: Vec<_> = rest.into_iter().map(Result::unwrap).collect();
        assert_eq!(rest, events[index + 1..]);
        let again = session.read(ReadFrom::Again(event.place())).await.unwrap();
        assert_eq!(all(again).await.unwrap(), events);
    }
    let last = events.last().unwrap().place();
    for wrong in ["1-0", "1-99", "2-3"] {
        let place: Place = wrong.parse().unwrap();
        assert_ne!(place, last);
        for from in [ReadFrom::After(place), ReadFrom::Again(place)] {
            let error = session.read(from).await.unwrap_err();
            assert_eq!(error.code(), Some(code::NO_SUCH_PLACE), "{wrong}");
        }
    }
}

#[test]
fn two_of_one_name_are_refused() {
    let error = builder().served(chatter()).build().unwrap_err();
    assert!(error.message().contains("`chat`"), "{error}");
    let other: Served = chatter().named("chat2");
    assert!(builder().served(other).build().is_ok());
}

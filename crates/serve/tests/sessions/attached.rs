//! Who keeps a run going, and who ends it.

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{ErrorKind, RunQuery, RunStatus};
use mainstem_serve::{ReadFrom, StartOptions, code};

use crate::support::*;

fn detached() -> StartOptions {
    StartOptions::new().detached()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_detached_goes_on_without_anybody() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let session = sessions.start("talk", json(3), detached()).await.unwrap();
    let id = session.id().clone();
    drop(session);
    strings.say(3);
    let session = sessions.open(&id).await.unwrap();
    let state = session.ended().await.unwrap();
    assert_eq!(state.status, RunStatus::Finished);
    let events = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    assert_eq!(text(&events), said(3));
    let listed = sessions.list(RunQuery::new(9)).await.unwrap();
    assert_eq!(listed, [state]);
}

#[tokio::test(start_paused = true)]
async fn an_attached_run_ends_with_its_reader_and_says_so() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let options = StartOptions::new();
    let session = sessions.start("talk", json(3), options).await.unwrap();
    let id = session.id().clone();
    let mut reader = session.attach(ReadFrom::Start).await.unwrap();
    let onlooker = session.read(ReadFrom::Start).await.unwrap();
    drop(session);
    strings.say(1);
    some(&mut reader, 3).await;
    assert!(strings.is_at_work());
    drop(reader);
    let events = all(onlooker).await.unwrap();
    assert_eq!(end(&events), "cancelled by disconnect");
    assert!(!strings.is_at_work());
    let late = sessions.open(&id).await.unwrap();
    let late = all(late.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    assert_eq!(late, events);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_reads_ends_with_its_handle() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let options = StartOptions::new();
    let session = sessions.start("talk", json(3), options).await.unwrap();
    let same = session.clone();
    let other = sessions.open(session.id()).await.unwrap();
    drop(session);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(other.is_under_way());
    drop(same);
    assert_eq!(other.ended().await.unwrap().status, RunStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_in_time_finds_the_run_going_on() {
    let strings = Strings::new();
    let sessions = builder()
        .served(talker(&strings))
        .linger(Duration::from_secs(10))
        .build()
        .unwrap();
    let options = StartOptions::new();
    let session = sessions.start("talk", json(3), options).await.unwrap();
    let id = session.id().clone();
    let mut reader = session.attach(ReadFrom::Start).await.unwrap();
    drop(session);
    strings.say(1);
    let last = some(&mut reader, 3).await.pop().unwrap().place();
    drop(reader);

    tokio::time::sleep(Duration::from_secs(9)).await;
    let session = sessions.open(&id).await.unwrap();
    let mut reader = session.attach(ReadFrom::After(last)).await.unwrap();
    strings.say(1);
    assert_eq!(text(&some(&mut reader, 1).await), "1 ");
    tokio::time::sleep(Duration::from_secs(99)).await;
    assert!(session.is_under_way());

    drop(reader);
    let since = tokio::time::Instant::now();
    assert_eq!(session.ended().await.unwrap().status, RunStatus::Cancelled);
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn detach_stop_and_cancel_are_three_things() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    for (how, wanted) in [
        ("detach", "run_finished"),
        ("stop", "cancelled by stop"),
        ("cancel", "cancelled by cancel"),
    ] {
        let options = StartOptions::new();
        let session = sessions.start("talk", json(2), options).await.unwrap();
        let id = session.id().clone();
        let other = sessions.open(&id).await.unwrap();
        match how {
            "detach" => {
                assert!(!session.is_detached());
                session.detach();
                assert!(session.is_detached());
                drop(session);
                strings.say(2);
            }
            "stop" => session.stop(),
            _ => {
                let state = session.cancel().await.unwrap();
                assert_eq!(state.status, RunStatus::Cancelled);
                assert_eq!(session.cancel().await.unwrap(), state);
            }
        }
        other.ended().await.unwrap();
        let events = all(other.read(ReadFrom::Start).await.unwrap())
            .await
            .unwrap();
        assert_eq!(end(&events), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_a_detached_run_that_nobody_reads() {
    let strings = Strings::new();
    let sessions = builder()
        .served(talker(&strings))
        .lease(Duration::from_secs(60))
        .build()
        .unwrap();
    let session = sessions.start("talk", json(3), detached()).await.unwrap();
    let reader = session.read(ReadFrom::Start).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(session.is_under_way());
    drop(reader);
    let since = tokio::time::Instant::now();
    session.ended().await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 60);
    let events = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    assert_eq!(end(&events), "cancelled by lease");

    let without = detached().lease(Duration::from_secs(5));
    let session = sessions.start("talk", json(3), without).await.unwrap();
    let since = tokio::time::Instant::now();
    session.ended().await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_begin_says_why() {
    let strings = Strings::new();
    let limits = mainstem_serve::SessionLimits::new()
        .runs(3)
        .runs_per_owner(2)
        .readers_per_run(1);
    let served = talker(&strings);
    let sessions = builder().served(served).limits(limits).build().unwrap();
    let start = async |name: &str, input, options| {
        let error = sessions.start(name, input, options).await.unwrap_err();
        (error.kind(), error.code().unwrap_or_default().to_owned())
    };
    let ada = || detached().owner("ada");
    assert_eq!(
        start("walk", json(1), ada()).await,
        (ErrorKind::NotFound, code::NOT_SERVED.to_owned())
    );
    assert_eq!(
        start("talk", json("three"), ada()).await,
        (ErrorKind::Input, code::INPUT.to_owned())
    );
    let first = sessions
        .start("talk", json(1), ada().id("r1"))
        .await
        .unwrap();
    assert_eq!(first.owner(), Some("ada"));
    assert_eq!(
        start("talk", json(1), ada().id("r1")).await.1,
        code::UNDER_WAY
    );
    sessions.start("talk", json(1), ada()).await.unwrap();
    assert_eq!(
        start("talk", json(1), ada()).await.1,
        code::TOO_MANY_RUNS_OF_OWNER
    );
    sessions.start("talk", json(1), detached()).await.unwrap();
    assert_eq!(
        start("talk", json(1), detached()).await.1,
        code::TOO_MANY_RUNS
    );
    let _reader = first.read(ReadFrom::Start).await.unwrap();
    let error = first.read(ReadFrom::Start).await.unwrap_err();
    assert_eq!(error.code(), Some(code::TOO_MANY_READERS));

    first.cancel().await.unwrap();
    assert_eq!(
        start("talk", json(1), ada().id("r1")).await.0,
        ErrorKind::Conflict
    );
    sessions.start("talk", json(1), ada()).await.unwrap();
    assert_eq!(sessions.stats().runs, 3);
}

#[tokio::test]
async fn an_id_is_as_long_as_a_guess_is_hopeless() {
    let sessions = builder().build().unwrap();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..100 {
        let session = sessions.start("chat", json(1), detached()).await.unwrap();
        let id = session.id().as_str().to_owned();
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        ids.insert(id);
    }
    assert_eq!(ids.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_the_sessions_and_its_readers_know() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let session = sessions.start("talk", json(3), detached()).await.unwrap();
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    some(&mut reader, 2).await;
    drop(session);
    assert!(strings.is_at_work());
    drop(sessions);
    let error = reader.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(code::LEFT));
    assert!(reader.next().await.is_none());
    assert!(!strings.is_at_work());
}

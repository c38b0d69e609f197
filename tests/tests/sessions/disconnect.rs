//! A reader that goes away is felt by the model's server, and one that is slow, too.

use std::time::{Duration, Instant};

use futures::StreamExt;
use mainstem::{EventKind, Json, RunStatus};
use mainstem_serve::{ReadFrom, Reader, Served, Session, Sessions, SlowReader, StartOptions};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{agent, server_with, within};

const SECOND: Duration = Duration::from_secs(1);

/// An agent's run, and a reader that has its first words.
async fn begun(server: &ScriptedServer, options: StartOptions) -> (Sessions, Session, Reader) {
    let sessions = Sessions::builder()
        .served(Served::new(agent(server)).named("birds"))
        .build()
        .unwrap();
    let question = Json::new("Which birds?").unwrap();
    let session = sessions.start("birds", question, options).await.unwrap();
    let mut reader = session.attach(ReadFrom::Start).await.unwrap();
    loop {
        let event = within(reader.next()).await.unwrap().unwrap();
        if event.text().is_some() {
            return (sessions, session, reader);
        }
    }
}

#[tokio::test]
async fn the_models_socket_is_closed_within_a_second_and_the_log_says_why() {
    let server = server_with([Reply::stream().content("Ja").stall()]).await;
    let (sessions, session, reader) = begun(&server, StartOptions::new()).await;
    let seen = sessions.open(session.id()).await.unwrap();
    drop(session);
    let gone = Instant::now();
    drop(reader);
    let closed = within(server.disconnected(0)).await;
    assert!(closed.at.duration_since(gone) < SECOND);
    let state = within(seen.ended()).await.unwrap();
    assert!(gone.elapsed() < SECOND);
    assert_eq!(state.status, RunStatus::Cancelled);
    let mut late = seen.read(ReadFrom::Start).await.unwrap();
    let mut last = None;
    while let Some(event) = late.next().await {
        last = Some(event.unwrap().kind);
    }
    let Some(EventKind::RunCancelled(end)) = last else {
        panic!("{last:?}");
    };
    assert_eq!(end.by.as_str(), "disconnect");
    assert_eq!(end.partial.unwrap().text, "Ja");
}

#[tokio::test]
async fn a_detached_run_keeps_its_socket_until_it_is_cancelled() {
    let server = server_with([Reply::stream().content("Ja").stall()]).await;
    let (sessions, session, reader) = begun(&server, StartOptions::new().detached()).await;
    let id = session.id().clone();
    drop((session, reader));
    tokio::task::yield_now().await;
    assert_eq!(server.active(), 1);
    let session = sessions.open(&id).await.unwrap();
    let cancelled = Instant::now();
    let state = within(session.cancel()).await.unwrap();
    assert_eq!(state.status, RunStatus::Cancelled);
    let closed = within(server.disconnected(0)).await;
    assert!(closed.at.duration_since(cancelled) < SECOND);
}

#[tokio::test]
async fn a_reader_that_doesnt_read_holds_the_model_back() {
    let server = server_with([Reply::endless("jays and more jays ")]).await;
    let options = StartOptions::new().slow(SlowReader::Hold(50));
    let (sessions, session, reader) = begun(&server, options).await;
    // Until the server can't write any more: every buffer on the way is full.
    let mut before = 0;
    let written = loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let written = server.bytes_written();
        if written == before {
            break written;
        }
        before = written;
    };
    let stats = sessions.stats();
    assert!(stats.events < 100, "{stats:?}");
    assert!(written < 32 << 20, "{written}");
    drop((session, reader));
    within(server.disconnected(0)).await;
}

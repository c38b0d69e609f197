//! The process of a run is killed; another one takes the run up, and its readers go on.
//!
//! The process that is killed is this test binary, started again by the test.

use std::{env, path::Path, process::Stdio, time::Duration};

use futures::StreamExt;
use mainstem::{
    Agent, Event, Flow, Json, RunId, RunStatus, SqliteStore, Store, models::ChatCompletions,
};
use mainstem_serve::{ReadFrom, Reader, Served, Sessions, StartOptions};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{client, within};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// Where the child finds what it needs; without it, this isn't a child.
const FOLDER: &str = "MAINSTEM_SESSIONS_FOLDER";
/// The address of the model.
const MODEL: &str = "MAINSTEM_SESSIONS_MODEL";

/// Two agents in a row.
async fn sessions(folder: &Path, model: &str) -> (Sessions, SqliteStore) {
    let store = SqliteStore::open(folder.join("runs.db")).await.unwrap();
    let model = ChatCompletions::builder("m")
        .base_url(model)
        .client(client());
    let model = model.build().unwrap();
    let agent = |name: &str| Agent::builder(model.clone()).name(name).build().unwrap();
    let flow = Flow::<String>::new("guide")
        .step("plan", agent("planner"))
        .step("write", agent("writer"));
    let sessions = Sessions::builder()
        .served(Served::new(flow))
        .store(store.clone())
        .build()
        .unwrap();
    (sessions, store)
}

/// Not a test: what is started and killed.
#[tokio::test]
async fn child() {
    let (Some(folder), Ok(model)) = (env::var_os(FOLDER), env::var(MODEL)) else {
        return;
    };
    let (sessions, _store) = sessions(Path::new(&folder), &model).await;
    let options = StartOptions::new().detached().owner("ada");
    let jays = Json::new("jays").unwrap();
    let session = sessions.start("guide", jays, options).await.unwrap();
    println!("@run {}", session.id());
    std::future::pending::<()>().await;
}

/// Reads until the text so far ends so.
async fn until(reader: &mut Reader, said: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut text = String::new();
    while !text.ends_with(said) {
        let event = within(reader.next()).await.unwrap().unwrap();
        text.extend(event.text().map(|text| text.as_str()));
        events.push(event);
    }
    events
}

#[tokio::test]
async fn another_process_takes_up_what_a_killed_one_left() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::text(["the ", "plan"]));
    server.push(Reply::stream().content("Ja").stall());
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(MODEL, server.base_url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let id = loop {
        let line = within(lines.next_line()).await.unwrap().unwrap();
        if let Some((_, id)) = line.split_once("@run ") {
            break RunId::from(id);
        }
    };

    // A reader in this process follows what the other one writes.
    let (sessions, store) = sessions(folder.path(), &server.base_url()).await;
    let session = sessions.open(&id).await.unwrap();
    assert!(!session.is_under_way());
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    let mut seen = until(&mut reader, "Ja").await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    within(server.disconnected(1)).await;
    assert_eq!(session.state().await.unwrap().status, RunStatus::Running);

    // It takes the run up; the same reader goes on, and the first step isn't done again.
    server.push(Reply::text(["Jays ", "are blue"]));
    let taken = sessions.resume_interrupted(Duration::ZERO).await.unwrap();
    assert_eq!(taken.runs, std::slice::from_ref(&id));
    let last = seen.last().unwrap().place();
    while let Some(event) = within(reader.next()).await {
        seen.push(event.unwrap());
    }
    assert_eq!(server.requests().len(), 3);
    let state = session.ended().await.unwrap();
    assert_eq!(
        (state.status, state.owner.as_deref()),
        (RunStatus::Finished, Some("ada"))
    );
    let log = store.read(&id, None, usize::MAX).await.unwrap();
    assert_eq!(seen, log);
    // And one that comes back later has all that it missed.
    let after = session.read(ReadFrom::After(last)).await.unwrap();
    let after: Vec<_> = after.map(Result::unwrap).collect().await;
    assert!(log.ends_with(&after));
    assert_eq!(after[0].kind.name(), "run_resumed");
}

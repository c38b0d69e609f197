//! Several processes share a store: each run is one's at a time, and goes on when that one is gone.
//!
//! The other process is this test binary, started again by the test. Nothing here waits for a time: what has to
//! come is waited for, and leases that must not end are far longer than any test.

use std::{env, path::Path, process::Stdio, time::Duration};

use futures::StreamExt;
use mainstem::{
    Agent, Event, EventKind, Json, RunId, RunStatus, SqliteStore, Store, Timestamp,
    models::ChatCompletions,
};
use mainstem_serve::{ReadFrom, Reader, Served, Sessions, StartOptions};
use mainstem_testkit::{Gate, Reply, ScriptedServer};
use mainstem_tests::{client, within};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{sleep, timeout},
};

/// Where the child finds what it needs; without it, this isn't a child.
const FOLDER: &str = "MAINSTEM_SHARED_FOLDER";
/// The address of the model.
const MODEL: &str = "MAINSTEM_SHARED_MODEL";
/// The seconds of the child's lease.
const LEASE: &str = "MAINSTEM_SHARED_LEASE";

/// A lease that is good for the whole test.
const LONG: u64 = 3600;
/// A lease that the test waits for the end of.
const SHORT: u64 = 2;

async fn sessions(folder: &Path, model: &str, lease: u64) -> (Sessions, SqliteStore) {
    let store = SqliteStore::open(folder.join("runs.db")).await.unwrap();
    let model = ChatCompletions::builder("m")
        .base_url(model)
        .client(client());
    let agent = Agent::builder(model.build().unwrap()).name("guide");
    let sessions = Sessions::builder()
        .served(Served::new(agent.build().unwrap()))
        .store(store.clone())
        .worker_lease(Duration::from_secs(lease))
        .build()
        .unwrap();
    (sessions, store)
}

/// Not a test: what is started, and killed or stopped.
#[tokio::test]
async fn child() {
    let (Some(folder), Ok(model)) = (env::var_os(FOLDER), env::var(MODEL)) else {
        return;
    };
    let lease = env::var(LEASE).unwrap().parse().unwrap();
    let (sessions, _store) = sessions(Path::new(&folder), &model, lease).await;
    let options = StartOptions::new().detached();
    let jays = Json::new("jays").unwrap();
    let session = sessions.start("guide", jays, options).await.unwrap();
    println!("@run {}", session.id());
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    let mut last = None;
    while let Some(event) = reader.next().await {
        last = Some(event.unwrap());
    }
    let end = match last.unwrap().kind {
        EventKind::RunFailed(failed) => failed.error.code.unwrap().to_string(),
        kind => kind.name().to_owned(),
    };
    println!("@end {end}");
}

/// Another process with a run that has said `Ja`, and says more when the gate is opened.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    folder: tempfile::TempDir,
    server: ScriptedServer,
    gate: Gate,
    run: RunId,
}

impl Other {
    async fn start(lease: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, gate) = (ScriptedServer::start().await.unwrap(), Gate::new());
        let reply = Reply::stream().content("Ja").gate(&gate);
        server.push(reply.content("y").finish("stop").done());
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "shared::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(MODEL, server.base_url())
            .env(LEASE, lease.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let run = said(&mut lines, "@run ").await.as_str().into();
        Self {
            child,
            lines,
            folder,
            server,
            gate,
            run,
        }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Lets the process stand still, but not in the middle of a write: it would keep the file locked.
    async fn stop(&self, store: &SqliteStore) {
        'again: loop {
            self.signal(Signal::SIGSTOP);
            // More than once: it doesn't stand still at once.
            for _ in 0..3 {
                if store
                    .lease(&"a try".into(), Timestamp::now())
                    .await
                    .is_err()
                {
                    self.signal(Signal::SIGCONT);
                    continue 'again;
                }
            }
            return;
        }
    }

    async fn sessions(&self) -> (Sessions, SqliteStore) {
        sessions(self.folder.path(), &self.server.base_url(), LONG).await
    }
}

/// What the other process says after a mark.
async fn said(lines: &mut Lines<BufReader<ChildStdout>>, mark: &str) -> String {
    loop {
        let line = within(lines.next_line()).await.unwrap().unwrap();
        if let Some((_, said)) = line.split_once(mark) {
            return said.to_owned();
        }
    }
}

/// Reads the run until it has said `Ja`.
async fn reader(sessions: &Sessions, run: &RunId) -> Reader {
    let session = sessions.open(run).await.unwrap();
    assert!(!session.is_under_way());
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    loop {
        let event = within(reader.next()).await.unwrap().unwrap();
        if event.text().is_some_and(|text| text.as_str() == "Ja") {
            return reader;
        }
    }
}

async fn rest(mut reader: Reader) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = within(reader.next()).await {
        events.push(event.unwrap());
    }
    events
}

/// Looks for runs that were left, until there is one.
async fn take_up(sessions: &Sessions) -> RunId {
    let taken_up = async {
        loop {
            let taken = sessions.resume_interrupted(Duration::ZERO).await.unwrap();
            if let [run] = &*taken.runs {
                return run.clone();
            }
            assert!(taken.refused.is_empty(), "{taken:?}");
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), taken_up).await.unwrap()
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.name()).collect()
}

#[tokio::test]
async fn one_that_lives_keeps_its_runs() {
    let mut other = Other::start(LONG).await;
    let (sessions, store) = other.sessions().await;
    let reader = reader(&sessions, &other.run).await;
    for _ in 0..3 {
        let none = sessions.resume_interrupted(Duration::ZERO).await.unwrap();
        assert!(none.runs.is_empty() && none.refused.is_empty(), "{none:?}");
    }
    other.gate.open();
    assert_eq!(said(&mut other.lines, "@end ").await, "run_finished");
    let rest = rest(reader).await;
    assert_eq!(*names(&rest).last().unwrap(), "run_finished");
    let log = store.read(&other.run, None, usize::MAX).await.unwrap();
    assert!(!names(&log).contains(&"run_resumed"));
}

#[tokio::test]
async fn what_a_killed_one_had_goes_on_once_its_lease_is_over() {
    let mut other = Other::start(SHORT).await;
    let (sessions, _store) = other.sessions().await;
    let reader = reader(&sessions, &other.run).await;
    other.child.start_kill().unwrap();
    other.child.wait().await.unwrap();
    other.server.push(Reply::text(["Jays"]));
    assert_eq!(take_up(&sessions).await, other.run);
    let rest = rest(reader).await;
    assert_eq!(names(&rest)[..2], ["run_resumed", "retracted"]);
    let session = sessions.open(&other.run).await.unwrap();
    let state = session.ended().await.unwrap();
    assert_eq!(state.status, RunStatus::Finished);
}

#[tokio::test]
async fn one_that_stood_still_too_long_writes_nothing_more() {
    let mut other = Other::start(SHORT).await;
    let (sessions, store) = other.sessions().await;
    let reader = reader(&sessions, &other.run).await;
    other.stop(&store).await;
    other.server.push(Reply::text(["Jays"]));
    assert_eq!(take_up(&sessions).await, other.run);
    let rest = rest(reader).await;
    assert_eq!(*names(&rest).last().unwrap(), "run_finished");
    let log = store.read(&other.run, None, usize::MAX).await.unwrap();

    // It comes back, and its model goes on.
    other.gate.open();
    other.signal(Signal::SIGCONT);
    assert_eq!(said(&mut other.lines, "@end ").await, "not_logged");
    let now = store.read(&other.run, None, usize::MAX).await.unwrap();
    assert_eq!(now, log);
}

//! SIGKILL at every event; and at moments that nobody chose.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use futures::StreamExt;
use mainstem::{Event, EventKind, SqliteStore, Store};
use mainstem_testkit::{Reply, ScriptedServer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    child::{AFTER, FOLDER, MODEL, RUN, STEPWISE},
    reader::{first_attempt, left},
};

/// A model that answers with what it is asked, in three pieces.
async fn model() -> ScriptedServer {
    let server = mainstem_tests::server().await;
    server.respond_with(|request| {
        let asked = request.user_text().unwrap_or_default().to_owned();
        Reply::text(["<".to_owned(), asked, ">".to_owned()])
    });
    server
}

/// A child, and what it says.
struct Life {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

enum Said {
    Event(Box<Event>),
    /// What the session holds; none, if it went with the process that ended the run.
    Over(Option<String>),
}

impl Life {
    fn begin(folder: &Path, model: &ScriptedServer, after: Option<&Event>, stepwise: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::child", "--nocapture"])
            .env(FOLDER, folder)
            .env(MODEL, model.base_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let Some(event) = after {
            command.env(AFTER, event.place().to_string());
        }
        if stepwise {
            command.env(STEPWISE, "1");
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> Option<Said> {
        while let Ok(Some(line)) = self.lines.next_line().await {
            // The first line of ours comes after words of the test runner.
            if let Some((_, json)) = line.split_once("@event ") {
                return Some(Said::Event(Box::new(serde_json::from_str(json).ok()?)));
            }
            if let Some((_, json)) = line.split_once("@context ") {
                return Some(Said::Over(Some(json.to_owned())));
            }
            if line.contains("@over ") {
                return Some(Said::Over(None));
            }
        }
        None
    }

    async fn go_on(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").await.unwrap();
    }

    /// SIGKILL. What was said before is heard.
    async fn kill(mut self, heard: &mut Vec<Event>) -> ExitStatus {
        self.child.start_kill().unwrap();
        while let Some(Said::Event(event)) = self.next().await {
            heard.push(*event);
        }
        self.child.wait().await.unwrap()
    }
}

/// What can be known of a run from outside, once it is over.
struct Outside {
    _folder: TempDir,
    /// As its reader got them, over all of its lives.
    events: Vec<Event>,
    context: Option<String>,
    /// How often each step did what it does outside.
    effects: BTreeMap<String, usize>,
    log: Vec<Event>,
}

impl Outside {
    async fn of(folder: TempDir, events: Vec<Event>, context: Option<String>) -> Self {
        let store = SqliteStore::open(folder.path().join("runs.db"))
            .await
            .unwrap();
        let log = store.read(&RUN.into(), None, usize::MAX).await.unwrap();
        let mut effects = BTreeMap::new();
        let ends = log.last().map(|event| &event.kind);
        assert!(matches!(ends, Some(EventKind::RunFinished(_))), "{ends:?}");
        let lines = fs::read_to_string(folder.path().join("effects.txt")).unwrap();
        for line in lines.lines() {
            *effects.entry(line.to_owned()).or_default() += 1;
        }
        Self {
            _folder: folder,
            events,
            context,
            effects,
            log,
        }
    }

    /// How many attempts each step had.
    fn attempts(&self) -> BTreeMap<String, usize> {
        let mut attempts = BTreeMap::new();
        for event in &self.log {
            if matches!(event.kind, EventKind::StepStarted(_)) {
                *attempts.entry(first_attempt(&event.path)).or_default() += 1;
            }
        }
        attempts
    }
}

/// A run whose process is killed after so many events, and started again.
async fn killed_at(count: usize) -> Outside {
    let (folder, model) = (tempfile::tempdir().unwrap(), model().await);
    let mut events = Vec::new();
    let mut life = Life::begin(folder.path(), &model, None, true);
    while events.len() < count {
        match life.next().await {
            Some(Said::Event(event)) => events.push(*event),
            _ => panic!("the run is over before event {count}"),
        }
        if events.len() < count {
            life.go_on().await;
        }
    }
    let status = life.kill(&mut events).await;
    assert!(!status.success());
    finish(folder, &model, events).await
}

/// Goes on with a run until it is over.
async fn finish(folder: TempDir, model: &ScriptedServer, mut events: Vec<Event>) -> Outside {
    let mut life = Life::begin(folder.path(), model, events.last(), false);
    loop {
        match life.next().await {
            Some(Said::Event(event)) => events.push(*event),
            Some(Said::Over(context)) => return Outside::of(folder, events, context).await,
            None => panic!("the child ended before its run: {:?}", events.last()),
        }
    }
}

/// That a run that was killed ended as one that wasn't.
fn check(killed: &Outside, undisturbed: &Outside, how: &str) {
    assert_eq!(
        killed.events, killed.log,
        "the reader has what is in the log, {how}"
    );
    let seqs: Vec<_> = killed.log.iter().map(|event| event.seq).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{how}");
    assert_eq!(left(&killed.events), left(&undisturbed.events), "{how}");
    if killed.context.is_some() {
        assert_eq!(killed.context, undisturbed.context, "{how}");
    }
    // Each step did what it does once; once more, if it was cut off and its next attempt did it.
    let attempts = killed.attempts();
    assert!(
        killed.effects.keys().eq(undisturbed.effects.keys()),
        "{how}"
    );
    for (step, times) in &killed.effects {
        assert!(
            times <= &attempts[step],
            "{step} did it {times} times, {how}"
        );
    }
    let again: usize = attempts.values().map(|attempts| attempts - 1).sum();
    let retracted = |event: &&Event| matches!(event.kind, EventKind::Retracted(_));
    let retracted = killed.log.iter().filter(retracted).count();
    assert!(
        again >= retracted,
        "nothing is retracted that isn't said again, {how}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_run_that_is_killed_at_any_event_ends_as_if_it_hadnt_been() {
    let (folder, server) = (tempfile::tempdir().unwrap(), model().await);
    let undisturbed = finish(folder, &server, Vec::new()).await;
    let last = &undisturbed.events.last().unwrap().kind;
    assert!(matches!(last, EventKind::RunFinished(_)), "{last:?}");
    let steps = undisturbed.attempts();
    assert!(steps.len() > 20, "{}", steps.len());
    assert!(steps.values().all(|attempts| *attempts == 1));

    let kills = futures::stream::iter(1..undisturbed.events.len())
        .map(async |count| (count, killed_at(count).await));
    let mut kills = kills.buffer_unordered(4);
    while let Some((count, killed)) = kills.next().await {
        assert!(killed.context.is_some());
        check(&killed, &undisturbed, &format!("killed at event {count}"));
    }
}

/// The process isn't waiting for its reader here: it may be anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_at_any_moment_it_ends_as_if_it_hadnt_been() {
    let (folder, server) = (tempfile::tempdir().unwrap(), model().await);
    let undisturbed = finish(folder, &server, Vec::new()).await;
    for seed in 0..8_u64 {
        let (folder, server) = (tempfile::tempdir().unwrap(), model().await);
        let mut events: Vec<Event> = Vec::new();
        // A child needs some time to begin at all.
        for life in 0..6 {
            let child = Life::begin(folder.path(), &server, events.last(), false);
            let millis = 30 + (seed * 37 + life * 53) % 120;
            tokio::time::sleep(Duration::from_millis(millis)).await;
            child.kill(&mut events).await;
        }
        let killed = finish(folder, &server, events).await;
        check(
            &killed,
            &undisturbed,
            &format!("killed at moments of seed {seed}"),
        );
    }
}

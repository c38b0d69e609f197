//! Runs that outlive the program, by --store.

use mainstem::models::reqwest::Method;
use serde_json::{Value, json};

use crate::program::{Program, said, soon, text};

#[tokio::test]
async fn a_run_waits_for_its_answer_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--store", file.to_str().unwrap()];
    let mut first = Program::start(&store).await;
    let run = first.detached("approval", json!("Pay 7 €")).await;
    assert_eq!(
        first.log(&run).await.last().unwrap()["type"],
        "run_suspended"
    );
    first.child.kill().await.unwrap();

    let second = Program::start(&store).await;
    let yes = json!({"answers": [{"id": "approve", "value": true}]});
    let answered = second.post(&format!("/runs/{run}/input"), &yes).await;
    assert!(answered.status().is_success(), "{}", answered.status());
    let events = second.log(&run).await;
    assert!(said(&events).ends_with("Done: Pay 7 €."));
}

/// Kills a program in the middle of a run, and gives the run's id.
async fn interrupted(store: &[&str]) -> String {
    let mut first = Program::start(store).await;
    let slow = json!({"text": "jays", "chunk": 1, "delay_ms": 50});
    let run = first.detached("echo", slow).await;
    let mut events = first.get(&format!("/runs/{run}/events?wire=text")).await;
    let piece = soon(events.chunk()).await.unwrap().unwrap();
    assert_eq!(piece[0], b'j');
    first.child.kill().await.unwrap();
    run
}

#[tokio::test]
async fn what_was_interrupted_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--store", file.to_str().unwrap()];
    // The shortest there is: that it is over is waited for.
    let store = [&store[..], &["--worker-lease", "1"]].concat();
    let run = interrupted(&store).await;
    let second = Program::start(&store).await;
    let events = second.log(&run).await;
    let has = |kind: &str| events.iter().any(|event| event["type"] == kind);
    assert!(has("run_resumed") && has("retracted"));
    let end = events.last().unwrap();
    assert_eq!(end["data"]["output"], "jays", "{end}");
}

/// A run that hangs.
async fn hanging(program: &Program) -> String {
    let run = program
        .detached("echo", json!({"text": "jays", "fault": "hang"}))
        .await;
    until(program, &run, "step_started").await;
    run
}

/// Reads a run from its beginning until an event of a kind.
async fn until(program: &Program, run: &str, kind: &str) {
    let path = format!("/runs/{run}/events?wire=ndjson");
    let mut events = program.get(&path).await;
    let mut seen = String::new();
    while !seen.contains(kind) {
        let chunk = soon(events.chunk()).await.unwrap().unwrap();
        seen.push_str(str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test]
async fn a_program_that_lives_keeps_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--store", file.to_str().unwrap(), "--worker-lease", "3600"];
    let first = Program::start(&store).await;
    let run = hanging(&first).await;
    // When it answers, it has looked for what was left.
    let second = Program::start(&store).await;
    until(&second, &run, "step_started").await;
    let cancel = first.request(Method::DELETE, &format!("/runs/{run}"));
    let cancelled = soon(cancel.send()).await.unwrap();
    assert!(cancelled.status().is_success(), "{}", cancelled.status());
    let events = second.log(&run).await;
    assert!(events.iter().all(|event| event["type"] != "run_resumed"));
    assert_eq!(events.last().unwrap()["type"], "run_cancelled");
}

#[tokio::test]
async fn a_program_goes_on_with_the_runs_of_one_that_dies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--store", file.to_str().unwrap(), "--worker-lease", "1"];
    let mut first = Program::start(&store).await;
    let run = hanging(&first).await;
    let second = Program::start(&store).await;
    first.child.kill().await.unwrap();
    until(&second, &run, "run_resumed").await;
}

#[tokio::test]
async fn unless_it_may_be_another_program_s() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--store", file.to_str().unwrap(), "--resume-after", "3600"];
    let run = interrupted(&store).await;
    let second = Program::start(&store).await;
    let state = text(second.get(&format!("/runs/{run}")).await).await;
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["status"], "running");
}

//! Runs that outlive the program, by --store.

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
    let run = interrupted(&store).await;
    let second = Program::start(&store).await;
    let events = second.log(&run).await;
    let has = |kind: &str| events.iter().any(|event| event["type"] == kind);
    assert!(has("run_resumed") && has("retracted"));
    let end = events.last().unwrap();
    assert_eq!(end["data"]["output"], "jays", "{end}");
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

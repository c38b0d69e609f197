//! How the server ends.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::program::{Program, id, place, soon, text};

impl Program {
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    async fn exit(&mut self) -> Option<i32> {
        soon(self.child.wait()).await.unwrap().code()
    }
}

const HANGS: &str = r#"{"run": "echo", "input": {"text": "jays", "fault": "hang"}}"#;

#[tokio::test]
async fn runs_may_end_first() {
    let mut program = Program::start(&[]).await;
    let slow = json!({"text": "jays and robins", "chunk": 5, "delay_ms": 300});
    let slow = json!({"run": "echo", "input": slow, "wire": "text"});
    let run = program.start_run(&slow).await;
    program.signal(Signal::SIGINT);
    assert_eq!(text(run).await, "jays and robins");
    assert_eq!(program.exit().await, Some(0));
}

#[tokio::test]
async fn but_not_for_ever() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut program = Program::start(&["--shutdown", "0.3"]).await;
        let run = program
            .start_run(&serde_json::from_str(HANGS).unwrap())
            .await;
        program.signal(signal);
        let events = text(run).await;
        assert!(
            events.contains("run_cancelled") && events.contains("shutdown"),
            "{events}"
        );
        assert_eq!(program.exit().await, Some(0));
    }
}

#[tokio::test]
async fn with_a_store_what_hasnt_ended_goes_on_in_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--shutdown", "0.3", "--store", file.to_str().unwrap()];
    for detach in [true, false] {
        let mut first = Program::start(&store).await;
        let slow = json!({"text": "robins", "chunk": 1, "delay_ms": 700});
        let slow = json!({"run": "echo", "input": slow, "detach": detach, "wire": "ndjson"});
        let mut events = first.start_run(&slow).await;
        let run = id(&events);
        if detach {
            events = first.get(&format!("/runs/{run}/events?wire=ndjson")).await;
        }
        let mut seen = Lines::default();
        while !seen.has("text_delta") {
            seen.add(&soon(events.chunk()).await.unwrap().unwrap());
        }
        first.signal(Signal::SIGTERM);
        // It is cut after the last word.
        while let Ok(Some(more)) = soon(events.chunk()).await {
            seen.add(&more);
        }
        assert_eq!(first.exit().await, Some(0));
        assert!(!seen.has("run_cancelled"));
        let mut seen = seen.all();
        assert_eq!(seen.pop().unwrap()["type"], "broken");

        let second = Program::start(&store).await;
        let last = place(seen.last().unwrap());
        let path = format!("/runs/{run}/events?after={last}&wire=ndjson");
        let mut rest = Lines::default();
        rest.add(text(second.get(&path).await).await.as_bytes());
        seen.extend(rest.all());
        assert_eq!(seen, second.log(&run).await, "neither a gap nor a double");
        // What was attached is so still: this reader has come back.
        let left = seen.iter().find(|it| it["type"] == "notice");
        let code = left.map(|notice| notice["data"]["code"].clone());
        assert_eq!(code, (!detach).then(|| json!("left_attached")));
        let end = seen.last().unwrap();
        assert_eq!(end["data"]["output"], "robins", "{end}");
    }
}

#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn add(&mut self, more: &[u8]) {
        self.0.extend_from_slice(more);
    }

    fn has(&self, kind: &str) -> bool {
        String::from_utf8_lossy(&self.0).contains(kind)
    }

    fn all(&self) -> Vec<Value> {
        let lines = str::from_utf8(&self.0).unwrap().lines();
        let lines = lines.filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn the_second_time_nothing_is_waited_for() {
    let mut program = Program::start(&["--shutdown", "3600"]).await;
    let _run = program
        .start_run(&serde_json::from_str(HANGS).unwrap())
        .await;
    program.signal(Signal::SIGINT);
    // The first one has been heard when nobody listens any more.
    let listens = async || TcpStream::connect(program.address()).await.is_ok();
    soon(async { while listens().await {} }).await;
    let began = Instant::now();
    program.signal(Signal::SIGINT);
    assert_eq!(program.exit().await, Some(130));
    assert!(began.elapsed() < Duration::from_secs(10));
}

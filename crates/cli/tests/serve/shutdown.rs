//! How the server ends.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use crate::program::{Program, soon, text};

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
async fn the_second_time_nothing_is_waited_for() {
    let mut program = Program::start(&["--shutdown", "3600"]).await;
    let _run = program
        .start_run(&serde_json::from_str(HANGS).unwrap())
        .await;
    program.signal(Signal::SIGINT);
    // The first one has been heard when the second one comes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    program.signal(Signal::SIGINT);
    assert_eq!(program.exit().await, Some(130));
    assert!(began.elapsed() < Duration::from_secs(10));
}

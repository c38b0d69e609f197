//! npm's `EventSource`: it comes back by itself, with the last id that it has read.

use mainstem::EventKind;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Reading, assert_whole, installed, lines, script};
use crate::{
    program::{Program, place, said},
    proxy::{Proxy, noise},
};

/// Reads a run until there is no more.
fn source(base: &str, run: &str) -> Command {
    reading(base, &format!("{run}/events"))
}

fn reading(base: &str, path: &str) -> Command {
    let mut command = Command::new("node");
    let names = [EventKind::NAMES, &["end", "broken"]].concat().join(",");
    command
        .arg(script("eventsource.mjs"))
        .arg(format!("{base}/runs/{path}"))
        .arg(names)
        .env("NODE_PATH", installed("node_modules"));
    command
}

const TEXT: &str = "Jays hide acorns, and find most of them again.";

fn slowly(delay_ms: u64) -> Value {
    json!({"text": TEXT, "chunk": 2, "repeat": 4, "delay_ms": delay_ms})
}

#[tokio::test]
async fn it_reads_a_run_and_is_told_when_there_is_no_more() {
    let program = Program::start(&[]).await;
    let run = program.detached("echo", slowly(1)).await;
    let read = lines(source(&program.url, &run)).await;
    // One time it came back, and was told that there is nothing left.
    assert_eq!(assert_whole(&read, &program.log(&run).await), 1);
    assert_eq!(read.last().unwrap()["closed"], 204);
}

#[tokio::test]
async fn cut_between_the_last_event_and_the_end_it_is_told_the_end() {
    let program = Program::start(&[]).await;
    let run = program.detached("echo", slowly(0)).await;
    let last = place(program.log(&run).await.last().unwrap());
    let read = lines(reading(&program.url, &format!("{run}/events?after={last}"))).await;
    let [end, closed] = &read[..] else {
        panic!("{read:?}");
    };
    assert_eq!(
        (&end["type"], &closed["closed"]),
        (&json!("end"), &json!(204))
    );
}

#[tokio::test]
async fn a_network_that_hangs_up_leaves_no_gap_and_doubles_nothing() {
    let program = Program::start(&[]).await;
    let proxy = Proxy::start(program.address(), &[700, 900, 801, 1000]).await;
    let text = noise(4000);
    let input = json!({"text": text, "chunk": 20, "delay_ms": 5});
    let run = program.detached("echo", input).await;
    let read = lines(source(&proxy.url(), &run)).await;
    let log = program.log(&run).await;
    assert!(assert_whole(&read, &log) >= 5);
    assert_eq!(said(&log), text);
}

/// The server is killed in the middle, and started again on the same file: who reads, reads on.
#[tokio::test]
async fn a_killed_server_is_no_gap_either() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let store = ["--store", file.to_str().unwrap()];
    let mut first = Program::start(&store).await;
    let proxy = Proxy::start(first.address(), &[]).await;
    let run = first.detached("echo", slowly(40)).await;
    let mut reading = Reading::start(source(&proxy.url(), &run));
    reading.until(20).await;
    proxy.refuse();
    first.child.kill().await.unwrap();

    let second = Program::start(&store).await;
    proxy.redirect(second.address());
    let read = reading.rest().await;
    let log = second.log(&run).await;
    assert!(assert_whole(&read, &log) >= 2);
    assert_eq!(log.last().unwrap()["type"], "run_finished");
    assert!(said(&log).ends_with(TEXT));
}

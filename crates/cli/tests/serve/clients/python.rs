//! httpx-sse and websockets, from `PyPI`.

use serde_json::{Value, json};
use tokio::process::Command;

use super::{assert_whole, installed, lines, script};
use crate::{
    program::Program,
    proxy::{Proxy, noise},
};

fn python(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(installed("venv").join("bin/python"));
    command.arg(script(name)).args(args);
    command
}

#[tokio::test]
async fn httpx_sse_comes_back_where_it_was_cut() {
    let program = Program::start(&[]).await;
    let proxy = Proxy::start(program.address(), &[700, 900, 1100]).await;
    let input = json!({"text": noise(4000), "chunk": 20, "delay_ms": 5});
    let body = json!({"run": "echo", "input": input, "detach": true});
    let read = lines(python("sse.py", &[&proxy.url(), &body.to_string()])).await;
    let data = read[0]["data"].as_str().unwrap();
    let started: Value = serde_json::from_str(data).unwrap();
    let run = started["data"]["run"].as_str().unwrap();
    assert_eq!(assert_whole(&read, &program.log(run).await), 3);
}

#[tokio::test]
async fn websockets_acknowledges_and_resumes() {
    let program = Program::start(&[]).await;
    let proxy = Proxy::start(program.address(), &[1200, 2000, 3000]).await;
    let input = json!({"text": "Jays hide acorns.", "chunk": 1, "repeat": 4, "delay_ms": 10});
    let start =
        json!({"type": "start", "name": "echo", "input": input, "detach": true, "window": 4});
    let url = format!("ws://{}/ws", proxy.address);
    let read = lines(python("websocket.py", &[&url, &start.to_string()])).await;
    let data = read[0]["data"].as_str().unwrap();
    let started: Value = serde_json::from_str(data).unwrap();
    let run = started["data"]["run"].as_str().unwrap();
    assert_eq!(assert_whole(&read, &program.log(run).await), 3);
    let closed = read.last().unwrap();
    assert_eq!(closed["closed"], 1000);
    assert!(closed["pongs"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn websockets_learns_how_a_run_ended() {
    let program = Program::start(&[]).await;
    let url = format!("ws://{}/ws", program.address());
    for (fault, code) in [("fail", 4001), ("cut", 4001)] {
        let input = json!({"text": "jays", "chunk": 1, "fault": fault});
        let start = json!({"type": "start", "name": "echo", "input": input});
        let read = lines(python("websocket.py", &[&url, &start.to_string()])).await;
        let [.., failed, end, closed] = &read[..] else {
            panic!("{read:?}");
        };
        assert_eq!(
            (&failed["type"], &end["outcome"]),
            (&json!("run_failed"), &json!("failed"))
        );
        assert_eq!(closed["closed"], code, "{fault}");
    }
}

#[tokio::test]
async fn websockets_answers_what_a_run_asks() {
    let program = Program::start(&[]).await;
    let url = format!("ws://{}/ws", program.address());
    let start = json!({"type": "start", "name": "approval", "input": "Pay 7 €"}).to_string();
    let answers = json!([{"id": "approve", "value": true}]).to_string();
    let read = lines(python("websocket.py", &[&url, &start, &answers])).await;
    let ends = read.iter().filter_map(|line| line["outcome"].as_str());
    assert_eq!(ends.collect::<Vec<_>>(), ["suspended", "finished"]);
    assert_eq!(read.last().unwrap()["closed"], 1000);
}

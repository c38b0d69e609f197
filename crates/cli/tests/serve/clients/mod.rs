//! Published clients, as they are installed by `cargo xtask test --only clients`.

mod browser;
mod curl;
mod dashboard;
mod devtools;
mod eventsource;
mod python;

use std::{path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::program::soon;

/// A script beside this file.
fn script(name: &str) -> PathBuf {
    let folder = env!("CARGO_MANIFEST_DIR");
    PathBuf::from(folder).join("tests/serve/clients").join(name)
}

/// Where the clients are.
fn installed(path: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = target.parent().unwrap().join("clients").join(path);
    assert!(
        path.exists(),
        "{} isn't there: `cargo xtask test --only clients` installs the clients",
        path.display()
    );
    path
}

/// What a client has read: lines of JSON.
async fn lines(mut command: Command) -> Vec<Value> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = soon(command.output()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// Whether a client of server-sent events has seen a whole run: each event once, in its order, and
/// the end. How often it was hung up on.
fn assert_whole(read: &[Value], log: &[Value]) -> u64 {
    let (closed, read) = read.split_last().unwrap();
    let (end, read) = read.split_last().unwrap();
    assert_eq!(end["type"], "end", "{end}");
    let ids: Vec<_> = read
        .iter()
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    let places: Vec<_> = log.iter().map(crate::program::place).collect();
    assert_eq!(ids, places, "no gap, and nothing twice");
    for (read, event) in read.iter().zip(log) {
        let data: Value = serde_json::from_str(read["data"].as_str().unwrap()).unwrap();
        // Lines have the place in them, too.
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove("place");
        assert_eq!((&data, &read["type"]), (&event, &event["type"]));
    }
    closed["hangUps"].as_u64().unwrap()
}

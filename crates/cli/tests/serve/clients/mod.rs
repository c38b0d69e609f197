//! Published clients, as they are installed by `cargo xtask test --only clients`.

mod browser;
mod curl;
mod dashboard;
mod devtools;
mod eventsource;
mod python;

use std::{path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

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
async fn lines(command: Command) -> Vec<Value> {
    Reading::start(command).rest().await
}

/// A client that reads.
struct Reading {
    client: Child,
    lines: Lines<BufReader<ChildStdout>>,
    read: Vec<Value>,
}

impl Reading {
    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut client = command.kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(client.stdout.take().unwrap()).lines();
        Self {
            client,
            lines,
            read: Vec::new(),
        }
    }

    /// Whether there was another line.
    async fn line(&mut self) -> bool {
        let line = soon(self.lines.next_line()).await.unwrap();
        let line = line.map(|line| serde_json::from_str(&line).unwrap());
        self.read.extend(line.clone());
        line.is_some()
    }

    /// Until so many lines have been read.
    async fn until(&mut self, count: usize) {
        while self.read.len() < count {
            assert!(self.line().await, "{:?}", self.read);
        }
    }

    /// All lines, when the client is done.
    async fn rest(mut self) -> Vec<Value> {
        while self.line().await {}
        let status = soon(self.client.wait()).await.unwrap();
        assert!(status.success(), "{status} after {:?}", self.read.last());
        self.read
    }
}

/// Whether a client of server-sent events has seen a whole run: each event once, in its order, and
/// the end. How often it was hung up on.
fn assert_whole(read: &[Value], log: &[Value]) -> u64 {
    let [read @ .., end, closed] = read else {
        panic!("it read next to nothing: {read:?}");
    };
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

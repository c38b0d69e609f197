//! Several processes on one file.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use futures::StreamExt;
use mainstem::{Durability, Epoch, ErrorKind, NewRun, RunId, RunQuery, Store};
use mainstem_testkit::stores::Home;

use super::File;

/// A process that appends to a log, and says which events were acknowledged.
pub(super) struct Writer {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Writer {
    pub(super) fn start(file: &Path, run: &str, durability: &str, events: Option<u64>) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_store_writer"))
            .arg(file)
            .args([run, durability])
            .args(events.map(|events| events.to_string()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    /// The number of the next event that was acknowledged.
    pub(super) fn next(&mut self) -> Option<u64> {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        // A process that is killed may leave half a line.
        line.strip_suffix('\n').map(|line| line.parse().unwrap())
    }

    /// Kills it at once, and gives all that it had said.
    pub(super) fn kill(mut self) -> Vec<u64> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Lets it come to its end.
    fn wait(mut self) {
        while self.next().is_some() {}
        assert!(self.process.wait().unwrap().success());
    }
}

/// One that is left behind by a test that fails.
impl Drop for Writer {
    fn drop(&mut self) {
        let _it_ended = self.process.kill();
        let _it_ended = self.process.wait();
    }
}

#[tokio::test]
async fn a_tail_follows_another_process() {
    let file = File::new();
    let store = file.open().await;
    store.create(NewRun::new("r", "guide")).await.unwrap();
    let tail = store.tail(&"r".into(), None);
    let writer = Writer::start(&file.path(), "r", "process", Some(200));
    let seqs: Vec<_> = tail.map(|event| event.unwrap().seq.0).collect().await;
    assert!(seqs.into_iter().eq(1..=200));
    writer.wait();
}

#[tokio::test]
async fn several_processes_write_to_one_file() {
    let file = File::new();
    let runs = ["a", "b", "c", "d"];
    let writers = runs.map(|run| {
        let durability = if run < "c" { "power" } else { "process" };
        Writer::start(&file.path(), run, durability, Some(100))
    });
    writers.into_iter().for_each(Writer::wait);
    let store = file.open().await;
    assert_eq!(store.list(RunQuery::new(9)).await.unwrap().len(), 4);
    for run in runs {
        let log = store.read(&run.into(), None, 999).await.unwrap();
        assert!(log.iter().map(|event| event.seq.0).eq(1..=100));
        let own = format!("{run} ");
        assert!(
            log.iter()
                .all(|event| event.text().unwrap().starts_with(&own))
        );
    }
}

#[tokio::test]
async fn a_process_that_was_thought_dead_is_fenced() {
    let file = File::new();
    let run = RunId::from("r");
    let store = file.open().await;
    store
        .create(NewRun::new(run.clone(), "guide"))
        .await
        .unwrap();
    let mut other = Writer::start(&file.path(), "r", "process", None);
    assert_eq!(other.next(), Some(1));
    let state = store.reopen(&run).await.unwrap();
    assert_eq!(state.epoch, Epoch(3));
    // It ends at the next event that it tries to append.
    let mut last = 1;
    while let Some(seq) = other.next() {
        last = seq;
    }
    assert!(!other.process.wait().unwrap().success());
    assert_eq!(state.last.unwrap().seq.0, last, "nothing came after");
    let late = store
        .append(&run, Epoch(2), Vec::new(), Durability::Process)
        .await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
}

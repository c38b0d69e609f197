//! The interpreter goes through the journal.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Answer, DecisionKind, ErrorKind, InputRequest, Journal, JournalKey, Json, MemoryStore, Result,
    StepFinished, StepPath, Usage,
};
use mainstem_flow::{Flow, with};
use serde::{Deserialize, Serialize};

/// Writes down what it is asked for, and has some outputs already.
#[derive(Clone, Default)]
struct Recorder {
    asked: Arc<Mutex<Vec<String>>>,
    known: Arc<Mutex<Vec<(StepPath, Json)>>>,
}

impl Journal for Recorder {
    fn run(
        &self,
        key: JournalKey,
        what: DecisionKind,
        unit: BoxFuture<'static, Result<Json>>,
    ) -> BoxFuture<'static, Result<Json>> {
        let asked = format!("{} {} {what:?}", key.step, key.name);
        self.asked.lock().unwrap().push(asked);
        unit
    }

    fn step(
        &self,
        path: StepPath,
        unit: BoxFuture<'static, Result<StepFinished>>,
    ) -> BoxFuture<'static, Result<StepFinished>> {
        self.asked.lock().unwrap().push(path.to_string());
        let known = self.known.lock().unwrap();
        match known.iter().find(|(known, _)| *known == path) {
            Some((_, json)) => {
                let finished = StepFinished::new(json.clone(), Usage::default());
                std::future::ready(Ok(finished)).boxed()
            }
            None => unit,
        }
    }

    fn sleep(&self, _: JournalKey, _: Duration) -> BoxFuture<'static, Result<()>> {
        std::future::ready(Ok(())).boxed()
    }

    fn answer(&self, _: InputRequest) -> BoxFuture<'static, Result<Option<Answer>>> {
        std::future::ready(Ok(None)).boxed()
    }
}

fn guide(calls: &Arc<Mutex<Vec<&'static str>>>) -> Flow<u32, u64> {
    let note = |name: &'static str| {
        with(
            (Arc::clone(calls), name),
            |(calls, name): (Arc<Mutex<Vec<&'static str>>>, &'static str), n: u32| {
                calls.lock().unwrap().push(name);
                n + 1
            },
        )
    };
    Flow::new("f")
        .step("one", note("one"))
        .parallel("both", (note("left"), note("right")))
        .step("sum", |(left, right): (u32, u32)| {
            u64::from(left) + u64::from(right)
        })
}

#[tokio::test]
async fn every_step_asks_the_journal_once() -> Result<()> {
    let recorder = Recorder::default();
    let calls = Arc::default();
    let output = guide(&calls)
        .run(1u32)
        .journal(recorder.clone())
        .await?
        .output;
    assert_eq!(output, 6);
    assert_eq!(*calls.lock().unwrap(), ["one", "left", "right"]);
    assert_eq!(
        *recorder.asked.lock().unwrap(),
        [
            "f/one",
            "f/both",
            "f/both[0]/function",
            "f/both[1]/function",
            "f/sum",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn what_the_journal_knows_isnt_done_again() -> Result<()> {
    let recorder = Recorder::default();
    let path = StepPath::run()
        .child("f")
        .child("both")
        .index(1)
        .child("function");
    recorder.known.lock().unwrap().push((path, Json::new(&40)?));
    let calls = Arc::default();
    let output = guide(&calls).run(1u32).journal(recorder).await?.output;
    assert_eq!(output, 43);
    assert_eq!(*calls.lock().unwrap(), ["one", "left"]);
    Ok(())
}

/// A value that forgets something on its way through JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Forgetful {
    kept: u8,
    #[serde(skip)]
    lost: u8,
}

#[tokio::test]
async fn with_a_store_the_next_step_gets_the_value_as_read_back() -> Result<()> {
    let flow = Flow::new("f")
        .step("make", |n: u8| Forgetful { kept: n, lost: n })
        .step("look", |value: Forgetful| value.lost);
    assert_eq!(flow.run(3u8).await?.output, 3);
    let stored = flow.run(3u8).store(MemoryStore::new()).await?;
    assert_eq!(stored.output, 0);
    Ok(())
}

/// A value that can't be read again.
#[derive(Clone, Debug, Serialize)]
struct OneWay(u8);

impl<'de> Deserialize<'de> for OneWay {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("never"))
    }
}

#[tokio::test]
async fn a_value_that_cant_be_read_back_is_an_error_that_names_the_step() {
    let flow = Flow::new("f")
        .step("make", |n: u8| OneWay(n))
        .step("look", |one: OneWay| one.0);
    let error = flow.run(3u8).store(MemoryStore::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(error.step().unwrap().to_string(), "f/make");
    assert!(error.message().contains("OneWay"), "{error}");
}

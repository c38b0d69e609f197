//! A run with tools is cut at every event, and goes on.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use mainstem_agent::{Agent, tool_fn};
use mainstem_core::{
    Context, Event, EventKind, MemoryStore, Result, RunContext, StepResult, Store, Usage,
    function::with, test_util::ScriptedModel,
};
use serde_json::json;

use crate::{Add, told};

type Log = Arc<Mutex<Vec<i64>>>;

async fn add(ctx: RunContext, log: Log, args: Add) -> StepResult<i64> {
    log.lock().unwrap().push(args.a);
    ctx.emit(mainstem_core::Progress::new("adding", 1)).await;
    Ok(args.a + args.b)
}

/// Answers by what it was told, however often it is asked: two calls, one call, text.
#[derive(Clone)]
struct Clever;

impl mainstem_core::Model for Clever {
    fn id(&self) -> &str {
        "clever"
    }

    fn stream(&self, request: mainstem_core::ModelRequest) -> mainstem_core::ModelStream {
        let sum = |a: i64, b: i64| ("add", json!({"a": a, "b": b}));
        let told = told(&request.messages);
        let model = ScriptedModel::new();
        let model = match told.len() {
            0 => model.calls([sum(1, 2), sum(3, 4)]),
            2 => model.calls([sum(3, 7)]),
            _ => model.answer(["It is ", &*told[2]]),
        };
        model.stream(request)
    }
}

fn agent(log: &Log) -> Agent {
    let add = tool_fn("add", "Adds.", with(Arc::clone(log), add));
    Agent::builder(Clever).name("a").tool(add).build().unwrap()
}

/// What a reader keeps who takes back what is void: kinds, by path without attempts.
fn kept(events: &[Event]) -> Vec<String> {
    let mut kept: Vec<&Event> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::Retracted(retracted) => kept
                .retain(|said| !said.path.is_within(&event.path) || said.place() < retracted.since),
            EventKind::RunStarted(_) | EventKind::RunResumed(_) => {}
            _ => kept.push(event),
        }
    }
    let line = |event: &&Event| {
        let path: Vec<_> = event
            .path
            .as_str()
            .split('/')
            .map(|it| it.split('#').next().unwrap())
            .collect();
        format!("{} {}", path.join("/"), event.kind.name())
    };
    let mut lines: Vec<_> = kept.iter().map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn cut_at_every_event_it_goes_on_and_does_nothing_twice_that_was_done() -> Result<()> {
    let whole: Vec<_> = {
        let store = MemoryStore::new();
        let run = agent(&Log::default()).run("Sums?").store(store).stream();
        run.collect().await
    };
    for cut in 1..whole.len() {
        let (store, log, ctx) = (MemoryStore::new(), Log::default(), Context::new());
        let agent = agent(&log);
        let mut run = agent
            .run("Sums?")
            .store(store.clone())
            .context(&ctx)
            .stream();
        let id = run.id().clone();
        for _ in 0..cut {
            run.next().await.unwrap();
        }
        drop(run);
        let before = store.read(&id, None, usize::MAX).await?;
        let is_done = |path: &str| {
            let finished = |it: &&Event| matches!(it.kind, EventKind::StepFinished(_));
            before
                .iter()
                .filter(finished)
                .any(|it| it.path.as_str() == path)
        };
        let done: Vec<_> = ["a/add[0]", "a/add[1]", "a/add[2]"].map(is_done).to_vec();
        let already = log.lock().unwrap().len();

        let ctx = Context::new();
        let result = agent.resume(&id).store(store.clone()).context(&ctx).await?;
        assert_eq!(result.output, "It is 10", "cut at {cut}");
        let again = log.lock().unwrap().len() - already;
        let to_do = done.iter().filter(|done| !**done).count();
        assert_eq!(again, to_do, "cut at {cut}: what wasn't done is done, once");
        let events = store.read(&id, None, usize::MAX).await?;
        assert_eq!(kept(&events), kept(&whole), "cut at {cut}");
        assert_eq!(told(&ctx.messages()), ["3", "7", "10"], "cut at {cut}");
        assert_eq!(ctx.messages().len(), 6, "cut at {cut}");
        assert!(
            result.usage.requests >= 3,
            "cut at {cut}: {:?}",
            result.usage
        );
    }
    Ok(())
}

#[tokio::test]
async fn without_a_cut_it_counts_each_turn_once() -> Result<()> {
    let result = agent(&Log::default())
        .run("Sums?")
        .store(MemoryStore::new())
        .await?;
    let mut used = Usage::new(9, 5);
    used.requests = 3;
    assert_eq!(result.usage, used);
    Ok(())
}

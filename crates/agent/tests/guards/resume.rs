//! A guard that was asked isn't asked again when the run goes on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::StreamExt;
use mainstem_agent::{Agent, InputGuard, OutputGuard, Verdict, tool_fn};
use mainstem_core::{
    EventKind, MemoryStore, Store, Text, function::with, test_util::ScriptedModel,
};
use serde_json::json;

type Count = Arc<AtomicUsize>;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

/// It lets pass what it is asked first, and nothing else.
fn once(count: &Count) -> InputGuard {
    let count = Arc::clone(count);
    let check = |count: Count, _: Text| {
        Verdict::refuse_if(count.fetch_add(1, Ordering::SeqCst) > 0, "once was enough")
    };
    InputGuard::new("once", with(count, check))
}

fn agent(count: &Count, has_tools: bool) -> Agent {
    let model = ScriptedModel::new();
    let model = match has_tools {
        true => model.calls([("tick", json!({}))]).always(["Yes", "."]),
        false => model.always(["Yes", "."]),
    };
    let whole = OutputGuard::whole("whole", |_: Text| Verdict::Allow);
    let builder = Agent::builder(model)
        .guard_input(once(count))
        .guard_output(whole);
    match has_tools {
        true => builder.tool(tool_fn("tick", "", |_: Nothing| "tock")),
        false => builder,
    }
    .build()
    .unwrap()
}

async fn cut_after(events: usize, has_tools: bool) -> Option<()> {
    let count = Count::default();
    let agent = agent(&count, has_tools);
    let store = MemoryStore::new();
    let mut run = agent.run("Hi").store(store.clone()).stream();
    let id = run.id().clone();
    let mut was_admitted = false;
    for _ in 0..events {
        let event = run.next().await?;
        let path = event.path.to_string();
        was_admitted |= path == "agent/input:once" && event.kind.name() == "step_finished";
        if event.kind.name() == "run_finished" {
            return None;
        }
    }
    drop(run);
    let has_asked = count.load(Ordering::SeqCst) > 0;
    let done = agent.resume(&id).store(store.clone()).await;
    if was_admitted || !has_asked {
        assert_eq!(done.unwrap().output, "Yes.", "cut after {events}");
        let log = store.read(&id, None, usize::MAX).await.unwrap();
        let mut shown = String::new();
        for event in log {
            match &event.kind {
                EventKind::TextDelta(delta) => shown.push_str(&delta.text),
                EventKind::Retracted(_) => shown.clear(),
                _ => {}
            }
        }
        assert_eq!(shown, "Yes.", "cut after {events}");
    } else {
        assert_eq!(done.unwrap_err().code(), Some("guard_refused"));
    }
    Some(())
}

#[tokio::test]
async fn a_run_that_is_cut_anywhere_is_admitted_once() {
    for has_tools in [true, false] {
        let mut events = 1;
        while cut_after(events, has_tools).await.is_some() {
            events += 1;
        }
        assert!(events > 8, "{events}");
    }
}

#[tokio::test]
async fn what_an_answer_goes_on_from_counts() {
    let model = ScriptedModel::new()
        .answer(["Ja", "never read"])
        .answer(["ys", "!!"]);
    let brief = mainstem_agent::MaxLength::chars(5);
    let agent = Agent::builder(model)
        .guard_output(brief)
        .continue_interrupted()
        .build()
        .unwrap();
    let store = MemoryStore::new();
    let mut run = agent.run("Which birds?").store(store.clone()).stream();
    assert_eq!(run.next_text().await.unwrap().unwrap(), "Ja");
    let id = run.id().clone();
    drop(run);
    let error = agent.resume(&id).store(store).await.unwrap_err();
    assert_eq!(error.code(), Some("guard_refused"));
    assert_eq!(error.partial().unwrap().text, "Jays");
}

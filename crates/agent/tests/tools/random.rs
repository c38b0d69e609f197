//! Any turns and any calls, cut anywhere: the conversation stays whole, and what was done isn't done again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use mainstem_agent::{Agent, tool_fn};
use mainstem_core::{
    Context, EventKind, MemoryStore, Message, Model, ModelRequest, ModelStream, Part, Role,
    StepError, StepResult, Store, function::with, test_util::ScriptedModel,
};
use proptest::prelude::*;
use serde_json::json;

use crate::told;

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Fine,
    /// It lets others go first.
    Slow,
    Fails,
    Panics,
    Unknown,
    Unfit,
}

impl Fate {
    /// How the words begin that the model is told.
    fn told(self, number: u32) -> String {
        match self {
            Self::Fine | Self::Slow => format!("done {number}"),
            Self::Fails => "! The call failed: on purpose".to_owned(),
            Self::Panics => "! The call failed: tool `work` panicked".to_owned(),
            Self::Unknown => "! The call wasn't made: there is no tool".to_owned(),
            Self::Unfit => "! The call wasn't made: the arguments".to_owned(),
        }
    }

    fn is_made(self) -> bool {
        !matches!(self, Self::Unknown | Self::Unfit)
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Work {
    number: u32,
    fate: String,
}

/// How often each call was made.
type Done = Arc<Mutex<BTreeMap<u32, u32>>>;

async fn work(done: Done, work: Work) -> StepResult<String> {
    *done.lock().unwrap().entry(work.number).or_default() += 1;
    match &*work.fate {
        "Fails" => return Err(StepError::from("on purpose")),
        "Panics" => panic!("on purpose"),
        "Slow" => tokio::task::yield_now().await,
        _ => {}
    }
    Ok(format!("done {}", work.number))
}

/// Calls what its turn says, by how many turns were answered.
#[derive(Clone)]
struct Planned(Vec<Vec<Fate>>);

impl Model for Planned {
    fn id(&self) -> &str {
        "planned"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let turn = request
            .messages
            .iter()
            .filter(|it| it.role == Role::Tool)
            .count();
        let model = ScriptedModel::new();
        let model = match self.0.get(turn) {
            None => model.answer(["The", " end."]),
            Some(calls) => {
                let first: usize = self.0[..turn].iter().map(Vec::len).sum();
                model.calls(calls.iter().zip(first..).map(|(fate, number)| match fate {
                    Fate::Unknown => ("nothing", json!({})),
                    Fate::Unfit => ("work", json!({"number": -1, "fate": ""})),
                    fate => (
                        "work",
                        json!({"number": number, "fate": format!("{fate:?}")}),
                    ),
                }))
            }
        };
        model.stream(request)
    }
}

fn agent(turns: &[Vec<Fate>], done: &Done) -> Agent {
    let work = tool_fn("work", "Works.", with(Arc::clone(done), work));
    Agent::builder(Planned(turns.to_vec()))
        .name("a")
        .tool(work)
        .build()
        .unwrap()
}

/// Each call has one result, in the message that follows; and nothing else has.
fn check_whole(messages: &[Message]) {
    let ids = |message: &Message| -> (Vec<_>, Vec<_>) {
        let parts = || message.parts.iter();
        let calls = parts().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call.id.clone()),
            _ => None,
        });
        let results = parts().filter_map(|part| match part {
            Part::ToolResult(result) => Some(result.call_id.clone()),
            _ => None,
        });
        (calls.collect(), results.collect())
    };
    let mut open = Vec::new();
    for message in messages {
        let (calls, results) = ids(message);
        assert_eq!(std::mem::replace(&mut open, calls), results, "{messages:?}");
    }
    assert!(open.is_empty(), "{messages:?}");
}

/// A bad call ends its turn: what follows it is never written.
fn expected(turns: &[Vec<Fate>]) -> (Vec<String>, Vec<u32>) {
    let (mut told, mut made, mut number) = (Vec::new(), Vec::new(), 0);
    for turn in turns {
        let mut is_cut = false;
        for fate in turn {
            if !is_cut {
                told.push(fate.told(number));
                made.extend(fate.is_made().then_some(number));
            }
            is_cut |= matches!(fate, Fate::Unfit);
            number += 1;
        }
    }
    (told, made)
}

async fn check(turns: Vec<Vec<Fate>>, cut: usize) {
    let (expected, made) = expected(&turns);

    // Without a store: what is left of a run that was dropped.
    let ctx = Context::new();
    let agent_of = |done: &Done| agent(&turns, done);
    let mut run = agent_of(&Done::default())
        .run("Work.")
        .context(&ctx)
        .stream();
    for _ in 0..cut {
        run.next().await;
    }
    drop(run);
    check_whole(&ctx.messages());

    // With one: it goes on.
    let (store, done, ctx) = (MemoryStore::new(), Done::default(), Context::new());
    let agent = agent_of(&done);
    let mut run = agent.run("Work.").store(store.clone()).stream();
    let id = run.id().clone();
    for _ in 0..cut {
        if run.next().await.is_none() {
            break;
        }
    }
    drop(run);
    let log = store.read(&id, None, usize::MAX).await.unwrap();
    if log.is_empty() || log.iter().any(|event| event.kind.is_end()) {
        return;
    }
    let result = agent
        .resume(&id)
        .store(store.clone())
        .context(&ctx)
        .await
        .unwrap();
    assert_eq!(result.output, "The end.");
    let messages = ctx.messages().to_vec();
    check_whole(&messages);
    let told = told(&messages);
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(&expected) {
        assert!(told.starts_with(expected), "{told}, not {expected}");
    }
    let finished = |number: &u32| {
        let words = format!("\"done {number}\"");
        let results = log.iter().filter_map(|event| match &event.kind {
            EventKind::StepFinished(finished) => Some(finished.output.as_str()),
            _ => None,
        });
        results.into_iter().any(|output| output.contains(&words))
    };
    let done = done.lock().unwrap().clone();
    assert_eq!(done.keys().copied().collect::<Vec<_>>(), made);
    for (number, times) in done {
        let most = if finished(&number) { 1 } else { 2 };
        assert!(times <= most, "call {number} was made {times} times");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_turns_are_cut_anywhere_and_go_on(
        turns in prop::collection::vec(prop::collection::vec(prop_oneof![
            3 => Just(Fate::Fine),
            2 => Just(Fate::Slow),
            1 => Just(Fate::Fails),
            1 => Just(Fate::Panics),
            1 => Just(Fate::Unknown),
            1 => Just(Fate::Unfit),
        ], 1..4), 0..4),
        cut in 1usize..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(turns, cut));
    }
}

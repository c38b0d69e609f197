//! Guards that give another text than the model's: what is shown, given, remembered and logged is the same.

use std::collections::BTreeSet;

use futures::StreamExt;
use mainstem_agent::{
    Agent, ForbiddenText, MaxLength, OutputGuard, OutputRewriter, Verdict, tool_fn,
};
use mainstem_core::{
    Context, Error, ErrorKind, EventKind, FinishReason, MemoryStore, ModelEvent, NextAttempt,
    RunId, StepResult, Store, Usage,
    test_util::{Script, ScriptedModel},
};
use proptest::prelude::*;
use serde_json::json;

use super::{agent, agent_of, refused, seen};

/// A word that nobody is to see.
const SECRET: &str = "secret";

fn masked() -> OutputGuard {
    ForbiddenText::new("mask", [SECRET])
        .replace_by("[…]")
        .into()
}

/// The log of a run, as it is stored.
async fn log(store: &MemoryStore, id: &RunId) -> String {
    let events = store.read(id, None, usize::MAX).await.unwrap();
    serde_json::to_string(&events).unwrap()
}

/// Runs an agent on an answer in these pieces, in each way, and gives what all of them agree on.
async fn the_same_everywhere(pieces: &[String]) -> String {
    let agent = || {
        let model = ScriptedModel::new().answer(pieces.to_vec());
        Agent::builder(model)
            .guard_output(masked())
            .build()
            .unwrap()
    };
    let awaited = agent().run("Hi").await.unwrap().output;

    let (store, context) = (MemoryStore::new(), Context::new());
    let run = agent().run("Hi").store(store.clone()).context(&context);
    let mut run = run.stream();
    let id = run.id().clone();
    let mut shown = String::new();
    while let Some(event) = run.next().await {
        if let EventKind::TextDelta(delta) = &event.kind {
            shown.push_str(&delta.text);
        }
    }
    let result = run.await.unwrap();
    assert_eq!(shown, awaited);
    assert_eq!(result.output, awaited);
    assert_eq!(context.messages().last().unwrap().text(), awaited);
    let said = result.messages.last().unwrap();
    assert_eq!(said.text(), awaited);
    assert!(!log(&store, &id).await.contains(SECRET));

    let mut text = agent().run("Hi").stream();
    let mut read = String::new();
    while let Some(piece) = text.next_text().await.unwrap() {
        read.push_str(&piece);
    }
    assert_eq!(read, awaited);
    awaited
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever the pieces are cut.
    #[test]
    fn what_is_shown_given_and_remembered_is_the_same(cuts in prop::collection::btree_set(1_usize..38, 0..12)) {
        let text = "A secret, a secre, a secsecret é secret";
        let cuts: BTreeSet<_> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
        let ends = cuts.iter().copied().chain([text.len()]);
        let mut from = 0;
        let pieces: Vec<_> = ends
            .map(|to| text[std::mem::replace(&mut from, to)..to].to_owned())
            .collect();
        let given = futures::executor::block_on(the_same_everywhere(&pieces));
        prop_assert_eq!(given, "A […], a secre, a sec[…] é […]");
    }
}

#[tokio::test]
async fn all_else_streams_at_once() {
    let agent = agent(["a se", "e, a s", "ec", "r", "et!", " sec"]).guard_output(masked());
    let (shown, outcome) = seen(agent.build().unwrap().run("Hi")).await;
    assert_eq!(shown, ["a ", "see, a ", "[…]!", " ", "sec"]);
    assert_eq!(outcome.unwrap(), "a see, a […]! sec");
}

#[tokio::test]
async fn what_isnt_decided_when_the_model_fails_is_forgotten() {
    let raw = mainstem_core::Partial::new("a secret, a sec", Usage::new(1, 1), None);
    let failure = Error::new(ErrorKind::Truncated, "cut").with_partial(raw);
    let script = Script::new()
        .event(ModelEvent::Text("a secret, a sec".into()))
        .fail(failure);
    let agent = agent_of(script).guard_output(masked()).build().unwrap();
    let context = Context::new();
    let (shown, outcome) = seen(agent.run("Hi").context(&context)).await;
    assert_eq!(shown.concat(), "a […], a ");
    assert_eq!(outcome.unwrap_err().partial().unwrap().text, "a […], a ");
    let last = context.messages().last().unwrap().clone();
    assert!(last.partial);
    assert_eq!(last.text(), "a […], a ");
}

#[tokio::test]
async fn so_it_is_when_the_reader_leaves() {
    let script = Script::new()
        .event(ModelEvent::Text("a secret, a sec".into()))
        .stall();
    let agent = agent_of(script).guard_output(masked()).build().unwrap();
    let context = Context::new();
    let mut run = agent.run("Hi").context(&context).stream();
    assert_eq!(run.next_text().await.unwrap().unwrap(), "a […], a ");
    drop(run);
    assert_eq!(context.messages().last().unwrap().text(), "a […], a ");
}

#[tokio::test]
async fn each_takes_what_the_one_before_gave_and_the_others_see_what_comes_of_it() {
    let louder = || OutputGuard::rewriting("louder", || |piece: &str| piece.to_uppercase());
    let shouts = ForbiddenText::new("shouts", ["SECRET"]);
    let before = agent(["a sec", "ret"])
        .guard_output(shouts.clone())
        .guard_output(masked())
        .guard_output(louder())
        .guard_output(MaxLength::chars(5));
    let (shown, outcome) = seen(before.build().unwrap().run("Hi")).await;
    assert_eq!(shown.concat(), "A […]");
    assert_eq!(outcome.unwrap(), "A […]");

    let after = agent(["a sec", "ret"])
        .guard_output(shouts)
        .guard_output(louder())
        .guard_output(masked());
    let error = after.build().unwrap().run("Hi").await.unwrap_err();
    assert_eq!(error.message(), "guard `shouts` refused the output");
    assert_eq!(error.partial().unwrap().text, "A ");
}

/// Turns the whole answer round, once it is there.
struct Backwards(String);

impl OutputRewriter for Backwards {
    fn take(&mut self, piece: &str) -> StepResult<String> {
        self.0.push_str(piece);
        Ok(String::new())
    }

    fn finish(&mut self) -> StepResult<String> {
        Ok(self.0.chars().rev().collect())
    }
}

#[tokio::test]
async fn what_is_kept_to_the_end_is_seen_by_guards_of_the_whole() {
    let backwards = OutputGuard::rewriting("backwards", || Backwards(String::new()));
    let whole = OutputGuard::whole("whole", |answer: mainstem_core::Text| {
        Verdict::refuse_if(answer != "syaJ", "it isn't that")
    });
    let agent = agent(["Ja", "ys"])
        .guard_output(whole)
        .guard_output(backwards);
    let (shown, outcome) = seen(agent.build().unwrap().run("Hi")).await;
    assert_eq!(shown, ["syaJ"]);
    assert_eq!(outcome.unwrap(), "syaJ");
}

#[tokio::test]
async fn a_model_that_begins_anew_is_rewritten_anew() {
    let failed = Error::new(ErrorKind::Truncated, "cut");
    let anew = NextAttempt::new(&failed, Usage::new(1, 1)).void();
    let script = Script::new()
        .event(ModelEvent::Text("a sec".into()))
        .event(anew.into())
        .event(ModelEvent::Text("ret or a sec".into()))
        .event(ModelEvent::Finished(FinishReason::Stop));
    let agent = agent_of(script).guard_output(masked()).build().unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(outcome.unwrap(), "ret or a sec");
    assert_eq!(shown, ["a ", "<", "ret or a ", "sec"]);
}

#[tokio::test]
async fn an_answer_that_goes_on_after_a_crash_goes_on_from_what_was_shown() {
    let model = ScriptedModel::new()
        .answer(["a secret, a sec", "never read"])
        .answer(["secret."]);
    let agent = Agent::builder(model.clone())
        .guard_output(masked())
        .continue_interrupted()
        .build()
        .unwrap();
    let store = MemoryStore::new();
    let mut run = agent.run("Hi").store(store.clone()).stream();
    assert_eq!(run.next_text().await.unwrap().unwrap(), "a […], a ");
    let id = run.id().clone();
    drop(run);
    let done = agent.resume(&id).store(store.clone()).await.unwrap();
    assert_eq!(done.output, "a […], a […].");
    assert_eq!(model.requests()[1].messages[1].text(), "a […], a ");
    assert!(!log(&store, &id).await.contains(SECRET));
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[tokio::test]
async fn what_is_said_before_a_call_is_rewritten_to_its_end() {
    let script = Script::new()
        .event(ModelEvent::Text("The secret, a sec".into()))
        .event(ModelEvent::ToolCall {
            index: 0,
            id: "1".into(),
            name: "tick".into(),
        })
        .event(ModelEvent::ToolArguments {
            index: 0,
            text: json!({}).to_string().into(),
        })
        .event(ModelEvent::Finished(FinishReason::ToolCalls));
    let model = ScriptedModel::new().script(script).answer(["A secret."]);
    let agent = Agent::builder(model.clone())
        .tool(tool_fn("tick", "", |_: Nothing| "tock"))
        .guard_output(masked());
    let (shown, outcome) = seen(agent.build().unwrap().run("Hi")).await;
    assert_eq!(shown.concat(), "The […], a secA […].");
    assert_eq!(outcome.unwrap(), "A […].");
    assert_eq!(model.requests()[1].messages[1].text(), "The […], a sec");
}

/// Fails, or panics.
struct Broken(bool);

impl OutputRewriter for Broken {
    fn take(&mut self, piece: &str) -> StepResult<String> {
        match piece {
            "c" if self.0 => panic!("no"),
            "c" => Err("a private reason".into()),
            _ => Ok(piece.to_uppercase()),
        }
    }
}

#[tokio::test]
async fn one_that_fails_or_panics_has_refused() {
    for panics in [false, true] {
        let broken = OutputGuard::rewriting("broken", move || Broken(panics));
        let agent = agent(["a", "b", "c"]).guard_output(broken).build().unwrap();
        let (shown, outcome) = seen(agent.run("Hi")).await;
        assert_eq!(shown, ["A", "B"]);
        let message = "guard `broken` failed, and so the output is refused".to_owned();
        assert_eq!(refused(outcome), (message, "AB".to_owned()));
    }
}

#[test]
fn a_typed_output_isnt_rewritten() {
    let typed = agent(["1"]).output::<u8>().guard_output(masked());
    let error = typed.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.message(),
        "guard `mask` rewrites the output of agent `agent`, which is typed; it is for text: leave the guard out, or \
         the type"
    );
}

/// What goes in is masked by the same.
#[tokio::test]
async fn an_input_is_masked_by_the_same() {
    let model = ScriptedModel::new().answer(["So."]);
    let agent = Agent::builder(model.clone())
        .guard_input(ForbiddenText::new("mask", [SECRET]).replace_by("[…]"))
        .build()
        .unwrap();
    agent.run("My secret is a secret.").await.unwrap();
    assert_eq!(model.requests()[0].messages[0].text(), "My […] is a […].");
}

//! Guards of the input.

use std::error::Error as _;

use mainstem_agent::{
    Agent, Draft, Evaluation, ForbiddenText, GuardRefusal, InputGuard, Judge, MaxLength, Verdict,
    context_fn,
};
use mainstem_core::{
    Context, ErrorKind, RunContext, StepError, StepResult, Text, TextDelta, function::with,
    test_util::ScriptedModel,
};

use super::{agent, refused, seen};

fn texts(ctx: &Context) -> Vec<String> {
    ctx.messages().iter().map(|it| it.text()).collect()
}

#[tokio::test]
async fn what_is_refused_is_neither_asked_nor_remembered() {
    let model = ScriptedModel::new();
    let no_keys = InputGuard::new("no_keys", |input: Text| {
        Verdict::refuse_if(input.contains("sk-"), "it holds a key")
    });
    #[allow(clippy::panic)]
    let never = context_fn("never", |_: mainstem_agent::ContextQuery| -> String {
        panic!("nobody is asked for context")
    });
    let agent = Agent::builder(model.clone())
        .guard_input(no_keys)
        .context_from(never)
        .build()
        .unwrap();
    let ctx = Context::new();
    let (shown, outcome) = seen(agent.run("Is sk-123 a key?").context(&ctx)).await;
    let error = outcome.as_ref().unwrap_err();
    let refusal = GuardRefusal::of(error).unwrap();
    assert_eq!(
        (refusal.guard(), refusal.reason()),
        ("no_keys", "it holds a key")
    );
    assert_eq!(error.source().unwrap().to_string(), "it holds a key");
    assert!(!format!("{error:?}").contains("sk-123"));
    assert!(!error.is_retryable());
    let message = "guard `no_keys` refused the input".to_owned();
    assert_eq!(refused(outcome), (message, String::new()));
    assert!(shown.is_empty() && model.requests().is_empty() && ctx.messages().is_empty());
}

#[tokio::test]
async fn each_guard_sees_what_the_ones_before_it_left() {
    let ctx = Context::new();
    let mask = InputGuard::rewriting("mask", async |input: Text| Ok(input.replace("Ada", "A.")));
    let no_ada = InputGuard::new("no_ada", |input: Text| {
        Verdict::refuse_if(input.contains("Ada"), "it names her")
    });
    let agent = agent(["Hello!"])
        .guard_input(mask)
        .guard_input(no_ada)
        .build()
        .unwrap();
    agent.run("I am Ada").context(&ctx).await.unwrap();
    assert_eq!(texts(&ctx), ["I am A.", "Hello!"]);
}

#[tokio::test]
async fn a_text_that_was_rewritten_is_an_input_like_another() {
    let clear = InputGuard::rewriting("clear", |_: Text| String::new());
    let agent = agent(["Hello!"]).guard_input(clear).build().unwrap();
    let error = agent.run("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input, "it is empty now");
}

#[tokio::test]
async fn an_input_that_is_refused_anyway_is_seen_by_no_guard() {
    let panics = InputGuard::new("panics", |_: Text| -> Verdict { panic!("oh") });
    let agent = agent(["Hello!"])
        .guard_input(panics)
        .max_input_bytes(1)
        .build()
        .unwrap();
    assert_eq!(agent.run("Hi").await.unwrap_err().kind(), ErrorKind::Input);
}

#[tokio::test]
async fn a_guard_that_fails_or_panics_has_refused() {
    let fails = InputGuard::new("broken", |_: Text| -> StepResult<Verdict> {
        Err(StepError::terminal("the moderation is down"))
    });
    let panics = InputGuard::new("broken", |_: Text| -> Verdict { panic!("oh") });
    let cant = InputGuard::rewriting("broken", |_: Text| -> StepResult<String> {
        Err("oh".into())
    });
    for (guard, is_retryable) in [(fails, false), (panics, false), (cant, true)] {
        let agent = agent(["Hello!"]).guard_input(guard).build().unwrap();
        let (shown, outcome) = seen(agent.run("Hi")).await;
        assert!(shown.is_empty());
        let error = outcome.as_ref().unwrap_err();
        assert!(GuardRefusal::of(error).is_none() && error.source().is_some());
        assert_eq!(error.is_retryable(), is_retryable);
        let message = "guard `broken` failed, and so the input is refused";
        assert_eq!(refused(outcome), (message.to_owned(), String::new()));
    }
}

#[tokio::test]
async fn an_agent_may_be_the_guard_and_its_usage_counts() {
    let moderator = ScriptedModel::new()
        .answer([r#""allow""#])
        .answer([r#"{"refuse": "rude"}"#]);
    let moderator = Agent::builder(moderator)
        .name("moderator")
        .output::<Verdict>();
    let moderator = moderator.build().unwrap();
    let moderated = InputGuard::new(
        "moderated",
        with(
            moderator,
            async |ctx: RunContext, agent: Agent<Verdict>, input: Text| {
                ctx.emit(TextDelta::new("looking")).await;
                Ok(ctx.run("moderator", &agent, input.to_string()).await?)
            },
        ),
    );
    let agent = agent(["Hello!"]).guard_input(moderated).build().unwrap();
    let mut run = agent.run("Hi").stream();
    assert_eq!(
        run.next_text().await.unwrap().unwrap(),
        "Hello!",
        "a guard says nothing in the text"
    );
    assert_eq!(run.await.unwrap().usage.requests, 2);
    let error = agent.run("You fool").await.unwrap_err();
    assert_eq!(GuardRefusal::of(&error).unwrap().reason(), "rude");
    assert_eq!(error.partial().unwrap().usage.requests, 1);
}

#[tokio::test]
async fn ready_guards_look_at_inputs_too() {
    let long = agent(["Hello!"])
        .guard_input(MaxLength::chars(4))
        .build()
        .unwrap();
    let message = "guard `max_length` refused the input".to_owned();
    assert_eq!(refused(seen(long.run("Höher")).await.1).0, message);
    long.run("Höhe").await.unwrap();
    let names = ForbiddenText::new("names", ["Wren", ""]).ignore_ascii_case();
    let named = agent(["Hello!"]).guard_input(names).build().unwrap();
    let message = "guard `names` refused the input".to_owned();
    assert_eq!(refused(seen(named.run("a WREN")).await.1).0, message);
    named.run("a jay").await.unwrap();
}

/// An agent whose answers are judged has its input admitted once.
#[tokio::test]
async fn an_evaluated_agent_remembers_what_the_guards_left() {
    let model = ScriptedModel::new().answer(["Bad."]).answer(["Good."]);
    let mask = InputGuard::rewriting("mask", |input: Text| input.replace("Ada", "A."));
    let short = MaxLength::chars(6);
    let judge = Judge::function("judge", async |draft: Draft| {
        assert_eq!(draft.input, "I am A");
        Ok(Evaluation::new(if draft.output == "Good." {
            100.0
        } else {
            0.0
        }))
    });
    let agent = Agent::builder(model)
        .guard_input(InputGuard::rewriting("cut", |input: Text| {
            input.replace("..", "")
        }))
        .guard_input(mask)
        .guard_input(InputGuard::rewriting("dot", |input: Text| {
            input.replace('.', "")
        }))
        .guard_input(short)
        .build()
        .unwrap()
        .evaluated_by(judge);
    let ctx = Context::new();
    // The prompt of the second attempt is longer than what the guard lets pass.
    assert_eq!(
        agent.run("I am Ada").context(&ctx).await.unwrap().output,
        "Good."
    );
    assert_eq!(texts(&ctx), ["I am A", "Good."]);
    let ctx = Context::new();
    let error = agent.run("I am not Ada").context(&ctx).await.unwrap_err();
    assert_eq!(error.code(), Some("guard_refused"));
    assert!(
        ctx.messages().is_empty(),
        "what is refused isn't remembered"
    );
}

/// A person's words are looked at before anybody reads them.
#[tokio::test]
async fn an_interview_reads_what_the_guards_left() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Nest {
        eggs: u8,
    }
    let model = ScriptedModel::new().answer([r#"{"eggs": 5}"#]);
    let mask = InputGuard::rewriting("mask", |said: Text| said.replace("Ada", "A."));
    let interview = Agent::builder(model.clone())
        .guard_input(mask)
        .guard_input(MaxLength::chars(12))
        .interview::<Nest>()
        .build()
        .unwrap();
    let ctx = Context::new();
    let error = interview
        .say("Five, says Ada the great")
        .context(&ctx)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("guard_refused"));
    assert!(model.requests().is_empty());
    interview.say("Five, Ada").context(&ctx).await.unwrap();
    let read = model.requests()[0].messages[0].text();
    assert!(read.contains("Five, A.") && !read.contains("Ada"), "{read}");
    let kept = serde_json::to_string(&ctx.snapshot()).unwrap();
    assert!(kept.contains("Five, A.") && !kept.contains("Ada"), "{kept}");
}

#[test]
fn two_of_a_name_that_look_at_the_same_arent_built() {
    let limit = MaxLength::chars(1);
    agent([])
        .guard_input(limit)
        .guard_output(limit)
        .build()
        .unwrap();
    let error = agent([])
        .guard_input(limit)
        .guard_input(limit)
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .message()
            .contains("two guards of its input called `max_length`"),
        "{error}"
    );
    agent([])
        .guard_output(limit)
        .guard_output(limit)
        .build()
        .unwrap_err();
}

//! What a flow remembers, and what its agents read.

use std::time::Duration;

use mainstem_agent::Agent;
use mainstem_core::{
    Context, ErrorKind, Message, ModelEvent, Result, Role,
    test_util::{Script, ScriptedModel},
};
use mainstem_flow::Flow;

use crate::common::agent;

fn in_words(messages: &[Message]) -> Vec<String> {
    let word = |message: &Message| {
        let who = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            _ => "other",
        };
        let partial = if message.partial { ", partial" } else { "" };
        format!("{who}{partial}: {}", message.text())
    };
    messages.iter().map(word).collect()
}

#[tokio::test]
async fn a_flow_remembers_its_input_and_its_output_and_nothing_between() -> Result<()> {
    let model = ScriptedModel::new().answer(["a draft"]).answer(["a text"]);
    let flow = Flow::new("write")
        .step("draft", agent("drafter", &model))
        .step("edit", agent("editor", &model));
    let ctx = Context::new();
    let result = flow.run("jays").context(&ctx).await?;
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: jays", "assistant: a text"]
    );
    assert_eq!(result.messages, ctx.messages().to_vec());
    Ok(())
}

#[tokio::test]
async fn agents_in_a_flow_read_the_history_as_of_the_runs_start() -> Result<()> {
    let model = ScriptedModel::new().answer(["one"]).answer(["two"]);
    let flow = Flow::new("write")
        .step("draft", agent("drafter", &model))
        .step("edit", agent("editor", &model));
    let ctx = Context::new();
    ctx.add_user_message("Hello");
    ctx.add_message(Message::assistant("Hi!"));
    flow.run("jays").context(&ctx).await?;
    let requests = model.requests();
    assert_eq!(
        in_words(&requests[0].messages),
        ["user: Hello", "assistant: Hi!", "user: jays"]
    );
    assert_eq!(
        in_words(&requests[1].messages),
        ["user: Hello", "assistant: Hi!", "user: one"]
    );
    Ok(())
}

#[tokio::test]
async fn an_agent_with_a_thread_of_its_own_remembers_there() -> Result<()> {
    let model = ScriptedModel::new()
        .answer(["a1"])
        .answer(["b"])
        .answer(["a2"])
        .answer(["b"]);
    let own = Agent::builder(model.clone()).thread("notes").build()?;
    let flow = Flow::new("f").parallel("both", (own, |text: String| text.len()));
    let ctx = Context::new();
    flow.run("one").context(&ctx).await?;
    flow.run("two").context(&ctx).await?;
    assert_eq!(
        in_words(&ctx.thread("notes").messages()),
        ["user: one", "assistant: a1", "user: two", "assistant: b"]
    );
    assert_eq!(
        in_words(&ctx.messages()),
        [
            "user: one",
            r#"assistant: ["a1",3]"#,
            "user: two",
            r#"assistant: ["b",3]"#
        ]
    );
    Ok(())
}

#[tokio::test]
async fn an_input_that_was_added_by_hand_isnt_doubled() -> Result<()> {
    let flow = Flow::new("f").step("upper", |text: String| text.to_uppercase());
    let ctx = Context::new();
    ctx.add_user_message("jays");
    flow.run("jays").context(&ctx).await?;
    assert_eq!(in_words(&ctx.messages()), ["user: jays", "assistant: JAYS"]);
    Ok(())
}

#[tokio::test]
async fn it_isnt_doubled_either_if_a_step_adds_a_message() -> Result<()> {
    let flow = Flow::new("f").step("note", |ctx: mainstem_core::RunContext, text: String| {
        ctx.context().add_message(Message::assistant("One moment."));
        text.to_uppercase()
    });
    let ctx = Context::new();
    ctx.add_user_message("jays");
    flow.run("jays").context(&ctx).await?;
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: jays", "assistant: One moment.", "assistant: JAYS"]
    );
    Ok(())
}

#[tokio::test]
async fn nothing_and_values_are_remembered_as_they_read() -> Result<()> {
    let ctx = Context::new();
    Flow::new("f")
        .step("drop", |_: u32| ())
        .run(7u32)
        .context(&ctx)
        .await?;
    assert_eq!(in_words(&ctx.messages()), ["user: 7"]);
    Ok(())
}

/// Says half of its answer, then stalls.
fn stalls() -> ScriptedModel {
    ScriptedModel::new().script(Script::new().event(ModelEvent::Text("half".into())).stall())
}

#[tokio::test]
async fn a_stop_in_the_last_step_leaves_a_partial_answer() -> Result<()> {
    let flow = Flow::new("f")
        .step("trim", |text: String| text)
        .step("write", agent("writer", &stalls()));
    let ctx = Context::new();
    let mut run = flow.run("jays").context(&ctx).stream();
    assert_eq!(run.next_text().await?.unwrap(), "half");
    run.stop();
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: jays", "assistant, partial: half"]
    );
    Ok(())
}

#[tokio::test]
async fn a_stop_before_the_last_step_leaves_the_question_alone() -> Result<()> {
    let flow = Flow::new("f")
        .step("draft", agent("drafter", &stalls()))
        .step("trim", |text: String| text);
    let ctx = Context::new();
    let mut run = flow.run("jays").context(&ctx).stream();
    assert_eq!(run.next_text().await?.unwrap(), "half");
    drop(run);
    assert_eq!(in_words(&ctx.messages()), ["user: jays"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_nested_flow_remembers_nothing_itself() -> Result<()> {
    let inner = Flow::new("inner").step("nap", async |text: String| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(text.to_uppercase())
    });
    let flow = Flow::new("outer")
        .step("inner", inner)
        .step("len", |text: String| text.len());
    let ctx = Context::new();
    flow.run("jays").context(&ctx).await?;
    assert_eq!(in_words(&ctx.messages()), ["user: jays", "assistant: 4"]);
    Ok(())
}

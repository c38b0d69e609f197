//! Agents and other steps as tools.

use futures::future::BoxFuture;
use mainstem_agent::{Agent, step_tool};
use mainstem_core::{Context, ErrorKind, Result, Role, RunContext, Step, test_util::ScriptedModel};
use serde_json::json;

use crate::{Add, add, lines, shape, told};

#[tokio::test]
async fn an_agent_is_a_tool_of_another_one() -> Result<()> {
    let inner = ScriptedModel::new()
        .calls([("add", json!({"a": 2, "b": 3}))])
        .answer(["It is 5."]);
    let outer = ScriptedModel::new()
        .calls([("ask", json!({"input": "2 + 3?"}))])
        .answer(["Five!"]);
    let expert = Agent::builder(inner.clone())
        .name("expert")
        .tool(add())
        .build()?;
    let agent = Agent::builder(outer.clone())
        .name("boss")
        .tool(expert.as_tool("ask", "Knows."))
        .build()?;
    let ctx = Context::new();
    let mut run = agent.run("Sum?").context(&ctx).stream();
    let mut text = String::new();
    while let Some(piece) = run.next_text().await? {
        text.push_str(&piece);
    }
    let result = run.await?;
    assert_eq!((text.as_str(), result.output.as_str()), ("Five!", "Five!"));
    assert_eq!(result.usage.requests, 4);
    assert_eq!(told(&outer.requests()[1].messages), ["It is 5."]);
    // Its conversation is its own.
    assert_eq!(shape(&inner.requests()[0].messages), [(Role::User, 1)]);
    assert_eq!(ctx.messages().len(), 4);
    Ok(())
}

#[tokio::test]
async fn its_events_are_inside_of_the_tools() -> Result<()> {
    let inner = ScriptedModel::new().answer(["Yes."]);
    let outer = ScriptedModel::new()
        .calls([("ask", json!({"input": "Is it?"}))])
        .answer(["Yes!"]);
    let expert = Agent::builder(inner).name("expert").build()?;
    let agent = Agent::builder(outer)
        .name("boss")
        .tool(expert.as_tool("ask", "Knows."))
        .build()?;
    let seen = lines(agent.run_streamed("Is it?")).await;
    let inside: Vec<_> = seen
        .iter()
        .filter(|line| line.starts_with("boss/ask"))
        .collect();
    assert_eq!(
        inside,
        [
            "boss/ask[0] step_started",
            "boss/ask[0]/expert step_started",
            "boss/ask[0]/expert turn_started",
            "boss/ask[0]/expert text_delta",
            "boss/ask[0]/expert turn_finished",
            "boss/ask[0]/expert step_finished",
            "boss/ask[0] tool_result",
            "boss/ask[0] step_finished",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn with_a_thread_it_remembers_what_it_was_asked_before() -> Result<()> {
    let inner = ScriptedModel::new().answer(["A jay."]).answer(["Blue."]);
    let outer = ScriptedModel::new()
        .calls([("ask", json!({"input": "Which bird?"}))])
        .calls([("ask", json!({"input": "Its colour?"}))])
        .answer(["A blue jay."]);
    let expert = Agent::builder(inner.clone()).thread("expert").build()?;
    let agent = Agent::builder(outer)
        .tool(expert.as_tool("ask", "Knows."))
        .build()?;
    let ctx = Context::new();
    agent.run("Describe a bird.").context(&ctx).await?;
    let asked: Vec<_> = inner.requests()[1]
        .messages
        .iter()
        .map(|it| it.text())
        .collect();
    assert_eq!(asked, ["Which bird?", "A jay.", "Its colour?"]);
    assert_eq!(ctx.thread("expert").messages().len(), 4);
    Ok(())
}

/// A step that takes an object.
#[derive(Clone)]
struct Sum;

impl Step<Add> for Sum {
    type Output = i64;

    fn name(&self) -> &str {
        "sum"
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, _: RunContext, add: Add) -> BoxFuture<'static, Result<i64>> {
        Box::pin(async move { Ok(add.a + add.b) })
    }
}

#[tokio::test]
async fn any_step_is_a_tool() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("sum", json!({"a": 2, "b": 3}))])
        .answer(["5."]);
    let sum = step_tool("sum", "Adds.", Sum);
    let agent = Agent::builder(model.clone()).tool(sum).build()?;
    agent.run("2 + 3?").await?;
    assert_eq!(told(&model.requests()[1].messages), ["5"]);
    Ok(())
}

#[tokio::test]
async fn that_it_fails_is_told() -> Result<()> {
    let inner = ScriptedModel::new();
    let outer = ScriptedModel::new()
        .calls([("ask", json!({"input": "Is it?"}))])
        .answer(["No idea."]);
    let expert = Agent::builder(inner).name("expert").build()?;
    let agent = Agent::builder(outer.clone())
        .tool(expert.as_tool("ask", "Knows."))
        .build()?;
    let result = agent.run("Is it?").await?;
    assert_eq!(result.output, "No idea.");
    let told = told(&outer.requests()[1].messages);
    assert!(
        told[0].starts_with("! The call failed: the scripted model has no answer left"),
        "{told:?}"
    );

    // A partial output of it isn't one of the run.
    let cut = mainstem_core::test_util::Script::new()
        .event(mainstem_core::ModelEvent::Text("Well".into()));
    let inner = ScriptedModel::new().script(cut);
    let outer = ScriptedModel::new().calls([("ask", json!({"input": "Is it?"}))]);
    let expert = Agent::builder(inner).name("expert").build()?;
    let agent = Agent::builder(outer)
        .tool(expert.as_tool("ask", "Knows."))
        .build()?;
    let error = agent.run("Is it?").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(error.partial().unwrap().text, "");
    Ok(())
}

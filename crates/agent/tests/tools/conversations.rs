//! What the conversation keeps of calls.

use std::time::Duration;

use futures::StreamExt;
use mainstem_agent::{Agent, tool_fn};
use mainstem_core::{
    Context, EventKind, Json, Message, ModelEvent, Part, Result, Role, Text,
    test_util::{Script, ScriptedModel},
};
use serde_json::json;

use crate::{Add, add, shape, told};

fn sum() -> (&'static str, serde_json::Value) {
    ("add", json!({"a": 2, "b": 3}))
}

#[tokio::test]
async fn calls_and_results_are_remembered_together() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([sum(), sum()])
        .answer(["5."])
        .answer(["Gladly."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    let ctx = Context::new();
    let result = agent.run("2 + 3?").context(&ctx).await?;
    let expected = [
        (Role::User, 1),
        (Role::Assistant, 2),
        (Role::Tool, 2),
        (Role::Assistant, 1),
    ];
    assert_eq!(shape(&ctx.messages()), expected);
    assert_eq!(shape(&result.messages), expected);
    agent.run("Thanks.").context(&ctx).await?;
    assert_eq!(model.requests()[2].messages[..4], result.messages);
    Ok(())
}

/// The model won't do again what its reader has seen done.
#[tokio::test]
async fn a_result_that_was_shown_is_remembered_when_the_run_is_dropped_there() -> Result<()> {
    let too_much = ("add", json!({"a": 100, "b": 100}));
    for (call, result) in [
        (sum(), "5"),
        (too_much, "! The call failed: that is too much for me"),
    ] {
        let model = ScriptedModel::new().calls([call]);
        let agent = Agent::builder(model).tool(add()).build()?;
        let ctx = Context::new();
        let mut run = agent.run("2 + 3?").context(&ctx).stream();
        while !matches!(run.next().await.unwrap().kind, EventKind::ToolResult(_)) {}
        drop(run);
        assert_eq!(told(&ctx.messages()), [result]);
    }
    Ok(())
}

/// Nothing is appended before all results are there.
#[tokio::test]
async fn no_call_stays_without_a_result_when_a_run_is_dropped() -> Result<()> {
    let model = ScriptedModel::new().calls([sum(), ("wait", json!({"a": 0, "b": 0}))]);
    let wait = tool_fn("wait", "", async |_: Add| {
        std::future::pending::<()>().await;
        Ok(())
    });
    let agent = Agent::builder(model).tool(add()).tool(wait).build()?;
    let ctx = Context::new();
    let mut run = agent.run("2 + 3?").context(&ctx).stream();
    while let Some(event) = run.next().await {
        if matches!(event.kind, EventKind::ToolResult(_)) {
            assert_eq!(shape(&ctx.messages()), [(Role::User, 1)]);
            break;
        }
    }
    // Its end is an event, too.
    while !matches!(run.next().await.unwrap().kind, EventKind::StepFinished(_)) {}
    tokio::time::timeout(Duration::from_millis(10), run.next())
        .await
        .unwrap_err();
    drop(run);
    let messages = ctx.messages().to_vec();
    assert_eq!(
        shape(&messages),
        [(Role::User, 1), (Role::Assistant, 2), (Role::Tool, 2)]
    );
    assert_eq!(
        told(&messages),
        ["5", "! The call was cut off: nobody knows how far it got."]
    );
    Ok(())
}

#[tokio::test]
async fn a_call_that_was_never_made_says_so() -> Result<()> {
    let model = ScriptedModel::new().calls([sum()]);
    let agent = Agent::builder(model).tool(add()).max_turns(1).build()?;
    let ctx = Context::new();
    agent.run("2 + 3?").context(&ctx).await.unwrap_err();
    assert_eq!(told(&ctx.messages()), ["! The call wasn't made."]);
    Ok(())
}

#[tokio::test]
async fn what_a_provider_wants_back_goes_back() -> Result<()> {
    let data = |text: &str| Json::new(&text).unwrap();
    let script = Script::new()
        .event(ModelEvent::Reasoning("Hm.".into()))
        .event(ModelEvent::ReasoningData(data("signed")))
        .event(ModelEvent::ToolCall {
            index: 0,
            id: "1".into(),
            name: "add".into(),
        })
        .event(ModelEvent::ToolArguments {
            index: 0,
            text: r#"{"a":2,"b":3}"#.into(),
        })
        .event(ModelEvent::ToolCallData {
            index: 0,
            data: data("thought"),
        })
        .event(ModelEvent::Finished(mainstem_core::FinishReason::ToolCalls));
    let model = ScriptedModel::new().script(script).answer(["5."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    agent.run("2 + 3?").await?;
    let request = model.requests().remove(1);
    let parts = &request.messages[1].parts;
    let (Part::Reasoning(hm), Part::ToolCall(call)) = (&parts[0], &parts[1]) else {
        panic!("{parts:?}");
    };
    assert_eq!(
        (&*hm.text, hm.provider_data.clone()),
        ("Hm.", Some(data("signed")))
    );
    assert_eq!(call.provider_data, Some(data("thought")));
    assert_eq!(call.arguments, Text::from(r#"{"a":2,"b":3}"#));
    Ok(())
}

/// What tools write to the session comes together in the order of the calls; a failed one leaves nothing.
#[tokio::test]
async fn what_tools_write_to_the_session_is_kept_unless_they_fail() -> Result<()> {
    use mainstem_core::{RunContext, StepResult};
    async fn note(ctx: RunContext, args: Add) -> StepResult<()> {
        let thread = ctx.context().thread("notes");
        thread.add(Message::user(args.a.to_string()));
        if args.b > 0 {
            return Err("too much".into());
        }
        Ok(())
    }
    let call = |a: i64, b: i64| ("note", json!({"a": a, "b": b}));
    let model = ScriptedModel::new()
        .calls([call(1, 0), call(2, 1), call(3, 0)])
        .answer(["Noted."]);
    let agent = Agent::builder(model)
        .tool(tool_fn("note", "", note))
        .build()?;
    let ctx = Context::new();
    agent.run("Note.").context(&ctx).await?;
    let notes: Vec<_> = ctx
        .thread("notes")
        .messages()
        .iter()
        .map(|it| it.text())
        .collect();
    assert_eq!(notes, ["1", "3"]);
    Ok(())
}

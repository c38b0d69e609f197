//! Arguments that aren't what the tool takes.

use mainstem_agent::{Agent, tool_fn};
use mainstem_core::{
    ErrorKind, EventKind, FinishReason, ModelEvent, Result, Text,
    test_util::{Script, ScriptedModel},
};
use serde_json::json;

use crate::{Add, add, told};

fn begin(index: u32, name: &str) -> ModelEvent {
    let id = format!("call_{index}").into();
    let name = name.into();
    ModelEvent::ToolCall { index, id, name }
}

fn arguments(index: u32, text: &str) -> ModelEvent {
    let text = text.into();
    ModelEvent::ToolArguments { index, text }
}

#[tokio::test]
async fn a_call_ends_the_turn_at_the_first_byte_that_cannot_fit() -> Result<()> {
    let script = Script::new()
        .event(begin(0, "add"))
        .event(arguments(0, r#"{"a": 1, "b": 2}"#))
        .event(begin(1, "add"))
        .event(arguments(1, r#"{"a": "#))
        .event(arguments(1, r#""one"#))
        .stall();
    let model = ScriptedModel::new().script(script).answer(["3."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    let mut run = agent.run_streamed("1 + 2?");
    let (mut deltas, mut ready, mut results) = (String::new(), 0, Vec::new());
    while let Some(event) = run.next_event().await {
        match &event.kind {
            EventKind::ToolCallDelta(delta) => deltas.push_str(&delta.text),
            EventKind::ToolCallReady(_) => ready += 1,
            EventKind::ToolResult(_) => results.push(event.path.to_string()),
            _ => {}
        }
    }
    assert_eq!(run.await?.output, "3.");
    // The piece with the fault isn't shown, and the call isn't ready.
    assert_eq!((deltas.as_str(), ready), (r#"{"a": 1, "b": 2}{"a": "#, 1));
    results.sort();
    assert_eq!(results, ["agent/add[0]", "agent/add[1]"]);
    let told = told(&model.requests()[1].messages);
    assert_eq!(told[0], "3");
    assert!(
        told[1].starts_with("! The call wasn't made: the arguments for tool `add` don't fit: "),
        "{told:?}"
    );
    assert!(told[1].contains("/a"), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn what_isnt_json_goes_back_as_an_empty_object() -> Result<()> {
    let script = Script::new()
        .event(begin(0, "add"))
        .event(arguments(0, "add them!"))
        .event(ModelEvent::Finished(FinishReason::ToolCalls));
    let model = ScriptedModel::new().script(script).answer(["Sorry."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    agent.run("1 + 2?").await?;
    let messages = &model.requests()[1].messages;
    let mainstem_core::Part::ToolCall(call) = &messages[1].parts[0] else {
        panic!("{messages:?}");
    };
    assert_eq!(call.arguments, "{}");
    assert!(told(messages)[0].starts_with("! The call wasn't made"));
    Ok(())
}

#[tokio::test]
async fn a_tool_that_isnt_there_is_told_of_and_counts_as_a_turn() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("divide", json!({"a": 1}))])
        .answer(["Sorry."]);
    let agent = Agent::builder(model.clone())
        .tool(add())
        .max_turns(2)
        .build()?;
    assert_eq!(agent.run("1 / 2?").await?.output, "Sorry.");
    assert_eq!(
        told(&model.requests()[1].messages),
        ["! The call wasn't made: there is no tool `divide`; there are: add"]
    );
    Ok(())
}

#[tokio::test]
async fn no_arguments_at_all_are_an_empty_object() -> Result<()> {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Nothing {}
    for text in [None, Some(""), Some(" ")] {
        let mut script = Script::new().event(begin(0, "now"));
        if let Some(text) = text {
            script = script.event(arguments(0, text));
        }
        let script = script.event(ModelEvent::Finished(FinishReason::ToolCalls));
        let model = ScriptedModel::new().script(script).answer(["Noon."]);
        let now = tool_fn("now", "The time.", |_: Nothing| "noon");
        let agent = Agent::builder(model.clone()).tool(now).build()?;
        agent.run("What time is it?").await?;
        assert_eq!(told(&model.requests()[1].messages), ["noon"], "{text:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_only_the_type_refuses_is_told_too() -> Result<()> {
    #[derive(schemars::JsonSchema)]
    struct Even {
        #[allow(dead_code)] // read by hand
        n: u8,
    }
    impl<'de> serde::Deserialize<'de> for Even {
        fn deserialize<D: serde::Deserializer<'de>>(
            from: D,
        ) -> std::result::Result<Self, D::Error> {
            let value = serde_json::Value::deserialize(from)?;
            match value["n"].as_u64() {
                Some(n) if n % 2 == 0 => Ok(Self { n: n as u8 }),
                _ => Err(serde::de::Error::custom("that is odd")),
            }
        }
    }
    let model = ScriptedModel::new()
        .calls([("half", json!({"n": 3}))])
        .answer(["No."]);
    let agent = Agent::builder(model.clone())
        .tool(tool_fn("half", "", |even: Even| even.n / 2))
        .build()?;
    agent.run("3 / 2?").await?;
    let told = told(&model.requests()[1].messages);
    assert!(told[0].ends_with("can't be read: that is odd"), "{told:?}");
    Ok(())
}

/// A turn that didn't come to its end calls nothing.
#[tokio::test]
async fn calls_of_an_answer_that_was_cut_arent_made() -> Result<()> {
    let whole = || {
        Script::new()
            .event(ModelEvent::Text("Let me see. ".into()))
            .event(begin(0, "add"))
            .event(arguments(0, r#"{"a": 1, "b": 2}"#))
    };
    let length = ModelEvent::Finished(FinishReason::Length);
    let filter = ModelEvent::Finished(FinishReason::ContentFilter);
    for (script, kind) in [
        (whole(), ErrorKind::Truncated),
        (whole().event(length), ErrorKind::Limit),
        (whole().event(filter), ErrorKind::Refused),
        (
            whole()
                .event(begin(1, "add"))
                .event(arguments(1, r#"{"a": 1"#))
                .event(ModelEvent::Finished(FinishReason::Length)),
            ErrorKind::Limit,
        ),
    ] {
        let add = tool_fn("add", "", |_: Add| -> i64 { panic!("it was called") });
        let model = ScriptedModel::new().script(script);
        let agent = Agent::builder(model.clone()).tool(add).build()?;
        let ctx = mainstem_core::Context::new();
        let error = agent.run("1 + 2?").context(&ctx).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(error.partial().unwrap().text, Text::from("Let me see. "));
        assert_eq!(model.requests().len(), 1);
        let texts: Vec<_> = ctx
            .messages()
            .iter()
            .map(|it| (it.text(), it.partial))
            .collect();
        assert_eq!(
            texts,
            [
                ("1 + 2?".to_owned(), false),
                ("Let me see. ".to_owned(), true)
            ]
        );
    }
    Ok(())
}

/// Calls that end without being complete, in an answer that has come to its end: the others are made.
#[tokio::test]
async fn half_a_call_is_told_of_and_not_made() -> Result<()> {
    let script = Script::new()
        .event(begin(0, "add"))
        .event(arguments(0, r#"{"a": 1, "b""#))
        .event(begin(1, "add"))
        .event(arguments(1, r#"{"a": 1, "b": 2}"#))
        .event(ModelEvent::Finished(FinishReason::Stop));
    let model = ScriptedModel::new().script(script).answer(["3."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    agent.run("1 + 2?").await?;
    let told = told(&model.requests()[1].messages);
    assert!(told[0].starts_with("! The call wasn't made"), "{told:?}");
    assert_eq!(told[1], "3");
    Ok(())
}

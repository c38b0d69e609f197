//! Calls, their results and their failures.

use std::time::Duration;

use mainstem_agent::{Agent, ToolExt, tool_fn};
use mainstem_core::{
    ErrorKind, EventKind, Result, Usage, WhenToolFails, function::with, test_util::ScriptedModel,
};
use serde_json::json;

use crate::{Add, add, kind_and_code, lines, loud, result_of, told};

#[tokio::test]
async fn the_model_is_asked_again_with_what_the_tool_gave() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("add", json!({"a": 2, "b": 3}))])
        .answer(["It is ", "5."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    let result = agent.run("What is 2 + 3?").await?;
    assert_eq!(result.output, "It is 5.");
    // A request and 3 tokens for each turn, and what they wrote.
    let mut used = Usage::new(6, 3);
    used.requests = 2;
    assert_eq!(result.usage, used);
    let asked = model.requests();
    assert_eq!(asked[0].tools[0].name, "add");
    assert_eq!(asked[0].tools, asked[1].tools);
    assert_eq!(told(&asked[1].messages), ["5"]);
    Ok(())
}

#[tokio::test]
async fn turns_and_calls_are_steps_of_their_own() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("add", json!({"a": 2, "b": 3}))])
        .answer(["5."]);
    let agent = Agent::builder(model).name("a").tool(add()).build()?;
    let seen = lines(agent.run_streamed("2 + 3?")).await;
    assert_eq!(
        seen,
        [
            " run_started",
            "a step_started",
            "a/turn[0] step_started",
            "a/turn[0] turn_started",
            "a/turn[0] tool_call_started",
            "a/turn[0] tool_call_delta",
            "a/turn[0] tool_call_ready",
            "a/turn[0] turn_finished",
            "a/turn[0] step_finished",
            "a/add[0] step_started",
            "a/add[0] tool_result",
            "a/add[0] step_finished",
            "a/turn[1] step_started",
            "a/turn[1] turn_started",
            "a/turn[1] text_delta",
            "a/turn[1] turn_finished",
            "a/turn[1] step_finished",
            "a step_finished",
            " run_finished",
        ]
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_turn_are_made_at_the_same_time() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([
            ("wait", json!({"a": 3, "b": 0})),
            ("wait", json!({"a": 1, "b": 0})),
        ])
        .answer(["Done."]);
    let wait = tool_fn("wait", "Waits.", async |args: Add| {
        tokio::time::sleep(Duration::from_secs(args.a as u64)).await;
        Ok(args.a)
    });
    let agent = Agent::builder(model.clone()).tool(wait).build()?;
    let began = tokio::time::Instant::now();
    let mut run = agent.run_streamed("Wait.");
    let mut results = Vec::new();
    while let Some(event) = run.next_event().await {
        results.extend(result_of(&event));
    }
    assert_eq!(results, ["agent/wait[1]: 1", "agent/wait[0]: 3"]);
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    // The model reads them in the order of its calls.
    assert_eq!(told(&model.requests()[1].messages), ["3", "1"]);
    Ok(())
}

#[tokio::test]
async fn a_failure_is_told_to_the_model_in_the_tools_own_words() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([
            ("add", json!({"a": 99, "b": 3})),
            ("add", json!({"a": 1, "b": 1})),
        ])
        .answer(["Sorry."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    let mut run = agent.run_streamed("99 + 3?");
    let mut results = Vec::new();
    while let Some(event) = run.next_event().await {
        results.extend(result_of(&event));
    }
    assert_eq!(run.await?.output, "Sorry.");
    assert_eq!(
        results,
        ["agent/add[0]: ! tool `add` failed", "agent/add[1]: 2"]
    );
    assert_eq!(
        told(&model.requests()[1].messages),
        ["! The call failed: that is too much for me", "2"]
    );
    Ok(())
}

#[tokio::test]
async fn a_failure_ends_the_run_by_choice() -> Result<()> {
    let model = ScriptedModel::new().calls([("add", json!({"a": 99, "b": 3}))]);
    let strict = add().when_it_fails(WhenToolFails::EndRun);
    let agent = Agent::builder(model).tool(strict).build()?;
    let error = agent.run("99 + 3?").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool);
    assert_eq!(error.to_string(), "step `agent/add[0]`: tool `add` failed");
    Ok(())
}

#[tokio::test]
async fn a_panic_is_a_failure_of_the_tool() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([
            ("later", json!({"a": 1, "b": 1})),
            ("now", json!({"a": 1, "b": 1})),
        ])
        .answer(["Oh."]);
    let later = tool_fn("later", "Panics.", async |args: Add| match args.a {
        1 => panic!("on purpose"),
        a => Ok(a),
    });
    fn panics(_: Add) -> i64 {
        panic!("on purpose")
    }
    let now = tool_fn("now", "Panics before its future.", panics);
    let agent = Agent::builder(model.clone())
        .tool(later)
        .tool(now)
        .build()?;
    assert_eq!(agent.run("Panic.").await?.output, "Oh.");
    assert_eq!(
        told(&model.requests()[1].messages),
        [
            "! The call failed: tool `later` panicked",
            "! The call failed: tool `now` panicked"
        ]
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_has_only_so_long() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("sleep", json!({"a": 1, "b": 1}))])
        .answer(["Too long."]);
    let sleep = tool_fn("sleep", "Sleeps.", async |_: Add| {
        std::future::pending::<()>().await;
        Ok(0)
    });
    let limited = sleep.time_limit(Duration::from_secs(7));
    let agent = Agent::builder(model.clone()).tool(limited).build()?;
    let began = tokio::time::Instant::now();
    assert_eq!(agent.run("Sleep.").await?.output, "Too long.");
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    assert_eq!(
        told(&model.requests()[1].messages),
        ["! The call failed: tool `sleep` took longer than its limit of 7s"]
    );
    Ok(())
}

#[tokio::test]
async fn what_a_tool_says_is_for_readers_of_events_alone() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("loud", json!({"a": 2, "b": 3}))])
        .answer(["It is 5."]);
    let agent = Agent::builder(model.clone()).tool(loud()).build()?;
    let mut chunks = Vec::new();
    let mut run = agent.run_streamed("2 + 3?");
    while let Some(text) = run.next_text().await? {
        chunks.push(text.to_string());
    }
    assert_eq!(chunks, ["It is 5."]);
    assert_eq!(told(&model.requests()[1].messages), ["5 it is"]);

    let model = ScriptedModel::new()
        .calls([("loud", json!({"a": 2, "b": 3}))])
        .answer(["It is 5."]);
    let agent = Agent::builder(model).tool(loud()).build()?;
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let heard = std::sync::Arc::clone(&said);
    let run = agent
        .run("2 + 3?")
        .on_chunk(move |text| heard.lock().unwrap().push_str(text));
    let mut run = run.stream();
    let mut texts = Vec::new();
    while let Some(event) = run.next_event().await {
        if let EventKind::TextDelta(delta) = &event.kind {
            texts.push(format!("{}: {}", event.path, delta.text));
        }
    }
    assert_eq!(
        texts,
        ["agent/loud[0]: hm, let me see", "agent/turn[1]: It is 5."]
    );
    assert_eq!(*said.lock().unwrap(), "It is 5.");
    Ok(())
}

#[tokio::test]
async fn plain_functions_and_those_that_are_handed_something_are_tools() -> Result<()> {
    fn plain(Add { a, b }: Add) -> i64 {
        a - b
    }
    let model = ScriptedModel::new()
        .calls([
            ("plain", json!({"a": 2, "b": 3})),
            ("with", json!({"a": 2, "b": 3})),
            ("words", json!({"a": 2, "b": 3})),
        ])
        .answer(["Ok."]);
    let with = with(10, async |ten: i64, args: Add| Ok(args.a + args.b + ten));
    let agent = Agent::builder(model.clone())
        .tool(tool_fn("plain", "", plain))
        .tool(tool_fn("with", "", with))
        .tool(tool_fn("words", "", |args: Add| format!("\"{}\"", args.a)))
        .build()?;
    agent.run("Go.").await?;
    assert_eq!(told(&model.requests()[1].messages), ["-1", "15", "\"2\""]);
    Ok(())
}

#[tokio::test]
async fn a_model_that_calls_for_ever_is_stopped() -> Result<()> {
    let mut model = ScriptedModel::new();
    for _ in 0..3 {
        model = model.calls([("add", json!({"a": 2, "b": 3}))]);
    }
    let agent = Agent::builder(model.clone())
        .tool(add())
        .max_turns(3)
        .build()?;
    let error = agent.run("2 + 3?").await.unwrap_err();
    assert_eq!(kind_and_code(&error), (ErrorKind::Limit, Some("max_turns")));
    assert!(error.to_string().contains("has had its 3 turns"), "{error}");
    assert_eq!(model.requests().len(), 3);
    Ok(())
}

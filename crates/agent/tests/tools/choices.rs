//! Which tools a model may or must call, and what doesn't fit together.

use std::sync::Arc;

use mainstem_agent::{Agent, AgentBuilder, ToolExt, tool_fn};
use mainstem_core::{
    Error, ErrorKind, Model, ModelEvent, ModelRequest, ModelSettings, ModelStream, OutputMode,
    OutputSpec, Result, Tool, ToolChoice, WhenToolFails, test_util::ScriptedModel,
};
use serde_json::json;

use crate::{Add, add, loud, told};

fn sum() -> (&'static str, serde_json::Value) {
    ("add", json!({"a": 2, "b": 3}))
}

fn choices(model: &ScriptedModel) -> Vec<Option<ToolChoice>> {
    let requests = model.requests();
    requests
        .into_iter()
        .map(|request| request.settings.tool_choice)
        .collect()
}

#[tokio::test]
async fn who_must_call_a_tool_must_do_so_once() -> Result<()> {
    for choice in [ToolChoice::Required, ToolChoice::Tool("add".into())] {
        let model = ScriptedModel::new().calls([sum()]).answer(["5."]);
        let agent = Agent::builder(model.clone())
            .tool(add())
            .settings(ModelSettings::new().tool_choice(choice.clone()))
            .build()?;
        agent.run("2 + 3?").await?;
        assert_eq!(choices(&model), [Some(choice), None]);
    }
    Ok(())
}

#[tokio::test]
async fn who_may_not_call_may_not_in_any_turn() -> Result<()> {
    let model = ScriptedModel::new().calls([sum()]).answer(["5."]);
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    let none = ModelSettings::new().tool_choice(ToolChoice::None);
    agent.run("2 + 3?").settings(none).await?;
    assert_eq!(
        choices(&model),
        [Some(ToolChoice::None), Some(ToolChoice::None)]
    );
    assert_eq!(
        told(&model.requests()[1].messages),
        ["! The call wasn't made: no tool may be called now"]
    );
    Ok(())
}

#[tokio::test]
async fn a_run_may_name_only_what_is_there() -> Result<()> {
    let model = ScriptedModel::new();
    let agent = Agent::builder(model.clone()).tool(add()).build()?;
    let wrong = ModelSettings::new().tool_choice(ToolChoice::Tool("divide".into()));
    let error = agent.run("1 / 2?").settings(wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("it has: add"), "{error}");
    assert!(model.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn tools_are_given_together_whatever_their_one_type_is() -> Result<()> {
    let model = ScriptedModel::new().always(["3."]);
    let twin = || tool_fn("twin", "Doubles.", |args: Add| args.a * 2);
    let shared: Vec<Arc<dyn Tool>> = vec![Arc::new(add()), Arc::new(twin())];
    let strict = [add(), twin()].map(|tool| tool.when_it_fails(WhenToolFails::EndRun));
    let builder = || Agent::builder(model.clone());
    for agent in [
        builder().tools([add(), twin()]),
        builder().tools(strict),
        builder().tools(shared),
    ] {
        agent.build()?.run("1 + 2?").await?;
    }
    for request in model.requests() {
        let names: Vec<_> = request
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect();
        assert_eq!(names, ["add", "twin"]);
    }
    Ok(())
}

#[test]
fn what_doesnt_fit_together_is_found_when_the_agent_is_built() {
    let with = |change: fn(AgentBuilder) -> AgentBuilder| -> Error {
        let builder = Agent::builder(ScriptedModel::new());
        let error = change(builder).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error
    };
    for (error, words) in [
        (
            with(|it| it.tool(add()).tool(add())),
            "two tools called `add`",
        ),
        (with(|it| it.max_turns(3)), "no tools"),
        (with(|it| it.tool(add()).max_turns(0)), "0 turns"),
        (
            with(|it| it.tool(add()).continue_interrupted()),
            "continue_interrupted",
        ),
        (
            with(|it| it.tool(tool_fn("my tool", "", |_: Add| 1))),
            "letters, digits",
        ),
        (
            with(|it| it.tool(tool_fn("", "", |_: Add| 1))),
            "letters, digits",
        ),
        (
            with(|it| it.tool(tool_fn("say", "", |_: String| 1))),
            "no JSON object",
        ),
        (
            with(|it| {
                let choice = ToolChoice::Tool("divide".into());
                it.tool(add())
                    .settings(ModelSettings::new().tool_choice(choice))
            }),
            "names `divide`",
        ),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    let named = |name: &'static str| {
        Agent::builder(Forced(ScriptedModel::new()))
            .tool(tool_fn(name, "", |_: Lookup| 1))
            .output::<u8>()
    };
    let error = named("output").build().unwrap_err();
    assert!(
        error.message().contains("a tool called `output`"),
        "{error}"
    );
    assert!(named("other").build().is_ok());
    let in_words = named("output").output_mode(OutputMode::Prompt);
    assert!(in_words.build().is_ok());
}

/// Looks a bird up.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Lookup {
    /// Its name.
    #[allow(dead_code)] // for its schema
    name: String,
}

#[test]
fn the_description_may_be_that_of_the_arguments() {
    use mainstem_core::Tool;
    let tool = tool_fn("lookup", "", |_: Lookup| 1);
    assert_eq!(tool.spec().description, "Looks a bird up.");
    let parameters = &tool.spec().parameters;
    assert_eq!(parameters["properties"]["name"]["description"], "Its name.");
    assert_eq!(parameters.get("$schema"), None);
    let tool = tool_fn("lookup", "Finds.", |_: Lookup| 1).approve();
    assert_eq!(tool.spec().description, "Finds.");
}

/// A model that would be held to its output by a tool that it must call.
struct Forced(ScriptedModel);

impl Model for Forced {
    fn id(&self) -> &str {
        "forced"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        self.0.stream(request)
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        Some(output.mode.unwrap_or(OutputMode::ForcedTool))
    }
}

#[tokio::test]
async fn a_typed_output_goes_together_with_tools() -> Result<()> {
    let model = ScriptedModel::new()
        .script(
            mainstem_core::test_util::Script::new()
                .event(ModelEvent::Text("Let me add that.".into()))
                .event(ModelEvent::ToolCall {
                    index: 0,
                    id: "1".into(),
                    name: "add".into(),
                })
                .event(ModelEvent::ToolArguments {
                    index: 0,
                    text: r#"{"a": 2, "b": 3}"#.into(),
                })
                .event(ModelEvent::Finished(mainstem_core::FinishReason::ToolCalls)),
        )
        .answer(["It is ", "true"])
        .answer(["[2, ", "3]"]);
    let agent = Agent::builder(Forced(model.clone()))
        .tool(add())
        .tool(loud())
        .output::<Vec<u8>>()
        .output_attempts(2)
        .build()?;
    let mut run = agent.run_streamed("2 and 3?");
    let mut json = String::new();
    while let Some(event) = run.next_event().await {
        match &event.kind {
            mainstem_core::EventKind::JsonDelta(delta) => json.push_str(&delta.text),
            mainstem_core::EventKind::Retracted(_) => json.clear(),
            _ => {}
        }
    }
    assert_eq!(json, "[2, 3]");
    assert_eq!(run.await?.output, [2, 3]);
    let modes: Vec<_> = model
        .requests()
        .iter()
        .map(|it| it.output.as_ref().unwrap().mode)
        .collect();
    assert_eq!(modes, [None; 3]);
    Ok(())
}

//! Outputs that come as a call of a tool, beside other tools.

use mainstem::{Agent, Error, ModelSettings, OutputMode, ToolChoice, tool_fn};
use mainstem_testkit::Reply;
use mainstem_tests::{model, server_with};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct Place {
    #[allow(dead_code)] // for its schema
    name: Option<String>,
}

/// What each turn was told of its tools, and what came of them all.
async fn with_a_tool(
    choice: Option<ToolChoice>,
    replies: Vec<Reply>,
) -> (Vec<(Value, Vec<Value>)>, Result<Vec<u8>, Error>) {
    let server = server_with(replies).await;
    let look = tool_fn("look", "Looks.", |_: Place| "dark");
    let mut settings = ModelSettings::new();
    settings.tool_choice = choice;
    let agent = Agent::builder(model(&server))
        .tool(look)
        .settings(settings)
        .output::<Vec<u8>>()
        .output_mode(OutputMode::ForcedTool)
        .build()
        .unwrap();
    let output = agent.run("Hi").await.map(|result| result.output);
    let told = server.requests().into_iter().map(|request| {
        let body = request.body;
        let tools = body["tools"].as_array().unwrap().iter();
        let names = tools.map(|tool| tool["function"]["name"].clone()).collect();
        (body["tool_choice"].clone(), names)
    });
    (told.collect(), output)
}

fn look(index: u32, reply: Reply) -> Reply {
    reply
        .tool_start(index, format!("c{index}"), "look")
        .tool_arguments(index, "{}")
}

fn output(index: u32, reply: Reply) -> Reply {
    reply
        .tool_start(index, "o", "output")
        .tool_arguments(index, r#"{"value":[1"#)
        .tool_arguments(index, ",2]}")
}

fn called(reply: Reply) -> Reply {
    reply.finish("tool_calls").usage(3, 2).done()
}

#[tokio::test]
async fn beside_other_tools_the_output_is_one_more() {
    let replies = vec![
        called(look(0, Reply::stream())),
        called(output(0, Reply::stream())),
    ];
    let (told, output) = with_a_tool(None, replies).await;
    assert_eq!(output.unwrap(), [1, 2]);
    let turn = (json!("required"), vec![json!("look"), json!("output")]);
    assert_eq!(told, [turn.clone(), turn]);
}

#[tokio::test]
async fn an_output_among_calls_waits_for_them() {
    // Whichever comes first: the calls are made, and the model is asked again.
    for first in [
        look(2, output(1, look(0, Reply::stream()))),
        look(1, output(0, Reply::stream())),
    ] {
        let replies = vec![called(first), called(output(0, Reply::stream()))];
        let (told, output) = with_a_tool(None, replies).await;
        assert_eq!((told.len(), output.unwrap()), (2, vec![1, 2]));
    }
}

#[tokio::test]
async fn who_must_call_another_tool_cant_give_the_output_yet() {
    for (choice, wire) in [
        (ToolChoice::Required, json!("required")),
        (
            ToolChoice::Tool("look".into()),
            json!({"type": "function", "function": {"name": "look"}}),
        ),
    ] {
        let replies = vec![
            called(look(0, Reply::stream())),
            called(output(0, Reply::stream())),
        ];
        let (told, output) = with_a_tool(Some(choice), replies).await;
        assert_eq!(output.unwrap(), [1, 2]);
        let second = (json!("required"), vec![json!("look"), json!("output")]);
        assert_eq!(told, [(wire, vec![json!("look")]), second]);
    }
    let replies = vec![called(output(0, Reply::stream()))];
    let (told, output) = with_a_tool(Some(ToolChoice::None), replies).await;
    assert_eq!(output.unwrap(), [1, 2]);
    let named = json!({"type": "function", "function": {"name": "output"}});
    assert_eq!(told[0].0, named);
}

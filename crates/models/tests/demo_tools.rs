//! The demo model's tool calls.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    ErrorKind, FinishReason, Message, Model, ModelEvent, ModelRequest, ModelSettings, Part, Result,
    Role, Text, ToolCallPart, ToolChoice, ToolSpec,
};
use mainstem_models::demo::DemoModel;
use serde_json::{Value, json};

fn tools() -> Vec<ToolSpec> {
    vec![
        ToolSpec::new(
            "get_weather",
            "The weather of a city.",
            json!({
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "days": {"type": "integer", "minimum": 1, "maximum": 10},
                    "unit": {"enum": ["celsius", "fahrenheit"]},
                },
                "required": ["city", "days", "unit"],
            }),
        ),
        ToolSpec::new(
            "search",
            "Searches the web.",
            json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}),
        ),
    ]
}

fn request(said: &str, choice: Option<ToolChoice>) -> ModelRequest {
    let mut request = ModelRequest::new([Message::user(said)]);
    request.tools = tools();
    request.settings = match choice {
        Some(choice) => ModelSettings::new().tool_choice(choice),
        None => ModelSettings::new(),
    };
    request
}

async fn events(request: ModelRequest) -> Vec<Result<ModelEvent>> {
    DemoModel::new()
        .with_delay(Duration::ZERO)
        .stream(request)
        .collect()
        .await
}

/// The id, name and arguments of the one call; none, if the answer is text.
async fn call(request: ModelRequest) -> Option<(Text, Text, Value)> {
    let mut call = None;
    let mut arguments = String::new();
    let mut end = None;
    for event in events(request).await {
        match event.unwrap() {
            ModelEvent::ToolCall { index: 0, id, name } => call = Some((id, name)),
            ModelEvent::ToolArguments { index: 0, text } => arguments.push_str(&text),
            ModelEvent::Finished(reason) => end = Some(reason),
            _ => {}
        }
    }
    let called = call.is_some();
    assert_eq!(
        end,
        Some(if called {
            FinishReason::ToolCalls
        } else {
            FinishReason::Stop
        })
    );
    call.map(|(id, name)| (id, name, serde_json::from_str(&arguments).unwrap()))
}

#[tokio::test]
async fn a_tool_that_matches_is_called_with_the_users_words() {
    let said = "How is the weather in New York for the next 3 days, in Fahrenheit?";
    let (id, name, arguments) = call(request(said, None)).await.unwrap();
    assert_eq!((&*id, &*name), ("call_1", "get_weather"));
    assert_eq!(
        arguments,
        json!({"city": "New York", "days": 3, "unit": "fahrenheit"})
    );
}

#[tokio::test]
async fn no_tool_is_called_without_a_match_or_against_the_choice() {
    assert_eq!(call(request("How do I stop a run?", None)).await, None);
    assert_eq!(
        call(request("The weather in Oslo?", Some(ToolChoice::None))).await,
        None
    );
}

#[tokio::test]
async fn a_choice_is_kept_to() {
    let (_, name, _) = call(request("Hello", Some(ToolChoice::Required)))
        .await
        .unwrap();
    assert_eq!(name, "get_weather");
    let choice = ToolChoice::Tool("search".into());
    let (_, name, arguments) = call(request("Find jays.", Some(choice))).await.unwrap();
    assert_eq!(name, "search");
    assert_eq!(arguments, json!({"query": "Find jays."}));

    let choice = ToolChoice::Tool("missing".into());
    let error = events(request("Hello", Some(choice)))
        .await
        .pop()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`missing`"));
}

#[tokio::test]
async fn an_answered_call_is_not_made_again_and_the_next_has_another_id() {
    let made = Part::ToolCall(ToolCallPart::new("call_1", "get_weather", "{}"));
    let mut request = request("The weather in Oslo?", None);
    request.messages.push(Message::new(Role::Assistant, [made]));
    request
        .messages
        .push(Message::tool_result("call_1", "rain"));
    assert_eq!(call(request.clone()).await, None);

    request.messages.push(Message::assistant("Rain."));
    request
        .messages
        .push(Message::user("And the weather in Rome?"));
    let (id, _, arguments) = call(request).await.unwrap();
    assert_eq!(id, "call_2");
    assert_eq!(arguments["city"], "Rome");
}

#[tokio::test]
async fn a_tool_whose_parameters_it_cannot_follow_is_an_error() {
    let mut request = request("Search the web.", Some(ToolChoice::Required));
    request.tools = vec![ToolSpec::new(
        "search",
        "Searches.",
        json!({"type": "object", "properties": {"q": {"not": {}}}, "required": ["q"]}),
    )];
    let error = events(request).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(
        text.contains("`search`") && text.contains("`not` at `/q`"),
        "{text}"
    );
}

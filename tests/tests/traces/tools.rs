//! Agents that call tools: turns, requests and calls.

use mainstem::{
    Agent, Error, ErrorKind, Json, RunContext, StepResult, Traces, schemars::JsonSchema,
    test_util::ScriptedModel, tool_fn,
};
use serde::Deserialize;
use serde_json::json;

use crate::recorder::Recorder;

const SECRET: &str = "xyzzy";

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "mainstem::schemars")]
struct City {
    city: String,
}

async fn weather(_: RunContext, it: City) -> StepResult<String> {
    tracing::info!("looking out");
    match &*it.city {
        "Oslo" => Ok(format!("{SECRET} rain")),
        _ => Err(Error::new(ErrorKind::Timeout, format!("no {SECRET}")).into()),
    }
}

async fn run(traces: Traces) -> Recorder {
    let recorder = Recorder::new();
    let calls = ["Oslo", SECRET].map(|city| ("weather", json!({"city": city})));
    let odd = (SECRET, json!({}));
    let [first, second] = calls;
    let model = ScriptedModel::new()
        .calls([first, second, odd])
        .answer(["Rain."]);
    let agent = Agent::builder(model).name("clerk");
    let agent = agent.tool(tool_fn("weather", "Says the weather.", weather));
    let agent = agent.build().unwrap();
    agent.run("Which weather?").traces(traces).await.unwrap();
    recorder
}

#[tokio::test]
async fn calls_are_beside_the_turns_of_the_agent() {
    let recorder = run(Traces::new()).await;
    let tree = "\
run clerk
  invoke_agent clerk
    turn
      chat scripted
    execute_tool weather
    execute_tool weather
    execute_tool unknown_tool
    turn
      chat scripted
";
    assert_eq!(recorder.tree(), tree);
    let spans = recorder.spans();
    let calls = spans.iter().filter(|span| span.name == "execute_tool");
    let fields = [
        "mainstem.step.path",
        "gen_ai.tool.call.id",
        "error.type",
        "otel.status_code",
    ];
    let calls: Vec<_> = calls
        .map(|call| fields.map(|name| call.field(name)))
        .collect();
    let paths = [
        "clerk/weather[0]",
        "clerk/weather[1]",
        "clerk/unknown_tool[2]",
    ];
    let errors = [["", ""], ["timeout", "error"], ["tool", "error"]];
    for ((call, path), error) in calls.iter().zip(paths).zip(errors) {
        assert_eq!((call[0], &call[2..]), (path, &error[..]));
        assert!(!call[1].is_empty());
    }
    let agent = recorder.span("invoke_agent clerk");
    assert_eq!(agent.field("gen_ai.request.model"), "scripted");
    assert_eq!(agent.field("error.type"), "");
    let around = recorder.around("looking out");
    assert_eq!(around[..2], ["execute_tool weather", "invoke_agent clerk"]);
    assert!(!recorder.everything().contains(SECRET));
}

#[tokio::test]
async fn asked_for_they_have_what_was_given_and_got() {
    let recorder = run(Traces::new().with_content()).await;
    let spans = recorder.spans();
    let calls: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "execute_tool")
        .collect();
    assert_eq!(
        calls[0].field("gen_ai.tool.call.arguments"),
        r#"{"city":"Oslo"}"#
    );
    let given = Json::new(&format!("{SECRET} rain")).unwrap();
    assert_eq!(calls[0].field("gen_ai.tool.call.result"), given.as_str());
    assert_eq!(calls[1].field("otel.status_description"), "no xyzzy");
    let chats: Vec<_> = spans.iter().filter(|span| span.name == "chat").collect();
    let output = chats[0].field("gen_ai.output.messages");
    assert!(output.contains(r#""type":"tool_call""#), "{output}");
    let input = chats[1].field("gen_ai.input.messages");
    assert!(input.contains(r#""response":"xyzzy rain""#), "{input}");
    assert!(!spans.iter().any(|span| span.title().contains(SECRET)));
}

//! Agents whose tools are a server's, on a model behind a socket: awaited, streamed, and in a flow.

use std::sync::Arc;

use mainstem_agent::Agent;
use mainstem_core::{EventKind, Tool};
use mainstem_flow::Flow;
use mainstem_models::{ChatCompletions, reqwest};
use mainstem_testkit::{Reply, ScriptedServer};
use serde_json::json;

use crate::support::{everything, within};

/// Two calls of one turn, one of them with progress, then an answer.
async fn scripted() -> ScriptedServer {
    let server = ScriptedServer::start().await.unwrap();
    let calls = Reply::stream()
        .role()
        .tool_start(0, "call_0", "get-sum")
        .tool_arguments(0, r#"{"a": 2, "b""#)
        .tool_arguments(0, ": 3}")
        .tool_start(1, "call_1", "trigger-long-running-operation")
        .tool_arguments(1, json!({"duration": 0.1, "steps": 3}).to_string())
        .finish("tool_calls")
        .usage(3, 2)
        .done();
    server.push(calls);
    server.push(Reply::text(["It is ", "5."]));
    server
}

fn agent(server: &ScriptedServer, tools: Vec<Arc<dyn Tool>>) -> Agent {
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    let model = ChatCompletions::builder("m")
        .base_url(server.base_url())
        .client(client.build().unwrap());
    let model = model.build().unwrap();
    Agent::builder(model).tools(tools).build().unwrap()
}

/// What the model was told of its calls.
fn told(server: &ScriptedServer) -> Vec<String> {
    let requests = server.requests();
    let results = requests[1]
        .messages()
        .iter()
        .filter(|message| message["role"] == "tool");
    results
        .map(|result| result["content"].as_str().unwrap().to_owned())
        .collect()
}

const TOLD: [&str; 2] = [
    "The sum of 2 and 3 is 5.",
    "Long running operation completed. Duration: 0.1 seconds, Steps: 3.",
];

#[tokio::test]
async fn awaited_streamed_and_in_a_flow() {
    let client = within(everything().connect()).await.unwrap();
    let tools = within(client.tools()).await.unwrap();

    let server = scripted().await;
    let awaited = within(agent(&server, tools.clone()).run("What is 2 + 3?"))
        .await
        .unwrap();
    assert_eq!(awaited.output, "It is 5.");
    assert_eq!(told(&server), TOLD);
    let specs = server.requests()[0].body["tools"].as_array().unwrap().len();
    assert_eq!(specs, tools.len());

    let server = scripted().await;
    let mut run = agent(&server, tools.clone()).run_streamed("What is 2 + 3?");
    let (mut text, mut progress, mut results) = (String::new(), Vec::new(), 0);
    while let Some(event) = within(run.next_event()).await {
        text.push_str(event.text().map_or("", |it| it));
        match event.kind {
            EventKind::Progress(it) => progress.push((it.done, it.total)),
            EventKind::ToolResult(_) => results += 1,
            _ => {}
        }
    }
    assert_eq!(within(run).await.unwrap().output, "It is 5.");
    assert_eq!((text.as_str(), results), ("It is 5.", 2));
    assert_eq!(progress, [(1, Some(3)), (2, Some(3)), (3, Some(3))]);
    assert_eq!(told(&server), TOLD);

    let server = scripted().await;
    let flow = Flow::new("sums")
        .step("ask", |question: String| {
            format!("{question} Use your tools.")
        })
        .step("answer", agent(&server, tools))
        .step("count", |answer: String| answer.len());
    assert_eq!(
        within(flow.run("What is 2 + 3?".to_owned()))
            .await
            .unwrap()
            .output,
        8
    );
    assert_eq!(told(&server), TOLD);
    within(client.close()).await;
}

//! `@modelcontextprotocol/server-everything`, in both of its ways.

use mainstem_core::{ErrorKind, EventKind, MemoryStore, Part, test_util::ScriptedModel};
use mainstem_mcp::{McpClient, McpServer};
use serde_json::{Value, json};

use crate::support::{Everything, agent, call, everything, within};

/// What a client of it does, whatever the way.
async fn check(server: McpServer) {
    let client = within(server.connect()).await.unwrap();
    lists(&client).await;
    calls(&client).await;
    failures(&client).await;
    contents(&client).await;
    progress(&client).await;
    within(client.close()).await;
}

#[tokio::test]
async fn over_standard_input_and_output() {
    check(everything()).await;
}

#[tokio::test]
async fn over_http() {
    let server = Everything::start().await;
    check(server.server()).await;
}

async fn lists(client: &McpClient) {
    let tools = within(client.tools()).await.unwrap();
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool.spec().name.to_string())
        .collect();
    assert!(names.len() > 10, "{names:?}");
    let sum = tools
        .iter()
        .find(|tool| tool.spec().name == "get-sum")
        .unwrap();
    assert_eq!(sum.spec().description, "Returns the sum of two numbers");
    assert_eq!(sum.spec().parameters["required"], json!(["a", "b"]));

    let two = client.tools().only(["get-sum", "echo"]).prefix("all.");
    let mut names: Vec<_> = within(two)
        .await
        .unwrap()
        .iter()
        .map(|tool| tool.spec().name.to_string())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["all_echo", "all_get-sum"]);

    let error = within(client.tools().without(["get-sums"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(
        text.starts_with("MCP server `everything` has no tool `get-sums`"),
        "{text}"
    );
    assert!(text.contains("get-sum"), "{text}");
}

async fn calls(client: &McpClient) {
    let tools = within(client.tools().only(["get-sum", "echo"]).prefix("x_"))
        .await
        .unwrap();
    let called = call(&tools, "x_get-sum", json!({"a": 2, "b": 3.5})).await;
    assert_eq!(called.output(), "The sum of 2 and 3.5 is 5.5.");
    assert_eq!(called.told, "The sum of 2 and 3.5 is 5.5.");
    let called = call(&tools, "x_echo", json!({"message": "a\n\"b\" ü {{c}}"})).await;
    assert_eq!(called.told, "Echo: a\n\"b\" ü {{c}}");
}

async fn failures(client: &McpClient) {
    let tools = within(client.tools().only(["simulate-research-query"]))
        .await
        .unwrap();
    let called = call(&tools, "simulate-research-query", json!({"topic": "jays"})).await;
    let error = called.result.error.unwrap();
    assert_eq!(error.kind, ErrorKind::Tool);
    assert_eq!(error.message, "tool `simulate-research-query` failed");
    assert!(
        called.told.starts_with("The call failed: MCP error -32601"),
        "{}",
        called.told
    );
}

async fn contents(client: &McpClient) {
    let tools = within(client.tools()).await.unwrap();
    let weather = call(
        &tools,
        "get-structured-content",
        json!({"location": "Chicago"}),
    )
    .await;
    let expected = json!({"temperature": 36, "conditions": "Light rain / drizzle", "humidity": 82});
    let read: Value = serde_json::from_str(&weather.told).unwrap();
    assert_eq!(read, expected);

    let image = call(&tools, "get-tiny-image", json!({})).await;
    let lines: Vec<_> = image.told.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with("[an image, image/png, "), "{lines:?}");
    let aside: Vec<Value> = image
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Custom(custom) if custom.name == "mcp_content" => custom.data.to().ok(),
            _ => None,
        })
        .collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0]["type"], "image");
    assert!(
        aside[0]["data"]
            .as_str()
            .unwrap()
            .starts_with("iVBORw0KGgo")
    );

    let links = call(&tools, "get-resource-links", json!({"count": 2})).await;
    let link = "[Text Resource 2](demo://resource/dynamic/text/2), text/plain";
    assert!(links.told.contains(link), "{}", links.told);
}

async fn progress(client: &McpClient) {
    let name = "trigger-long-running-operation";
    let tools = within(client.tools().only([name])).await.unwrap();
    let called = call(&tools, name, json!({"duration": 0.2, "steps": 40})).await;
    let seen: Vec<_> = called
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Progress(progress) => Some((
                event.path.to_string(),
                progress.label.to_string(),
                progress.done,
                progress.total,
            )),
            _ => None,
        })
        .collect();
    let path = format!("agent/{name}[0]");
    let expected: Vec<_> = (1..=40)
        .map(|done| (path.clone(), name.to_owned(), done, Some(40)))
        .collect();
    assert_eq!(seen, expected);
    assert!(
        called.told.starts_with("Long running operation completed."),
        "{}",
        called.told
    );
}

/// Keys of ours are none of a server's business.
#[tokio::test]
async fn a_program_gets_the_environment_that_it_is_given() {
    let client = within(everything().env("BIRD", "jay").connect())
        .await
        .unwrap();
    let tools = within(client.tools().only(["get-env"])).await.unwrap();
    let environment: Value =
        serde_json::from_str(&call(&tools, "get-env", json!({})).await.told).unwrap();
    assert_eq!(environment["BIRD"], "jay");
    assert_eq!(environment["PATH"], std::env::var("PATH").unwrap());
    // Cargo sets it for its tests.
    assert!(std::env::var("CARGO_PKG_NAME").is_ok());
    assert_eq!(environment.get("CARGO_PKG_NAME"), None);
    within(client.close()).await;
}

#[tokio::test]
async fn a_call_that_needs_approval_waits_for_a_person() {
    let client = within(everything().connect()).await.unwrap();
    let tools = client
        .tools()
        .only(["get-sum", "echo"])
        .approve(["get-sum"])
        .prefix("m_");
    let tools = within(tools).await.unwrap();
    let model = ScriptedModel::new()
        .calls([
            ("m_get-sum", json!({"a": 1, "b": 2})),
            ("m_echo", json!({"message": "hi"})),
        ])
        .answer(["Done."]);
    let agent = agent(model.clone(), &tools).unwrap();
    let store = MemoryStore::new();
    let outcome = within(agent.run("Go.").store(store.clone()).outcome())
        .await
        .unwrap();
    let asked = outcome.suspended().unwrap();
    assert_eq!(asked.requests.len(), 1);
    assert_eq!(
        asked.requests[0].prompt,
        r#"Call tool `m_get-sum` with {"a":1,"b":2}?"#
    );
    let answered = asked.answer("m_get-sum[0]/approve", &true).unwrap();
    within(agent.resume(answered).store(store)).await.unwrap();
    let results: Vec<_> = model.requests()[1]
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(result.output.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(results, ["The sum of 1 and 2 is 3.", "Echo: hi"]);
    within(client.close()).await;
}

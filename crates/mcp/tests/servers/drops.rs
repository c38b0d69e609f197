//! What becomes of a server when nobody wants it any more, and of a call when its server is gone.

use std::{error::Error as _, time::Duration};

use mainstem_core::{ErrorKind, EventKind, RunStream, test_util::ScriptedModel};
use serde_json::{Value, json};

use crate::{
    processes::{gone, kill, marked},
    support::{Everything, agent, call, everything, told, within},
};

const LONG: &str = "trigger-long-running-operation";

fn a_minute() -> Value {
    json!({"duration": 60, "steps": 600})
}

/// Reads until the call has told of its progress.
async fn under_way(run: &mut RunStream<String>) {
    while let Some(event) = within(run.next_event()).await {
        if matches!(event.kind, EventKind::Progress(_)) {
            return;
        }
    }
    panic!("the call has no progress");
}

#[tokio::test]
async fn the_program_ends_with_the_client_and_its_tools() {
    let mark = "ends-with-the-client";
    let client = within(everything().args([mark]).connect()).await.unwrap();
    let tools = within(client.tools()).await.unwrap();
    drop(client);
    let called = call(&tools, "echo", json!({"message": "still there"})).await;
    assert_eq!(called.told, "Echo: still there");
    assert_eq!(marked(mark).len(), 1);
    drop(tools);
    within(gone(mark)).await;
}

#[tokio::test]
async fn close_waits_for_the_end_of_the_program() {
    let mark = "ends-with-close";
    let client = within(everything().args([mark]).connect()).await.unwrap();
    let tools = within(client.tools().only(["echo"])).await.unwrap();
    let clone = client.clone();
    within(client.close()).await;
    assert!(marked(mark).is_empty());
    assert!(clone.is_closed());
    let called = call(&tools, "echo", json!({"message": "hello?"})).await;
    let error = called.result.error.unwrap();
    assert_eq!(error.code.as_deref(), Some("mcp_closed"));
    let text = "the connection to MCP server `everything` was closed; connect to it anew";
    assert_eq!(error.message, text);
    let error = within(clone.tools()).await.unwrap_err();
    assert_eq!(error.to_string(), text);
    assert!(marked(mark).is_empty());
}

#[tokio::test]
async fn close_fails_the_calls_that_are_under_way() {
    let server = Everything::start().await;
    for server in [everything(), server.server()] {
        let client = within(server.connect()).await.unwrap();
        let tools = within(client.tools().only([LONG])).await.unwrap();
        let model = ScriptedModel::new()
            .calls([(LONG, a_minute())])
            .answer(["Oh."]);
        let mut run = agent(model.clone(), &tools).unwrap().run_streamed("Go.");
        under_way(&mut run).await;
        within(client.close()).await;
        assert_eq!(within(run).await.unwrap().output, "Oh.");
        let told = told(&model.requests()[1]);
        let text = "The call failed: the connection to MCP server `everything` ended";
        assert!(told.starts_with(text), "{told}");
    }
}

#[tokio::test]
async fn the_program_ends_with_its_runtime() {
    let mark = "ends-with-the-runtime";
    let connected = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let client = runtime
            .block_on(within(everything().args([mark]).connect()))
            .unwrap();
        drop(runtime);
        client
    });
    let client = connected.join().unwrap();
    within(gone(mark)).await;
    assert!(client.is_closed());
}

#[tokio::test]
async fn a_program_that_is_killed_in_mid_call_fails_the_call() {
    let mark = "killed-in-mid-call";
    let client = within(everything().args([mark]).connect()).await.unwrap();
    let tools = within(client.tools().only([LONG])).await.unwrap();
    let model = ScriptedModel::new()
        .calls([(LONG, a_minute())])
        .answer(["Oh."]);
    let mut run = agent(model.clone(), &tools).unwrap().run_streamed("Go.");
    under_way(&mut run).await;
    kill(mark).await;
    let result = within(run).await.unwrap();
    assert_eq!(result.output, "Oh.");
    let told = told(&model.requests()[1]);
    let expected = format!(
        "The call failed: the connection to MCP server `everything` ended before it had answered the call of \
         tool `{LONG}`; it is connected to again when it is needed next"
    );
    assert_eq!(told, expected);
    assert!(client.is_closed());
    assert_eq!(within(client.tools()).await.unwrap()[0].spec().name, "echo");
    assert_eq!(marked(mark).len(), 1);
}

#[tokio::test]
async fn a_server_over_http_that_is_killed_in_mid_call_fails_the_call() {
    let mut server = Everything::start().await;
    let client = within(server.server().connect()).await.unwrap();
    let tools = within(client.tools().only([LONG])).await.unwrap();
    let model = ScriptedModel::new()
        .calls([(LONG, a_minute())])
        .answer(["Oh."]);
    let mut run = agent(model.clone(), &tools).unwrap().run_streamed("Go.");
    under_way(&mut run).await;
    server.process.kill().await.unwrap();
    let result = within(run).await.unwrap();
    assert_eq!(result.output, "Oh.");
    let told = told(&model.requests()[1]);
    assert!(told.contains("MCP server `everything`"), "{told}");
    assert!(told.contains(LONG), "{told}");
}

#[tokio::test]
async fn a_server_that_isnt_there_is_said_to_be() {
    let error = within(mainstem_mcp::McpServer::stdio("no-such-program").connect())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = "MCP server `no-such-program` can't be started: is `no-such-program` installed?";
    assert_eq!(error.to_string(), text);
    assert!(error.source().is_some());

    let mut server = Everything::start().await;
    server.process.kill().await.unwrap();
    let error = within(server.server().connect()).await.unwrap_err();
    assert_eq!(error.code(), Some("mcp_not_connected"));
    assert_eq!(
        error.to_string(),
        "MCP server `everything` can't be reached"
    );
    assert!(error.is_retryable());
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_call_that_is_dropped_or_late_leaves_the_connection_whole() {
    let server = Everything::start().await;
    for server in [everything(), server.server()] {
        let client = within(server.connect()).await.unwrap();
        let tools = within(client.tools()).await.unwrap();
        let model = ScriptedModel::new().calls([(LONG, a_minute())]);
        let mut run = agent(model, &tools).unwrap().run_streamed("Go.");
        under_way(&mut run).await;
        drop(run);

        let limited = client
            .tools()
            .only([LONG])
            .time_limit(Duration::from_millis(50));
        let limited = within(limited).await.unwrap();
        let called = call(&limited, LONG, a_minute()).await;
        assert_eq!(called.result.error.unwrap().kind, ErrorKind::Timeout);

        let called = call(&tools, "echo", json!({"message": "still there"})).await;
        assert_eq!(called.told, "Echo: still there");
        within(client.close()).await;
    }
}

//! A server over HTTP whose every answer is written out: what goes along, and what is said of failures.

use std::{error::Error as _, process::Stdio, time::Duration};

use mainstem_core::{Error, ErrorKind, Tool};
use mainstem_mcp::McpServer;
use mainstem_models::reqwest;
use mainstem_testkit::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::support::{call, within};

fn result(id: &Value, result: &Value) -> Reply {
    Reply::status(200).json(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// Answers as a server should; calls of its tool `dig` as is said.
async fn scripted(dig: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> ScriptedServer {
    let server = ScriptedServer::builder()
        .any_request(true)
        .start()
        .await
        .unwrap();
    server.respond_with(move |request| {
        let id = &request.body["id"];
        match request.body["method"].as_str() {
            Some("initialize") => result(
                id,
                &json!({
                    "protocolVersion": request.body["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "scripted", "version": "1"},
                }),
            ),
            Some("tools/list") => result(
                id,
                &json!({"tools": [{"name": "dig", "inputSchema": {"type": "object"}}]}),
            ),
            Some("tools/call") => dig(id),
            Some(_) => Reply::status(202),
            None => Reply::status(405),
        }
    });
    server
}

fn at(url: &str) -> McpServer {
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    McpServer::http(url)
        .client(client.build().unwrap())
        .name("scripted")
}

fn url(server: &ScriptedServer) -> String {
    format!("http://{}/mcp?key=secret-query", server.address())
}

/// An error with all of its causes, as logs write it.
fn in_full(error: &Error) -> String {
    let mut text = format!("{error:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        text.push_str(&format!("\n{error}\n{error:?}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn headers_and_a_token_go_along_with_each_request_and_are_shown_nowhere() {
    let server =
        scripted(|id| result(id, &json!({"content": [{"type": "text", "text": "dug"}]}))).await;
    let mcp = at(&url(&server))
        .bearer("secret-token")
        .header("x-team", "secret-team");
    let shown = format!("{mcp:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(
        shown.contains("x-team") && shown.contains("/mcp"),
        "{shown}"
    );
    let client = within(mcp.connect()).await.unwrap();
    let tools = within(client.tools()).await.unwrap();
    assert_eq!(call(&tools, "dig", json!({})).await.told, "dug");
    let requests = server.requests();
    assert!(requests.len() >= 4);
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer secret-token"));
        assert_eq!(request.header("x-team"), Some("secret-team"));
        assert_eq!(request.query.as_deref(), Some("key=secret-query"));
    }
    assert_eq!(tools[0].policy().time_limit, None);
}

#[tokio::test]
async fn what_goes_wrong_with_a_call_is_said_without_its_arguments() {
    for (status, note) in [(401, ""), (404, ""), (500, ""), (503, "")] {
        let server = scripted(move |_| {
            Reply::status(status)
                .content_type("text/plain")
                .body("secret body")
        })
        .await;
        let client = within(at(&url(&server)).bearer("secret-token").connect())
            .await
            .unwrap();
        let tools = within(client.tools()).await.unwrap();
        let called = call(&tools, "dig", json!({"what": "secret argument"})).await;
        let error = called.result.error.unwrap();
        let text = format!(
            "MCP server `scripted` didn't get the call of tool `dig`: it answered {status}{note}"
        );
        assert_eq!(error.message, text);
        assert_eq!(error.status, Some(status));
        assert_eq!(error.retryable, status >= 500);
        assert!(!called.told.contains("secret"), "{}", called.told);
    }
}

#[tokio::test]
async fn how_long_to_wait_is_passed_on() {
    let server = scripted(|_| Reply::status(429).header("retry-after", "7")).await;
    let client = within(at(&url(&server)).connect()).await.unwrap();
    let tools = within(client.tools()).await.unwrap();
    let error = call(&tools, "dig", json!({})).await.result.error.unwrap();
    assert_eq!(
        (error.status, error.retry_after_ms),
        (Some(429), Some(7000))
    );
    assert!(error.retryable);
}

#[tokio::test]
async fn what_isnt_mcp_is_said_to_be_none() {
    for reply in [
        Reply::status(200)
            .content_type("text/html")
            .body("<p>secret</p>"),
        Reply::status(200).json(&json!({"secret": 1})),
    ] {
        let server = scripted(move |_| reply.clone()).await;
        let client = within(at(&url(&server)).connect()).await.unwrap();
        let tools = within(client.tools()).await.unwrap();
        let called = call(&tools, "dig", json!({})).await;
        let error = called.result.error.unwrap();
        assert_eq!(
            error.code.as_deref(),
            Some("mcp_protocol"),
            "{}",
            error.message
        );
        assert!(!called.told.contains("secret"), "{}", called.told);
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_names_the_mend_and_no_secret() {
    let server = ScriptedServer::builder()
        .any_request(true)
        .start()
        .await
        .unwrap();
    server.fallback(
        Reply::status(401)
            .header("www-authenticate", "Bearer")
            .body("secret body"),
    );
    let error = within(at(&url(&server)).bearer("secret-token").connect())
        .await
        .unwrap_err();
    let text =
        "MCP server `scripted` can't be reached: it answered 401; it wants a token: `bearer(..)`";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.status(), Some(401));
    assert!(!in_full(&error).contains("secret"), "{}", in_full(&error));

    let address = server.address();
    drop(server);
    let gone = at(&format!("http://user:secret@{address}/mcp?key=secret")).bearer("secret-token");
    let error = within(gone.connect()).await.unwrap_err();
    assert!(error.source().is_some());
    assert!(!in_full(&error).contains("secret"), "{}", in_full(&error));
}

#[tokio::test]
async fn addresses_and_headers_that_cant_be_used_are_an_error() {
    for (server, text) in [
        (
            McpServer::http("ftp://birds"),
            "the address of MCP server `birds` isn't one",
        ),
        (
            McpServer::http("birds"),
            "the address of MCP server `http` isn't one",
        ),
        (
            McpServer::http("http://a").header("a b", "c"),
            "MCP server `a` is given a header `a b`",
        ),
        (
            McpServer::http("http://a").header("a", "secret\n"),
            "MCP server `a` is given a header `a` whose value",
        ),
    ] {
        let error = within(server.connect()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(!in_full(&error).contains("secret"), "{}", in_full(&error));
    }
}

#[tokio::test]
async fn options_that_would_have_no_effect_are_an_error() {
    let (program, http) = (
        || McpServer::stdio("birds"),
        || McpServer::http("http://birds"),
    );
    let client = reqwest::Client::new();
    for (server, option, way) in [
        (http().args(["a"]), "args", "servers over HTTP"),
        (http().env("A", "b"), "env", "servers over HTTP"),
        (http().stderr(Stdio::null()), "stderr", "servers over HTTP"),
        (program().bearer("a"), "bearer", "programs"),
        (program().header("a", "b"), "header", "programs"),
        (program().client(client), "client", "programs"),
    ] {
        let error = within(server.connect()).await.unwrap_err();
        let text =
            format!("MCP server `birds` is given `{option}`, which isn't for {way}; leave it out");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Config, text));
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up() {
    let server = ScriptedServer::builder()
        .any_request(true)
        .start()
        .await
        .unwrap();
    server.fallback(Reply::silent());
    let limited = at(&url(&server)).time_limit(Duration::from_millis(100));
    let error = within(limited.connect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

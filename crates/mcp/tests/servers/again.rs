//! A connection that was lost is made again: by the next call, and not too often.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use mainstem_core::{Tool, test_util::ScriptedModel};
use mainstem_mcp::{McpClient, McpServer};
use mainstem_models::reqwest;
use mainstem_testkit::{Reply, ScriptedServer};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService,
        streamable_http_server::session::{SessionManager as _, local::LocalSessionManager},
    },
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    odd::{Odd, notices},
    processes::{kill, marked},
    support::{agent, call, everything, within},
};

const AGAIN: &str = "mcp_connected_again";

/// Waits until the client knows that its connection is gone.
async fn lost(client: &McpClient) {
    while !client.is_closed() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_program_that_was_killed_is_started_again_by_the_next_call() {
    let mark = "started-again";
    let client = within(everything().args([mark]).connect()).await.unwrap();
    let tools = within(client.tools().only(["echo"])).await.unwrap();
    kill(mark).await;
    within(lost(&client)).await;
    let called = call(&tools, "echo", json!({"message": "again"})).await;
    assert_eq!(called.told, "Echo: again");
    let text = "the connection to MCP server `everything` was lost, and has been made again; what it knew of this \
                session is gone";
    assert_eq!(notices(&called, AGAIN), [text]);
    assert!(!client.is_closed());
    assert_eq!(marked(mark).len(), 1);

    let called = call(&tools, "echo", json!({"message": "and again"})).await;
    assert_eq!(called.told, "Echo: and again");
    assert!(notices(&called, AGAIN).is_empty());
    within(client.close()).await;
    assert!(marked(mark).is_empty());
}

#[tokio::test]
async fn a_call_that_may_have_run_is_never_made_twice() {
    let odd = Odd::new();
    let client = odd.connect("").await;
    let tools = within(client.tools()).await.unwrap();
    let called = call(&tools, "die", json!({})).await;
    assert_eq!(
        called.told,
        "The call failed: the connection to MCP server `odd` ended before it had answered the call of tool `die`; \
         it is connected to again when it is needed next"
    );
    let called = call(&tools, "answer", json!({"text": "here"})).await;
    assert_eq!(called.told, "here");
    assert_eq!(notices(&called, AGAIN).len(), 1);
    let names = odd.read("tools/call").into_iter();
    let names: Vec<_> = names.map(|it| it["params"]["name"].clone()).collect();
    assert_eq!(names, ["die", "answer"]);
    assert_eq!(odd.read("initialize").len(), 2);
}

#[tokio::test]
async fn calls_at_the_same_time_share_the_new_connection() {
    let odd = Odd::new();
    let client = odd.connect("").await;
    let tools = within(client.tools()).await.unwrap();
    call(&tools, "die", json!({})).await;
    let model = ScriptedModel::new()
        .calls([
            ("answer", json!({"text": "a"})),
            ("answer", json!({"text": "b"})),
            ("answer", json!({"text": "c"})),
        ])
        .answer(["Done."]);
    within(agent(model, &tools).unwrap().run("Go."))
        .await
        .unwrap();
    assert_eq!(odd.read("tools/call").len(), 4);
    assert_eq!(odd.read("initialize").len(), 2);
}

/// Twenty calls: if each of them started the program, it would be started twenty times. With waits that
/// double, more than nine take two minutes, which no machine needs for calls that are refused.
#[tokio::test]
async fn a_program_that_ends_each_time_isnt_started_by_each_call() {
    let odd = Odd::new();
    let client = odd.connect("brittle").await;
    let tools = within(client.tools()).await.unwrap();
    call(&tools, "die", json!({})).await;
    let mut errors = Vec::new();
    for _ in 0..20 {
        errors.push(
            call(&tools, "answer", json!({}))
                .await
                .result
                .error
                .unwrap(),
        );
    }
    assert_eq!(errors[0].code.as_deref(), Some("mcp_not_connected"));
    let starts = odd.read("initialize").len();
    assert!((2..=9).contains(&starts), "{starts}");
    let refused = errors
        .iter()
        .find(|it| it.code.as_deref() == Some("mcp_closed"));
    let refused = refused.unwrap();
    let text = "the connection to MCP server `odd` was lost several times; it is made again after another ";
    assert!(refused.message.starts_with(text), "{}", refused.message);
    assert!(refused.retryable && refused.retry_after_ms.is_some());
}

#[tokio::test]
async fn tools_that_are_others_afterwards_are_found_out() {
    let odd = Odd::new();
    let client = odd.connect("changing").await;
    let tools = within(client.tools()).await.unwrap();
    call(&tools, "die", json!({})).await;
    assert!(!client.have_tools_changed());

    let called = call(&tools, "fail", json!({})).await;
    let error = called.result.error.unwrap();
    assert_eq!(error.code.as_deref(), Some("mcp_tool_changed"));
    let text = "MCP server `odd` hasn't got tool `fail` any more; its new tools are given by `client.tools()`";
    assert_eq!(error.message, text);
    assert!(client.have_tools_changed());

    let called = call(&tools, "answer", json!({"bird": "a secret jay"})).await;
    let error = called.result.error.unwrap();
    assert_eq!(error.code.as_deref(), Some("mcp_tool_changed"));
    assert!(error.message.contains("don't fit: "), "{}", error.message);
    assert!(!error.message.contains("secret"), "{}", error.message);

    let called = call(&tools, "answer", json!({"text": "it fits"})).await;
    assert_eq!(called.told, "it fits");
    let names = odd.read("tools/call").into_iter();
    let names: Vec<_> = names.map(|it| it["params"]["name"].clone()).collect();
    assert_eq!(names, ["die", "answer"]);

    let tools = within(client.tools()).await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.spec().name.as_str()).collect();
    assert_eq!(names, ["answer", "new"]);
    assert!(!client.have_tools_changed());
}

#[tokio::test]
async fn tools_are_looked_at_again_once_when_the_server_says_that_they_changed() {
    let odd = Odd::new();
    let client = odd.connect("").await;
    let tools = within(client.tools()).await.unwrap();
    call(&tools, "answer", json!({})).await;
    assert_eq!(odd.read("tools/list").len(), 1);
    call(&tools, "change", json!({})).await;
    for _ in 0..2 {
        call(&tools, "answer", json!({})).await;
        assert_eq!(odd.read("tools/list").len(), 2);
    }
    // It is for who builds agents to ask for them.
    assert!(client.have_tools_changed());
}

/// Its tool `dig` counts its calls.
#[derive(Clone, Default)]
struct Digger(Arc<AtomicUsize>);

impl ServerHandler for Digger {
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&[ProtocolVersion::LATEST_WITH_INITIALIZE])
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = rmcp::model::Tool::new("dig", "", Arc::new(JsonObject::new()));
        Ok(ListToolsResult::with_all_items(vec![tool]))
    }

    async fn call_tool(
        &self,
        _request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let calls = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(CallToolResult::success(vec![ContentBlock::text(calls.to_string())]).into())
    }
}

fn at(url: String) -> McpServer {
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    McpServer::http(url).client(client.build().unwrap())
}

/// The protocol's own server answers 404, and hasn't looked at the call: so it is made at once.
#[tokio::test]
async fn a_session_that_a_server_has_forgotten_is_begun_anew() {
    let (digger, sessions) = (Digger::default(), Arc::new(LocalSessionManager::default()));
    let made = digger.clone();
    let service = StreamableHttpService::new(
        move || Ok(made.clone()),
        Arc::clone(&sessions),
        StreamableHttpServerConfig::default(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().nest_service("/mcp", service);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let client = within(at(url).name("digger").connect()).await.unwrap();
    let tools = within(client.tools()).await.unwrap();
    assert_eq!(call(&tools, "dig", json!({})).await.told, "1");
    let forgotten: Vec<_> = sessions.sessions.read().await.keys().cloned().collect();
    assert_eq!(forgotten.len(), 1);
    sessions.close_session(&forgotten[0]).await.unwrap();

    let called = call(&tools, "dig", json!({})).await;
    assert_eq!(called.told, "2");
    assert_eq!(notices(&called, AGAIN).len(), 1);
    assert_eq!(digger.0.load(Ordering::Relaxed), 2);
    let now: Vec<_> = sessions.sessions.read().await.keys().cloned().collect();
    assert!(now.len() == 1 && now != forgotten, "{now:?}");
}

/// Many servers answer 400 instead, with an error that names no request, as `server-everything` does. Such
/// a call fails, for it can't be known why; the next one finds a new session.
#[tokio::test]
async fn a_session_that_a_server_says_nothing_good_of_is_begun_anew_by_the_next_call() {
    let server = ScriptedServer::builder()
        .any_request(true)
        .start()
        .await
        .unwrap();
    let sessions = AtomicUsize::new(0);
    server.respond_with(move |request| {
        let id = &request.body["id"];
        let give = |result: serde_json::Value| {
            Reply::status(200).json(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
        };
        let refuse = json!({
            "jsonrpc": "2.0",
            "error": {"code": -32000, "message": "Bad Request: No valid session ID provided"},
        });
        let session = request.header("mcp-session-id").map(str::to_owned);
        match request.body["method"].as_str() {
            Some("initialize") => {
                let number = sessions.fetch_add(1, Ordering::Relaxed) + 1;
                let begun = json!({
                    "protocolVersion": request.body["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "scripted", "version": "1"},
                });
                give(begun).header("mcp-session-id", format!("session-{number}"))
            }
            Some("tools/list") => {
                give(json!({"tools": [{"name": "dig", "inputSchema": {"type": "object"}}]}))
            }
            Some("tools/call") if session.as_deref() == Some("session-1") => {
                Reply::status(400).json(&refuse)
            }
            Some("tools/call") => give(json!({"content": [{"type": "text", "text": "dug"}]})),
            Some(_) => Reply::status(202),
            None => Reply::status(405),
        }
    });
    let url = format!("http://{}/mcp", server.address());
    let client = within(at(url).name("scripted").connect()).await.unwrap();
    let tools: Vec<Arc<dyn Tool>> = within(client.tools()).await.unwrap();
    let called = call(&tools, "dig", json!({})).await;
    let error = called.result.error.unwrap();
    assert_eq!(error.code.as_deref(), Some("mcp_refused"));
    assert!(
        called.told.ends_with("No valid session ID provided"),
        "{}",
        called.told
    );
    let called = call(&tools, "dig", json!({})).await;
    assert_eq!(called.told, "dug");
    assert_eq!(notices(&called, AGAIN).len(), 1);
}

//! A server that speaks the newest version of the protocol alone, by the protocol's own crate.
#![expect(deprecated, reason = "servers still log")]

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::Router;
use mainstem_core::{ErrorKind, EventKind};
use mainstem_mcp::{LogLevel, McpServer};
use mainstem_models::reqwest;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject,
        ListToolsResult, LoggingMessageNotificationParam, PaginatedRequestParams,
        ProgressNotificationParam, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService,
        streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc};

use crate::support::{call, within};

/// Its tool `count` counts to three, and its tool `wait` waits to be cancelled, and tells that it was.
#[derive(Clone)]
struct Newest(mpsc::Sender<&'static str>);

impl ServerHandler for Newest {
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&[ProtocolVersion::V_2026_07_28])
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = Arc::new(JsonObject::new());
        let tool = |name: &'static str| Tool::new(name, "", Arc::clone(&schema));
        Ok(ListToolsResult::with_all_items(vec![
            tool("count"),
            tool("wait"),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "wait" {
            self.0.send("begun").await.unwrap();
            context.ct.cancelled().await;
            self.0.send("cancelled").await.unwrap();
        }
        if let Some(level) = context.meta.log_level() {
            let log = LoggingMessageNotificationParam::new(level, json!("counting"));
            context.peer.notify_logging_message(log).await.unwrap();
        }
        let token = context.meta.get_progress_token().unwrap();
        for done in 1..=3 {
            let progress = ProgressNotificationParam::new(token.clone(), f64::from(done));
            context.peer.notify_progress(progress).await.unwrap();
        }
        Ok(CallToolResult::success(vec![ContentBlock::text("three")]).into())
    }
}

/// Where it is, and what its tool `wait` tells.
async fn start() -> (McpServer, mpsc::Receiver<&'static str>) {
    let (told, telling) = mpsc::channel(8);
    let service: StreamableHttpService<Newest, LocalSessionManager> = StreamableHttpService::new(
        move || Ok(Newest(told.clone())),
        Arc::default(),
        StreamableHttpServerConfig::default(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().nest_service("/mcp", service);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    let server = McpServer::http(url).client(client.build().unwrap());
    (server.name("newest"), telling)
}

#[tokio::test]
async fn it_is_spoken_to_if_that_is_asked_for() {
    let (server, _) = start().await;
    let client = within(server.discover().connect()).await.unwrap();
    let tools = within(client.tools().only(["count"])).await.unwrap();
    let called = call(&tools, "count", json!({})).await;
    assert_eq!(called.told, "three");
    let done: Vec<_> = called
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Progress(progress) => Some(progress.done),
            _ => None,
        })
        .collect();
    assert_eq!(done, [1, 2, 3]);
}

#[tokio::test]
async fn its_log_is_shown_if_it_is_asked_for() {
    for level in [None, Some(LogLevel::Notice)] {
        let (server, _) = start().await;
        let server = match level {
            Some(level) => server.show_logs(level),
            None => server,
        };
        let client = within(server.discover().connect()).await.unwrap();
        let tools = within(client.tools().only(["count"])).await.unwrap();
        let called = call(&tools, "count", json!({})).await;
        let shown: Vec<_> = called
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Notice(notice) => Some(notice.message.as_str()),
                _ => None,
            })
            .collect();
        let expected = level.map(|_| "MCP server `newest`, notice: counting");
        assert_eq!(shown, expected.as_slice());
    }
}

#[tokio::test]
async fn its_refusal_names_the_mend() {
    let (server, _) = start().await;
    let error = within(server.connect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool);
    assert!(error.to_string().contains("`discover()`"), "{error}");
}

#[tokio::test]
async fn it_is_told_of_a_call_that_takes_too_long() {
    let (server, mut telling) = start().await;
    let client = within(server.discover().connect()).await.unwrap();
    let tools = client
        .tools()
        .only(["wait"])
        .time_limit(Duration::from_millis(100));
    let tools = within(tools).await.unwrap();
    let called = call(&tools, "wait", json!({})).await;
    assert_eq!(called.result.error.unwrap().kind, ErrorKind::Timeout);
    assert_eq!(within(telling.recv()).await, Some("begun"));
    assert_eq!(within(telling.recv()).await, Some("cancelled"));
}

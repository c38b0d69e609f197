//! The servers, and runs that call their tools.

use std::{net::TcpListener, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use mainstem_agent::Agent;
use mainstem_core::{
    Event, EventKind, ModelRequest, Part, Result, Tool, ToolResult, test_util::ScriptedModel,
};
use mainstem_mcp::McpServer;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// What `cargo xtask test --only tools` installs.
fn installed(path: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = target.parent().unwrap().join("mcp-servers").join(path);
    assert!(
        path.exists(),
        "an MCP server is missing: `cargo xtask test --only tools` installs it"
    );
    path
}

fn everything_script() -> PathBuf {
    installed("node_modules/@modelcontextprotocol/server-everything/dist/index.js")
}

/// The server of the protocol's authors that has one of everything, over standard input and output.
pub(crate) fn everything() -> McpServer {
    McpServer::stdio("node")
        .args([everything_script()])
        .args(["stdio"])
        .stderr(Stdio::null())
        .name("everything")
}

/// A server of `PyPI` that tells the time.
pub(crate) fn time() -> McpServer {
    McpServer::stdio("python3")
        .args(["-m", "mcp_server_time", "--local-timezone", "UTC"])
        .env("PYTHONPATH", installed("python"))
        .stderr(Stdio::null())
        .name("time")
}

/// The first one over HTTP; it ends when this is dropped.
pub(crate) struct Everything {
    pub(crate) url: String,
    pub(crate) process: Child,
}

impl Everything {
    pub(crate) async fn start() -> Self {
        for _attempt in 0..5 {
            // Somebody else may take the port before the server does; then it ends.
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let mut process = Command::new("node")
                .arg(everything_script())
                .arg("streamableHttp")
                .env("PORT", port.to_string())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("listening on port") {
                    let url = format!("http://127.0.0.1:{port}/mcp");
                    return Self { url, process };
                }
            }
        }
        panic!("the server over HTTP doesn't start");
    }

    pub(crate) fn server(&self) -> McpServer {
        let client = reqwest::Client::builder();
        let client = client
            .tls_certs_only([])
            .no_proxy()
            .pool_max_idle_per_host(0);
        McpServer::http(&self.url)
            .client(client.build().unwrap())
            .name("everything")
    }
}

/// What came of one call of a tool, by an agent whose model asks for it.
pub(crate) struct Called {
    pub(crate) result: ToolResult,
    pub(crate) events: Vec<Event>,
    /// What the model was told.
    pub(crate) told: String,
}

impl Called {
    /// What the agent gave, as text.
    pub(crate) fn output(&self) -> String {
        let output = self.result.output.as_ref().unwrap();
        output
            .to::<String>()
            .unwrap_or_else(|_| output.as_str().to_owned())
    }
}

/// Calls a tool once.
pub(crate) async fn call(tools: &[Arc<dyn Tool>], name: &str, arguments: Value) -> Called {
    let model = ScriptedModel::new()
        .calls([(name, arguments)])
        .answer(["Done."]);
    let agent = agent(model.clone(), tools).unwrap();
    let mut run = agent.run_streamed("Call it.");
    let mut events = Vec::new();
    while let Some(event) = within(run.next_event()).await {
        events.push(event);
    }
    within(run).await.unwrap();
    let result = events.iter().find_map(|event| match &event.kind {
        EventKind::ToolResult(result) => Some(result.clone()),
        _ => None,
    });
    Called {
        result: result.unwrap(),
        told: told(&model.requests()[1]),
        events,
    }
}

pub(crate) fn agent(model: ScriptedModel, tools: &[Arc<dyn Tool>]) -> Result<Agent> {
    Agent::builder(model).tools(tools.iter().cloned()).build()
}

/// The last result of a tool in what a model was asked.
pub(crate) fn told(request: &ModelRequest) -> String {
    let mut parts = request
        .messages
        .iter()
        .rev()
        .flat_map(|message| &message.parts);
    let result = parts.find_map(|part| match part {
        Part::ToolResult(result) => Some(result.output.to_string()),
        _ => None,
    });
    result.unwrap()
}

/// Fails what would hang; no test counts on this limit being reached.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(60), future.into_future()).await {
        Ok(output) => output,
        Err(_late) => panic!("a minute has passed"),
    }
}

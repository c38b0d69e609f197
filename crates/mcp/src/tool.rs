//! One tool of a server, and a call of it.

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Json, Result, RunContext, StepResult, Text, Tool, ToolPolicy, ToolSpec};
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, ClientRequest, Request, ServerResult},
    service::RequestHandle,
};

use crate::{
    client::Connection,
    content::Given,
    failure::{Said, failed, tool, unexpected},
    feed::{Feed, FeedRef, Feeds},
};

pub(crate) struct McpTool {
    connection: Arc<Connection>,
    /// What the server calls it.
    name: Text,
    spec: ToolSpec,
    policy: ToolPolicy,
}

impl McpTool {
    pub(crate) fn new(
        connection: Arc<Connection>,
        name: &str,
        spec: ToolSpec,
        policy: ToolPolicy,
    ) -> Self {
        Self {
            connection,
            name: name.into(),
            spec,
            policy,
        }
    }
}

impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>> {
        let (connection, name) = (Arc::clone(&self.connection), self.name.clone());
        call(connection, name, ctx, arguments).boxed()
    }

    fn policy(&self) -> ToolPolicy {
        self.policy.clone()
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTool")
            .field("server", &self.connection.server)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

async fn call(
    connection: Arc<Connection>,
    name: Text,
    ctx: RunContext,
    arguments: Json,
) -> StepResult<Json> {
    let server = &connection.server;
    let what = format!("the call of tool `{name}`");
    let mut call = UnderWay::begin(&connection, &name, &what, arguments).await?;
    let answer = loop {
        tokio::select! {
            biased;
            () = call.feed.arrived() => call.pass_on(&ctx, server, &name).await,
            answer = answer(&mut call.handle) => break answer,
        }
    };
    // What had been said before the answer.
    call.pass_on(&ctx, server, &name).await;
    let answer = answer.unwrap_or(Err(rmcp::ServiceError::TransportClosed));
    let result = match answer.map_err(|error| failed(server, &what, error))? {
        ServerResult::CallToolResult(result) => result,
        ServerResult::InputRequiredResult(_) => {
            let message =
                format!("MCP server `{server}` asks for more than the arguments of tool `{name}`");
            let error = tool(message).with_note("that isn't supported");
            return Err(error.with_code("mcp_unsupported").into());
        }
        ServerResult::CreateTaskResult(_) => {
            let message = format!("MCP server `{server}` made a task of the call of tool `{name}`");
            let error = tool(message).with_note("that isn't supported");
            return Err(error.with_code("mcp_unsupported").into());
        }
        _ => return Err(unexpected(server, &what).into()),
    };
    let is_error = result.is_error == Some(true);
    let given = Given::of(result)?;
    for event in &given.aside {
        ctx.emit(event.clone()).await;
    }
    match is_error {
        true => Err(Said(given.into_text()).into()),
        false => Ok(Json::new(&given.output)?),
    }
}

type Answer = std::result::Result<ServerResult, rmcp::ServiceError>;

/// Waits for the answer; none comes if the connection is gone.
async fn answer(handle: &mut Option<RequestHandle<RoleClient>>) -> Option<Answer> {
    let answer = match handle {
        Some(handle) => (&mut handle.rx).await.ok(),
        None => None,
    };
    // There is nothing left that could be cancelled.
    *handle = None;
    answer
}

/// A call that has no answer yet. If it is dropped, the server is told not to go on.
struct UnderWay {
    handle: Option<RequestHandle<RoleClient>>,
    feed: Arc<Feed>,
    feeds: Arc<Feeds>,
}

impl UnderWay {
    async fn begin(
        connection: &Connection,
        name: &str,
        what: &str,
        arguments: Json,
    ) -> Result<Self> {
        let feed = Arc::new(Feed::default());
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments.to()?);
        let mut request = Request::new(params);
        request.extensions.insert(FeedRef(Arc::downgrade(&feed)));
        let request = ClientRequest::CallToolRequest(request);
        let sent = connection
            .peer
            .send_cancellable_request(request, connection.options());
        let handle = sent
            .await
            .map_err(|error| failed(&connection.server, what, error))?;
        Ok(Self {
            handle: Some(handle),
            feed,
            feeds: Arc::clone(&connection.feeds),
        })
    }

    async fn pass_on(&self, ctx: &RunContext, server: &str, tool: &str) {
        while let Some(event) = self.feed.next(server, tool) {
            ctx.emit(event).await;
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            let reason = "the run doesn't wait for it any more".to_owned();
            // The first poll hands the message to the connection; nobody waits until it is sent.
            let cancel = tokio::task::coop::unconstrained(handle.cancel(Some(reason)));
            let _ = cancel.now_or_never();
        }
        // The feed is kept by this alone, and is gone with it.
        self.feed = Arc::default();
        self.feeds.tidy();
    }
}

//! One tool of a server, and a call of it.

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Json, Notice, Result, RunContext, StepResult, Text, Tool, ToolPolicy, ToolSpec,
};
use mainstem_structured::Schema;
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, ClientRequest, JsonObject, Request, ServerResult},
    service::{RequestHandle, ServiceError},
};

use crate::{
    connection::Connection,
    content::Given,
    failure::{Said, is_forgotten, tool, unexpected},
    feed::{Feed, FeedRef},
    link::{Link, Reached},
    listing::offered,
    spec,
    tap::Seen,
};

pub(crate) struct McpTool {
    known: Arc<Known>,
    spec: ToolSpec,
    policy: ToolPolicy,
}

/// A tool as the server had it when the agent got it.
struct Known {
    link: Arc<Link>,
    /// What the server calls it.
    name: Text,
    takes: Arc<JsonObject>,
}

impl McpTool {
    pub(crate) fn new(
        link: Arc<Link>,
        tool: &rmcp::model::Tool,
        spec: ToolSpec,
        policy: ToolPolicy,
    ) -> Self {
        let known = Known {
            link,
            name: tool.name.as_ref().into(),
            takes: Arc::clone(&tool.input_schema),
        };
        Self {
            known: Arc::new(known),
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
        call(Arc::clone(&self.known), ctx, arguments).boxed()
    }

    fn policy(&self) -> ToolPolicy {
        self.policy.clone()
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTool")
            .field("server", self.known.link.server())
            .field("name", &self.known.name)
            .finish_non_exhaustive()
    }
}

async fn call(known: Arc<Known>, ctx: RunContext, arguments: Json) -> StepResult<Json> {
    let server = known.link.server();
    let what = known.what();
    let mut answer = known.call_once(&ctx, &arguments).await?;
    if answer.as_ref().is_err_and(is_forgotten) {
        // The server hasn't looked at the call: it is no second one.
        answer = known.call_once(&ctx, &arguments).await?;
    }
    let result = match answer.map_err(|error| known.link.failed(&what, error))? {
        ServerResult::CallToolResult(result) => result,
        ServerResult::InputRequiredResult(_) => {
            let name = &known.name;
            let message =
                format!("MCP server `{server}` asks for more than the arguments of tool `{name}`");
            let error = tool(message).with_note("that isn't supported");
            return Err(error.with_code("mcp_unsupported").into());
        }
        ServerResult::CreateTaskResult(_) => {
            let message = format!("MCP server `{server}` made a task of {what}");
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

type Answer = std::result::Result<ServerResult, ServiceError>;

impl Known {
    fn what(&self) -> String {
        format!("the call of tool `{}`", self.name)
    }

    /// Calls it on the connection that there is, and finds out if that was lost.
    async fn call_once(&self, ctx: &RunContext, arguments: &Json) -> Result<Answer> {
        let server = self.link.server();
        let Reached { connection, is_new } = self.link.reach().await?;
        if is_new {
            let message = format!(
                "the connection to MCP server `{server}` was lost, and has been made again; what it knew of \
                 this session is gone"
            );
            ctx.emit(Notice::new("mcp_connected_again", message)).await;
        }
        self.check(arguments).await?;
        let answer = match UnderWay::begin(&connection, &self.name, arguments).await? {
            Ok(mut call) => call.answer(ctx, server, &self.name).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &answer {
            self.link.notice(&connection, error);
        }
        Ok(answer)
    }

    /// The server may have other tools by now, or this one with other arguments.
    async fn check(&self, arguments: &Json) -> Result<()> {
        let (server, name) = (self.link.server(), &self.name);
        let offered = offered(&self.link).await?;
        let changed = |message: String| {
            let error = tool(message).with_code("mcp_tool_changed");
            error.with_note("its new tools are given by `client.tools()`")
        };
        let Some(now) = offered.iter().find(|tool| tool.name == name.as_str()) else {
            let message = format!("MCP server `{server}` hasn't got tool `{name}` any more");
            return Err(changed(message));
        };
        if now.input_schema == self.takes {
            return Ok(());
        }
        let message = format!(
            "MCP server `{server}` has changed what tool `{name}` takes, to which these arguments"
        );
        let schema = Schema::from_value(spec::parameters_of(&now.input_schema));
        let schema = schema
            .map_err(|error| changed(format!("{message} can't be compared")).with_source(error))?;
        let mut checker = schema.checker();
        let read = checker.feed(arguments.as_str().as_bytes());
        read.and_then(|()| checker.finish().map(drop))
            .map_err(|violation| changed(format!("{message} don't fit: {violation}")))
    }
}

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
    seen: Arc<Seen>,
}

impl UnderWay {
    async fn begin(
        connection: &Connection,
        name: &str,
        arguments: &Json,
    ) -> Result<std::result::Result<Self, ServiceError>> {
        let feed = Arc::new(Feed::default());
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments.to()?);
        let mut request = Request::new(params);
        request.extensions.insert(FeedRef(Arc::downgrade(&feed)));
        let request = ClientRequest::CallToolRequest(request);
        let sent = connection
            .peer
            .send_cancellable_request(request, connection.options());
        Ok(sent.await.map(|handle| Self {
            handle: Some(handle),
            feed,
            seen: Arc::clone(&connection.seen),
        }))
    }

    /// Waits for the answer, and passes on what is said before it.
    async fn answer(&mut self, ctx: &RunContext, server: &str, tool: &str) -> Answer {
        let answer = loop {
            tokio::select! {
                biased;
                () = self.feed.arrived() => self.pass_on(ctx, server, tool).await,
                answer = answer(&mut self.handle) => break answer,
            }
        };
        self.pass_on(ctx, server, tool).await;
        answer.unwrap_or(Err(ServiceError::TransportClosed))
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
        self.seen.feeds.tidy();
    }
}

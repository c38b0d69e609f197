use std::{collections::HashSet, fmt, future::IntoFuture, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use mainstem_core::{Approval, Question, Result, Text, Tool, ToolPolicy};

use crate::{failure::config, link::Link, pages::all_pages, spec, tool::McpTool};

/// What is asked for, in errors.
const WHAT: &str = "the list of its tools";

/// The tools of a server, once it is awaited; made by [`McpClient::tools`](crate::McpClient::tools).
///
/// The names in its methods are the server's own, without the [`prefix`](Self::prefix).
///
/// ```no_run
/// # async fn files(client: mainstem_mcp::McpClient) -> Result<(), mainstem_core::Error> {
/// use std::time::Duration;
///
/// let tools = client
///     .tools()
///     .only(["read_file", "write_file"])
///     .approve(["write_file"])
///     .prefix("notes_")
///     .time_limit(Duration::from_secs(20))
///     .await?;
/// assert_eq!(tools[0].spec().name, "notes_read_file");
/// # Ok(())
/// # }
/// ```
#[must_use = "the server is asked when it is awaited"]
pub struct ListTools {
    link: Arc<Link>,
    only: Option<Vec<Text>>,
    without: Vec<Text>,
    approve: Vec<Text>,
    prefix: Text,
    time_limit: Option<Duration>,
}

impl ListTools {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            only: None,
            without: Vec::new(),
            approve: Vec::new(),
            prefix: "".into(),
            time_limit: None,
        }
    }

    /// Takes these alone; all by default.
    pub fn only<S: Into<Text>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.only
            .get_or_insert_default()
            .extend(names.into_iter().map(Into::into));
        self
    }

    /// Leaves these out.
    pub fn without<S: Into<Text>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.without.extend(names.into_iter().map(Into::into));
        self
    }

    /// Asks a person before each call of these, with its arguments: see `ToolExt::approve`.
    pub fn approve<S: Into<Text>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.approve.extend(names.into_iter().map(Into::into));
        self
    }

    /// Puts something before their names: two tools of an agent can't have the same one.
    pub fn prefix(mut self, prefix: impl Into<Text>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call of each may take; as long as it likes by default.
    ///
    /// A server may die without a word, or answer with what can't be read. Then a call without a limit
    /// waits as long as its run does.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    async fn ask(self) -> Result<Vec<Arc<dyn Tool>>> {
        let link = &self.link;
        link.offer.is_taken();
        let offered = offered(link).await?;
        self.check_names(&offered)?;
        let server = link.server();
        let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
        let mut names = HashSet::new();
        for tool in offered.iter() {
            if !self.is_wanted(&tool.name) {
                continue;
            }
            let spec = spec::of(server, &self.prefix, tool)?;
            if !names.insert(spec.name.clone()) {
                return Err(config(format!(
                    "MCP server `{server}` has two tools that would be called `{}`; leave one of them out \
                     by `without([..])`",
                    spec.name
                )));
            }
            let policy = self.policy(&tool.name, &spec.name);
            let tool = McpTool::new(Arc::clone(link), tool, spec, policy);
            tools.push(Arc::new(tool));
        }
        Ok(tools)
    }

    fn is_wanted(&self, name: &str) -> bool {
        let is_in = |names: &[Text]| names.iter().any(|it| it == name);
        self.only.as_deref().is_none_or(is_in) && !is_in(&self.without)
    }

    /// A name that isn't there may be a mistake in what is to be kept from the model.
    fn check_names(&self, offered: &[rmcp::model::Tool]) -> Result<()> {
        let named = self
            .only
            .iter()
            .flatten()
            .chain(&self.without)
            .chain(&self.approve);
        for name in named {
            if !offered.iter().any(|tool| tool.name == name.as_str()) {
                let names: Vec<_> = offered.iter().map(|tool| &*tool.name).collect();
                return Err(config(format!(
                    "MCP server `{}` has no tool `{name}`; it has: {}",
                    self.link.server(),
                    names.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn policy(&self, name: &str, shown: &Text) -> ToolPolicy {
        let mut policy = ToolPolicy::default();
        policy.time_limit = self.time_limit;
        if self.approve.iter().any(|it| it == name) {
            let shown = shown.clone();
            policy.approval = Some(Approval::new(move |arguments| {
                let prompt = format!("Call tool `{shown}` with {}?", arguments.as_str());
                Some(Question::new(prompt))
            }));
        }
        policy
    }
}

/// The tools that a server has now. It is asked, unless it was since the last change.
pub(crate) async fn offered(link: &Link) -> Result<Arc<Vec<rmcp::model::Tool>>> {
    if let Some(offered) = link.offer.now() {
        return Ok(offered);
    }
    // There may be a new connection to be made, which is a change.
    link.reach().await?;
    let version = link.offer.version();
    let tools = all_pages(link, WHAT, async |server, page| {
        let page = server.list_tools(page).await?;
        Ok((page.tools, page.next_cursor))
    });
    let tools = tools.await?;
    Ok(link.offer.keep(version, tools))
}

impl IntoFuture for ListTools {
    type Output = Result<Vec<Arc<dyn Tool>>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl fmt::Debug for ListTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListTools")
            .field("server", self.link.server())
            .field("only", &self.only)
            .field("without", &self.without)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

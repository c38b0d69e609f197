use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use mainstem_core::{Result, Text};
use reqwest::Url;
use rmcp::{model::ProtocolVersion, service::ClientLifecycleMode};
use tokio::process::Command;

use crate::{
    LogLevel, McpClient,
    connection::Manner,
    failure::config,
    http,
    link::{Link, Opener},
    pace::Pace,
    process,
    way::{Address, Way},
};

/// How long a server may take, unless it is told: `npx` may have to fetch it first.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Where an MCP server is, and how it is reached.
///
/// Nothing happens before [`connect`](Self::connect). What may be secret, arguments, environment,
/// headers and the query of an address, isn't in its `Debug`, and in no error.
pub struct McpServer {
    name: Text,
    way: Way,
    time_limit: Duration,
    logs: Option<LogLevel>,
    discovers: bool,
    /// An option of the other way, which would have no effect.
    misplaced: Option<&'static str>,
}

/// What a server of the old kind is given of our environment: where things are, and no keys.
#[cfg(not(windows))]
const ENVIRONMENT: &[&str] = &[
    "HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER",
];
#[cfg(windows)]
const ENVIRONMENT: &[&str] = &[
    "APPDATA",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "USERNAME",
    "USERPROFILE",
];

impl McpServer {
    /// A program that speaks MCP over its standard input and output.
    ///
    /// Of our environment it gets what it needs to find things (`PATH`, `HOME`, `USER`, `LANG` and
    /// the like), and not the rest, which may hold keys: [`env`](Self::env) adds to it. Its standard
    /// error is ours, unless [`stderr`](Self::stderr) says otherwise.
    ///
    /// ```no_run
    /// use mainstem_mcp::McpServer;
    ///
    /// let files = McpServer::stdio("npx")
    ///     .args(["-y", "@modelcontextprotocol/server-filesystem", "notes"])
    ///     .name("files");
    /// # let _ = files;
    /// ```
    pub fn stdio(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear();
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        Self::spawn(command)
    }

    /// The same with a command that is made ready: it gets the environment that the command says,
    /// all of ours by default.
    ///
    /// Standard input and output are the protocol's, whatever the command says of them.
    pub fn spawn(command: impl Into<Command>) -> Self {
        let command: Command = command.into();
        let program = Path::new(command.as_std().get_program());
        let name = program.file_stem().unwrap_or(program.as_os_str());
        Self::new(
            name.to_string_lossy().into_owned(),
            Way::Stdio(Box::new(process::prepare(command))),
        )
    }

    /// A server that is reached by streamable HTTP.
    ///
    /// ```no_run
    /// # fn token() -> String { String::new() }
    /// use mainstem_mcp::McpServer;
    ///
    /// let tickets = McpServer::http("https://tickets.example.com/mcp").bearer(token());
    /// # let _ = tickets;
    /// ```
    pub fn http(url: impl Into<String>) -> Self {
        let url = url.into();
        let parsed = Url::parse(&url).ok();
        let host = parsed.as_ref().and_then(Url::host_str);
        let name = host.unwrap_or("http").to_owned();
        Self::new(
            name,
            Way::Http(Address {
                url,
                bearer: None,
                headers: Vec::new(),
                client: None,
            }),
        )
    }

    fn new(name: String, way: Way) -> Self {
        Self {
            name: name.into(),
            way,
            time_limit: TIME_LIMIT,
            logs: None,
            discovers: false,
            misplaced: None,
        }
    }

    /// The command, for an option of programs.
    fn command(&mut self, option: &'static str) -> Option<&mut Command> {
        match &mut self.way {
            Way::Stdio(command) => Some(command.command_mut()),
            Way::Http(_) => {
                self.misplaced = Some(option);
                None
            }
        }
    }

    /// The address, for an option of servers over HTTP.
    fn address(&mut self, option: &'static str) -> Option<&mut Address> {
        match &mut self.way {
            Way::Http(address) => Some(address),
            Way::Stdio(_) => {
                self.misplaced = Some(option);
                None
            }
        }
    }

    /// What errors and notices call it; by default the program's name, or the host's.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds arguments of the program; only for programs.
    #[must_use]
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        if let Some(command) = self.command("args") {
            command.args(args.into_iter().map(Into::into));
        }
        self
    }

    /// Adds a variable to the program's environment; only for programs.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        if let Some(command) = self.command("env") {
            command.env(name, value);
        }
        self
    }

    /// Where the program's standard error goes: `Stdio::null()`, a file, …; only for programs.
    ///
    /// Servers write there what is for people.
    #[must_use]
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        if let Some(command) = self.command("stderr") {
            command.stderr(to);
        }
        self
    }

    /// A token that goes along with each request, as `Authorization: Bearer ..`; only over HTTP.
    #[must_use]
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        if let Some(address) = self.address("bearer") {
            address.bearer = Some(token.into());
        }
        self
    }

    /// A header that goes along with each request; only over HTTP.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Some(address) = self.address("header") {
            address.headers.push((name.into(), value.into()));
        }
        self
    }

    /// The HTTP client, for a proxy or certificates of your own; only over HTTP.
    ///
    /// Leave its redirects off: they would take headers and arguments to another host.
    #[must_use]
    pub fn client(mut self, client: reqwest::Client) -> Self {
        if let Some(address) = self.address("client") {
            address.client = Some(client);
        }
        self
    }

    /// How long it may take to start, and to answer what is no call; 60 s by default.
    ///
    /// Calls have limits of their own: [`ListTools::time_limit`](crate::ListTools::time_limit).
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Shows what the server logs during a call, from a level on, as notices with the code `mcp_log`.
    ///
    /// By default none of it is shown: the protocol doesn't say which call a message belongs to. So a
    /// message is shown if there is one call under way, and counted if there are several; of a server
    /// that is shared by users, one may even then see what a call of another one left behind.
    #[must_use]
    pub fn show_logs(mut self, from: LogLevel) -> Self {
        self.logs = Some(from);
        self
    }

    /// Begins by `server/discover`, for servers of version 2026-07-28 that don't know `initialize` any more.
    ///
    /// By default the connection begins by `initialize`, which nearly all servers know.
    #[must_use]
    pub fn discover(mut self) -> Self {
        self.discovers = true;
        self
    }

    /// Starts the program, or reaches the server, and agrees on the protocol.
    ///
    /// Needs Tokio's runtime, as all of its calls do: the connection is a task of its own, which ends with
    /// the client and its tools.
    ///
    /// # Errors
    ///
    /// - Of kind [`Config`](mainstem_core::ErrorKind::Config): the program can't be started, an address or
    ///   a header can't be used, or an option is only for the other way.
    /// - Of kind [`Timeout`](mainstem_core::ErrorKind::Timeout): the server doesn't answer in time.
    /// - Of kind [`Tool`](mainstem_core::ErrorKind::Tool): it can't be reached, or isn't an MCP server (code
    ///   `mcp_not_connected` or `mcp_protocol`), or it refuses (`mcp_refused`).
    pub async fn connect(self) -> Result<McpClient> {
        if let Some(option) = self.misplaced {
            return Err(config(format!(
                "MCP server `{}` is given `{option}`, which isn't for {}; leave it out",
                self.name,
                self.way.name()
            )));
        }
        let begins = match self.discovers {
            true => ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::LATEST],
            },
            false => ClientLifecycleMode::Initialize,
        };
        let manner = Manner {
            server: self.name,
            begins,
            time_limit: self.time_limit,
        };
        let opener = Opener {
            way: self.way,
            manner: Arc::new(manner),
            logs: self.logs,
            pace: Pace::begin(tokio::time::Instant::now()),
        };
        Ok(McpClient::new(Link::open(opener).await?))
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("McpServer");
        debug.field("name", &self.name);
        match &self.way {
            Way::Stdio(command) => {
                let program = command.command().as_std().get_program();
                debug.field("program", &program);
            }
            Way::Http(address) => {
                let names: Vec<_> = address.headers.iter().map(|(name, _)| name).collect();
                debug
                    .field("url", &http::without_secrets(&address.url))
                    .field("headers", &names);
            }
        }
        debug.finish_non_exhaustive()
    }
}

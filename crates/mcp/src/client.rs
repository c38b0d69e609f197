use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mainstem_core::{Result, Text};
use rmcp::{
    ClientHandler, RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, RequestMetaObject},
    service::{
        ClientLifecycleMode, ClientServiceExt as _, Peer, PeerRequestOptions, RunningService,
    },
    transport::Transport,
};

use crate::{
    ListTools,
    failure::{late, not_connected},
    feed::Feeds,
};

/// A connection to an MCP server; made by [`McpServer::connect`](crate::McpServer::connect).
///
/// Cheap to clone. The connection is kept by the client, its clones and its tools: when the last of
/// them is dropped, it ends, and the server's program with it: its input is closed, and if it hasn't ended
/// 3 s after that it is told to, and killed another 3 s later. [`close`](Self::close) does so at once, and waits.
#[derive(Clone)]
pub struct McpClient(Arc<Connection>);

/// What a client and its tools share.
pub(crate) struct Connection {
    pub(crate) server: Text,
    pub(crate) peer: Peer<RoleClient>,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) time_limit: Duration,
    /// The task that serves the connection; dropping it ends the task.
    service: Mutex<Option<RunningService<RoleClient, Handler>>>,
}

/// What the server is told of us: a name, and that it can ask nothing of us.
pub(crate) struct Handler;

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let about = Implementation::new("mainstem", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), about)
            // For `initialize`; newer ones don't begin by it, and some servers agree to whatever they are offered.
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

impl Connection {
    pub(crate) async fn open<T: Transport<RoleClient> + 'static>(
        server: Text,
        transport: T,
        begins: ClientLifecycleMode,
        feeds: Arc<Feeds>,
        time_limit: Duration,
    ) -> Result<Self> {
        let serving = Handler.serve_with_lifecycle(transport, begins);
        let service = tokio::time::timeout(time_limit, serving)
            .await
            .map_err(|_late| late(&server, "its start", time_limit))?
            .map_err(|error| not_connected(&server, error))?;
        let connection = Self {
            peer: service.peer().clone(),
            server,
            feeds,
            time_limit,
            service: Mutex::new(Some(service)),
        };
        connection.ask_for_logs().await?;
        Ok(connection)
    }

    /// Says from which level on the server is to log, if it does; newer ones are told with each call.
    #[expect(
        deprecated,
        reason = "servers of all versions that are in use still log"
    )]
    async fn ask_for_logs(&self) -> Result<()> {
        let Some(level) = self.feeds.logs else {
            return Ok(());
        };
        let is_told_now = self.peer.peer_info().is_some_and(|info| {
            info.capabilities.logging.is_some() && info.protocol_version.has_initialize()
        });
        if is_told_now {
            let level = rmcp::model::SetLevelRequestParams::new(level.on_the_wire());
            let asked = self.peer.set_level(level);
            self.in_time("the level of its log", asked).await?;
        }
        Ok(())
    }

    /// What goes along with a call.
    pub(crate) fn options(&self) -> PeerRequestOptions {
        let mut options = PeerRequestOptions::no_options();
        if let Some(level) = self.feeds.logs {
            let mut meta = RequestMetaObject::default();
            meta.set_log_level(level.on_the_wire());
            options.meta = Some(meta);
        }
        options
    }

    /// Waits for what is no call, in the server's time.
    pub(crate) async fn in_time<T>(
        &self,
        what: &str,
        answer: impl Future<Output = std::result::Result<T, rmcp::ServiceError>>,
    ) -> Result<T> {
        tokio::time::timeout(self.time_limit, answer)
            .await
            .map_err(|_late| late(&self.server, what, self.time_limit))?
            .map_err(|error| crate::failure::failed(&self.server, what, error))
    }
}

impl McpClient {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(Arc::new(connection))
    }

    /// What errors and notices call the server.
    pub fn name(&self) -> &str {
        &self.0.server
    }

    /// The server's tools, for [`AgentBuilder::tools`]; the server is asked for them each time.
    ///
    /// [`AgentBuilder::tools`]: https://docs.rs/mainstem/latest/mainstem/struct.AgentBuilder.html#method.tools
    pub fn tools(&self) -> ListTools {
        ListTools::new(Arc::clone(&self.0))
    }

    /// Whether the server has said that its tools changed, since they were asked for.
    ///
    /// An agent keeps the tools that it was built with; the server answers calls of one that is gone
    /// with a failure. Servers of version 2026-07-28 say nothing of the kind.
    pub fn have_tools_changed(&self) -> bool {
        self.0.feeds.have_tools_changed()
    }

    /// Whether the connection has ended. It isn't opened again: connect anew.
    pub fn is_closed(&self) -> bool {
        self.0.peer.is_transport_closed()
    }

    /// Ends the connection, also for its tools, and waits until the server's program has ended.
    ///
    /// Calls that are under way fail. It takes no longer than 10 s.
    pub async fn close(self) {
        let service = self
            .0
            .service
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(service) = service {
            // How its task ended is of no interest any more.
            let _ = service.cancel().await;
        }
    }
}

impl fmt::Debug for McpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("McpClient").field(&self.0.server).finish()
    }
}

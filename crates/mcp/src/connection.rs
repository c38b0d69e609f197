//! One connection to a server, from its beginning to its end.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mainstem_core::{Result, Text};
use rmcp::{
    ClientHandler, RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, RequestMetaObject},
    service::{
        ClientLifecycleMode, ClientServiceExt as _, Peer, PeerRequestOptions, RunningService,
        ServiceError,
    },
    transport::Transport,
};

use crate::{
    failure::{failed, late, not_connected},
    tap::Seen,
};

pub(crate) struct Connection {
    pub(crate) peer: Peer<RoleClient>,
    pub(crate) seen: Arc<Seen>,
    /// The task that serves the connection; dropping it ends the task.
    service: Mutex<Option<RunningService<RoleClient, Handler>>>,
}

/// How a server is spoken to, over each connection.
pub(crate) struct Manner {
    pub(crate) server: Text,
    pub(crate) begins: ClientLifecycleMode,
    /// For its start, and for what is no call.
    pub(crate) time_limit: Duration,
}

/// What the server is told of us: a name, and that it can ask nothing of us.
struct Handler;

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let about = Implementation::new("mainstem", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), about)
            // For `initialize`; newer ones don't begin by it, and some servers agree to whatever they are offered.
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

impl Manner {
    /// Waits for what is no call.
    pub(crate) async fn in_time<T>(
        &self,
        what: &str,
        answer: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<Result<T, ServiceError>> {
        tokio::time::timeout(self.time_limit, answer)
            .await
            .map_err(|_late| late(&self.server, what, self.time_limit))
    }
}

impl Connection {
    pub(crate) async fn open<T: Transport<RoleClient> + 'static>(
        transport: T,
        manner: &Manner,
        seen: Arc<Seen>,
    ) -> Result<Self> {
        let (server, limit) = (&manner.server, manner.time_limit);
        let serving = Handler.serve_with_lifecycle(transport, manner.begins.clone());
        let service = tokio::time::timeout(limit, serving)
            .await
            .map_err(|_late| late(server, "its start", limit))?
            .map_err(|error| not_connected(server, error))?;
        let connection = Self {
            peer: service.peer().clone(),
            seen,
            service: Mutex::new(Some(service)),
        };
        connection.ask_for_logs(manner).await?;
        Ok(connection)
    }

    /// Says from which level on the server is to log, if it does; newer ones are told with each call.
    #[expect(
        deprecated,
        reason = "servers of all versions that are in use still log"
    )]
    async fn ask_for_logs(&self, manner: &Manner) -> Result<()> {
        let Some(level) = self.seen.feeds.logs else {
            return Ok(());
        };
        let is_told_now = self.peer.peer_info().is_some_and(|info| {
            info.capabilities.logging.is_some() && info.protocol_version.has_initialize()
        });
        if is_told_now {
            let what = "the level of its log";
            let level = rmcp::model::SetLevelRequestParams::new(level.on_the_wire());
            let answer = manner.in_time(what, self.peer.set_level(level)).await?;
            answer.map_err(|error| failed(&manner.server, what, error))?;
        }
        Ok(())
    }

    /// What goes along with a call.
    pub(crate) fn options(&self) -> PeerRequestOptions {
        let mut options = PeerRequestOptions::no_options();
        if let Some(level) = self.seen.feeds.logs {
            let mut meta = RequestMetaObject::default();
            meta.set_log_level(level.on_the_wire());
            options.meta = Some(meta);
        }
        options
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.seen.is_lost() || self.peer.is_transport_closed()
    }

    /// Ends it, and waits until the server's program has ended.
    pub(crate) async fn close(&self) {
        let service = self
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

use std::{fmt, sync::Arc};

use crate::{ListTools, link::Link};

/// A connection to an MCP server; made by [`McpServer::connect`](crate::McpServer::connect).
///
/// Cheap to clone. The connection is kept by the client, its clones and its tools: when the last of
/// them is dropped, it ends, and the server's program with it: its input is closed, and if it hasn't ended
/// 3 s after that it is told to, and killed another 3 s later. [`close`](Self::close) does so at once, and waits.
///
/// A connection that was lost, because the program died or because the server over HTTP has forgotten the
/// session, is made again when it is needed next: the program is started anew, and has forgotten whatever it
/// knew. The call that makes it again emits a notice with the code `mcp_connected_again`. A call that was
/// under way when the connection was lost may have had its effect, so it fails and is never made twice. A
/// server that is lost again and again is waited for, from 1 s to a minute: calls before that fail.
#[derive(Clone)]
pub struct McpClient(Arc<Link>);

impl McpClient {
    pub(crate) fn new(link: Link) -> Self {
        Self(Arc::new(link))
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0
    }

    /// What errors and notices call the server.
    pub fn name(&self) -> &str {
        self.0.server()
    }

    /// The server's tools, for [`AgentBuilder::tools`]; the server is asked for them each time.
    ///
    /// [`AgentBuilder::tools`]: https://docs.rs/mainstem/latest/mainstem/struct.AgentBuilder.html#method.tools
    pub fn tools(&self) -> ListTools {
        ListTools::new(Arc::clone(&self.0))
    }

    /// Whether the server's tools have changed since they were asked for: it has said so, or they were found
    /// to be others after the connection was made again.
    ///
    /// An agent keeps the tools that it was built with. A call of one that is gone fails, and so does one
    /// whose arguments don't fit what the tool takes now. Servers of version 2026-07-28 say nothing of the
    /// kind.
    pub fn have_tools_changed(&self) -> bool {
        self.0.offer.has_changed()
    }

    /// Whether there is no connection now. Unless it was [closed](Self::close), it is made again when it is
    /// needed.
    pub fn is_closed(&self) -> bool {
        self.0.is_lost()
    }

    /// Ends the connection for good, also for its tools, and waits until the server's program has ended.
    ///
    /// Calls that are under way fail. It takes no longer than 10 s.
    pub async fn close(self) {
        self.0.close().await;
    }
}

impl fmt::Debug for McpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("McpClient").field(self.0.server()).finish()
    }
}

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};

use crate::connection;
use crate::log::{Disconnect, Log};
use crate::plan::Plan;
use crate::{Recorded, Reply};

/// A model server that answers what its script says.
///
/// It listens on a real socket and speaks HTTP/1.1 with keep-alive. It answers
/// `POST` to any path that ends in `/chat/completions` or `/responses`, each request
/// with the next reply of the queue, and with the fallback once the queue is empty.
/// Dropping the server closes the listener and every connection.
///
/// The same replies serve both.
///
/// ```
/// use mainstem_testkit::{Reply, ScriptedServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = ScriptedServer::start().await?;
/// server.push(Reply::text(["Hel", "lo"]));
/// assert!(server.base_url().starts_with("http://127.0.0.1:"));
/// assert!(server.base_url().ends_with("/v1"));
/// assert_eq!(server.queued(), 1);
/// assert!(server.requests().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) plan: Plan,
    pub(crate) log: Log,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) strict_schemas: bool,
    pub(crate) validate_requests: bool,
    pub(crate) honour_include_usage: bool,
    /// Whether every method and path is answered, unchecked.
    pub(crate) any_request: bool,
}

/// Settings of a [`ScriptedServer`].
///
/// ```
/// use mainstem_testkit::{Reply, ScriptedServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = ScriptedServer::builder()
///     .strict_schemas(false)
///     .send_buffer(4096)
///     .start()
///     .await?;
/// assert_eq!(server.connections(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ServerBuilder {
    listen: SocketAddr,
    send_buffer: Option<u32>,
    options: Options,
}

impl ServerBuilder {
    /// Sets the address to listen on; the default is a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the size of the kernel's send buffer of each connection.
    ///
    /// With a small one, a client that doesn't read is felt early. The kernel has
    /// a minimum of its own and may double the number.
    pub fn send_buffer(mut self, bytes: u32) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Sets whether schemas that strict mode refuses are refused; the default is yes.
    ///
    /// See [`strict`](crate::strict).
    pub fn strict_schemas(mut self, on: bool) -> Self {
        self.options.strict_schemas = on;
        self
    }

    /// Sets whether malformed requests are refused; the default is yes.
    ///
    /// Looked at are the model, the messages and their roles, the pairing of tool
    /// calls with tool messages, and that `stream_options` comes with a stream.
    pub fn validate_requests(mut self, on: bool) -> Self {
        self.options.validate_requests = on;
        self
    }

    /// Sets whether streams report usage only if the request asks for it.
    ///
    /// The default is no: the usage that is scripted is sent.
    pub fn honour_include_usage(mut self, on: bool) -> Self {
        self.options.honour_include_usage = on;
        self
    }

    /// Sets whether requests of any method to any path are answered, without looking
    /// at them; the default is no.
    ///
    /// It is for servers of another API than OpenAI's, and for replays.
    pub fn any_request(mut self, on: bool) -> Self {
        self.options.any_request = on;
        self
    }

    /// Starts the server on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address can't be listened on.
    pub async fn start(self) -> io::Result<ScriptedServer> {
        let socket = match self.listen {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit the size from the listener.
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        socket.bind(self.listen)?;
        let listener = socket.listen(1024)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            options: self.options,
            plan: Plan::default(),
            log: Log::default(),
        });
        // spawn: the server answers while the test awaits its client; dropping it aborts the task.
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(ScriptedServer {
            address,
            shared,
            accepting,
        })
    }
}

/// Serves connections until it is dropped, and they with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let number = shared.log.connected();
                connections.spawn(connection::serve(stream, number, Arc::clone(&shared)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

impl ScriptedServer {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns the settings, to start a server with other ones.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            send_buffer: None,
            options: Options {
                strict_schemas: true,
                validate_requests: true,
                honour_include_usage: false,
                any_request: false,
            },
        }
    }

    /// Returns the base URL for clients, `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// # The script
impl ScriptedServer {
    /// Queues a reply; each request takes one.
    ///
    /// A request that is refused, or that goes to another path, takes none.
    pub fn push(&self, reply: Reply) {
        self.shared.plan.push(reply);
    }

    /// Sets the reply to every request that comes when the queue is empty.
    ///
    /// Without one, such a request is answered with status 400.
    pub fn fallback(&self, reply: Reply) {
        self.respond_with(move |_| reply.clone());
    }

    /// Sets a closure that answers when the queue is empty.
    ///
    /// It replaces the fallback. Requests of several connections call it at the
    /// same time.
    pub fn respond_with<F>(&self, respond: F)
    where
        F: Fn(&Recorded) -> Reply + Send + Sync + 'static,
    {
        self.shared.plan.otherwise(Arc::new(respond));
    }

    /// Returns how many queued replies weren't asked for yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.plan.queued()
    }
}

/// # Observations
impl ScriptedServer {
    /// Returns the requests so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.log.read(|state| state.requests.clone())
    }

    /// Waits for the request of this number, counted from 0, and returns it.
    pub async fn requested(&self, request: usize) -> Recorded {
        let log = &self.shared.log;
        log.until(|state| state.requests.get(request).cloned())
            .await
    }

    /// Returns how many connections were opened so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.log.read(|state| state.connections)
    }

    /// Returns how many body bytes the kernel has taken so far, over all replies.
    ///
    /// It is exact between HTTP chunks, and in proportion while one is written. The
    /// head and the framing of chunks aren't counted. When the client doesn't read,
    /// the number stops growing as soon as the buffers are full.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.shared.log.bytes_written()
    }

    /// Returns how many replies are being sent right now.
    #[must_use]
    pub fn active(&self) -> usize {
        self.shared.log.read(|state| state.active)
    }

    /// Waits until exactly `count` replies are being sent.
    pub async fn until_active(&self, count: usize) {
        let log = &self.shared.log;
        log.until(|state| (state.active == count).then_some(()))
            .await;
    }

    /// Returns the clients that left before the end of their reply.
    #[must_use]
    pub fn disconnects(&self) -> Vec<Disconnect> {
        self.shared.log.read(|state| state.disconnects.clone())
    }

    /// Waits until the client of this request left before the end of its reply.
    ///
    /// Requests are counted from 0, as in [`requests`](Self::requests). The server
    /// notices at once, also while the reply waits or stalls. If the reply was sent
    /// completely, this waits for ever.
    pub async fn disconnected(&self, request: usize) -> Disconnect {
        let log = &self.shared.log;
        log.until(|state| {
            state
                .disconnects
                .iter()
                .find(|one| one.request == request)
                .copied()
        })
        .await
    }

    /// Waits for the next client that leaves before the end of its reply.
    ///
    /// Each is returned once, also if it left before this was called.
    pub async fn next_disconnect(&self) -> Disconnect {
        let next = |state: &mut crate::log::State| {
            let next = state.disconnects.get(state.handed_out).copied()?;
            state.handed_out += 1;
            Some(next)
        };
        self.shared.log.until(next).await
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

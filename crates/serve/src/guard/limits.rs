//! How much of everything.

use std::time::Duration;

/// How much clients may ask of a server.
///
/// How many runs there may be, of one client and in all, and how much each may put out, is said by
/// [`SessionLimits`](crate::SessionLimits).
///
/// ```
/// use mainstem_serve::Limits;
///
/// let limits = Limits::default().body(64 << 10).depth(16);
/// assert_eq!(limits.body, 64 << 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest body of a request, and message over a WebSocket, in bytes: 1 MiB by default.
    pub body: usize,
    /// The most bytes of all bodies together that are being read, beyond which others are refused for now: 64 MiB
    /// by default.
    ///
    /// Those that have come count, whatever a request says of its length. A body counts until it is read as
    /// JSON.
    pub bodies: usize,
    /// How long a body may take to arrive: 30 s by default.
    pub body_time: Duration,
    /// How deep the JSON of a body may be: 64 by default.
    pub depth: usize,
    /// The most bytes of one response, or to one WebSocket, after which it is cut; the reader of a run
    /// can go on from its place. 1 GiB by default.
    pub output: u64,
    /// The most requests at a time, streams included: 20,000 by default.
    pub requests: usize,
    /// The most connections at a time, beyond which they wait to be taken: 20,000 by default.
    pub connections: usize,
    /// How many bytes the headers of a request may have: 16 KiB by default.
    pub header_bytes: usize,
    /// How many headers a request may have: 64 by default.
    pub headers: usize,
    /// How long the headers of a request may take to arrive: 10 s by default.
    pub header_time: Duration,
    /// How long a connection is kept without a request: 75 s by default.
    pub idle: Duration,
    /// How long a connection is kept whose client takes none of what is sent: 60 s by default.
    pub stall: Duration,
    /// How long runs and responses may take to end when the server shuts down: 10 s by default.
    ///
    /// What hasn't ended then is cancelled, or [left open](crate::Server::leave_runs_open).
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            bodies: 64 << 20,
            body_time: Duration::from_secs(30),
            depth: 64,
            output: 1 << 30,
            requests: 20_000,
            connections: 20_000,
            header_bytes: 16 << 10,
            headers: 64,
            header_time: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(60),
            shutdown: Duration::from_secs(10),
        }
    }
}

macro_rules! setters {
    ($($name:ident: $type:ty,)+) => {
        impl Limits {
            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )+
        }
    };
}

setters! {
    body: usize,
    bodies: usize,
    body_time: Duration,
    depth: usize,
    output: u64,
    requests: usize,
    connections: usize,
    header_bytes: usize,
    headers: usize,
    header_time: Duration,
    idle: Duration,
    stall: Duration,
    shutdown: Duration,
}

//! Agents and flows as a server.

use std::{fmt, sync::Arc, time::Duration};

use axum::Router;
use mainstem_core::{Error, ErrorKind, Result, Step, Store};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::Semaphore,
};

use crate::{
    Served, SessionsBuilder,
    guard::{Credentials, CredentialsHook, Hosts, Limits, Origins, Principal, Proxies, Right},
    listen,
    metrics::Metrics,
    routes::{self, App, KeptTrees},
    session::Sessions,
};

/// Named agents and flows over HTTP.
///
/// What it answers is in the [documentation](crate); it is closed by default: it listens on loopback,
/// refuses names and pages that aren't its own, and shows a run to nobody but whoever started it.
///
/// ```no_run
/// use mainstem_serve::{Principal, Server};
/// # use futures::{FutureExt, future::BoxFuture};
/// # use mainstem_core::{Result, RunContext, Step};
/// # struct Shout;
/// # impl Step<String> for Shout {
/// #     type Output = String;
/// #     fn name(&self) -> &str { "shout" }
/// #     fn kind(&self) -> &'static str { "function" }
/// #     fn call(&self, _ctx: RunContext, text: String) -> BoxFuture<'static, Result<String>> {
/// #         async move { Ok(text.to_uppercase()) }.boxed()
/// #     }
/// # }
/// # async fn run() -> mainstem_core::Result<()> {
/// let shout = Shout; // an agent, a flow
///
/// Server::new().agent(shout).listen("127.0.0.1:8080").await
/// # }
/// ```
#[must_use = "a server does nothing until it listens"]
pub struct Server {
    sessions: SessionsBuilder,
    credentials: Option<CredentialsHook>,
    allowed: Vec<Right>,
    hosts: Hosts,
    origins: Origins,
    proxies: Proxies,
    limits: Limits,
    heartbeat: Duration,
    has_echo: bool,
    has_page: bool,
    is_open_to_all: bool,
    resumes_after: Option<Duration>,
    leaves_runs_open: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server that serves nothing yet, keeps runs in memory, and asks nobody who they are.
    pub fn new() -> Self {
        Self {
            sessions: Sessions::builder(),
            credentials: None,
            allowed: Vec::new(),
            hosts: Hosts::default(),
            origins: Origins::default(),
            proxies: Proxies::default(),
            limits: Limits::default(),
            heartbeat: Duration::from_secs(15),
            has_echo: false,
            has_page: false,
            is_open_to_all: false,
            resumes_after: None,
            leaves_runs_open: false,
        }
    }

    /// Serves an agent under its name; its input is a string.
    pub fn agent<S>(self, agent: S) -> Self
    where
        S: Step<String>,
        S::Output: DeserializeOwned,
    {
        self.served(Served::new::<String, S>(agent))
    }

    /// Serves a flow under its name; its input is whatever it takes, as JSON.
    pub fn flow<In, S>(self, flow: S) -> Self
    where
        In: DeserializeOwned + Serialize + Send + 'static,
        S: Step<In>,
        S::Output: DeserializeOwned,
    {
        self.served(Served::new::<In, S>(flow))
    }

    /// Serves something under a name of its own, or with runs that are set up.
    pub fn served(self, served: Served) -> Self {
        self.sessions(|sessions| sessions.served(served))
    }

    /// Keeps the logs of runs in a store; in memory, by default.
    pub fn store(self, store: impl Store) -> Self {
        self.sessions(|sessions| sessions.store(store))
    }

    /// Sets up the sessions: how many runs there may be, slow readers, leases, how long a run waits for a
    /// reader that comes back.
    ///
    /// ```
    /// use mainstem_serve::{Server, SessionLimits};
    ///
    /// let few = SessionLimits::new().runs(100).runs_per_owner(4);
    /// let server = Server::new().sessions(|sessions| sessions.limits(few));
    /// # drop(server);
    /// ```
    pub fn sessions(mut self, set: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Self {
        self.sessions = set(self.sessions);
        self
    }

    /// Asks a function who sends a request, from its [`Credentials`].
    ///
    /// `None` is for credentials that nobody has, and refuses the request; so does an error, for now. By
    /// default nobody is asked, and all are one.
    ///
    /// ```
    /// use mainstem_serve::{Principal, Server};
    ///
    /// let server = Server::new().credentials(async |credentials| {
    ///     let known = credentials.is("a token from a database");
    ///     Ok(known.then(|| Principal::new("ada")))
    /// });
    /// # drop(server);
    /// ```
    pub fn credentials<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Credentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Principal>>> + Send + 'static,
    {
        self.credentials = Some(CredentialsHook::new(hook));
        self
    }

    /// Asks for one token, which is that of a principal; an empty one is nobody's.
    ///
    /// It replaces [`credentials`](Self::credentials).
    pub fn token(mut self, token: &str, principal: Principal) -> Self {
        self.credentials = Some(CredentialsHook::token(token, principal));
        self
    }

    /// Gives a right to everybody who is known; where nobody is asked, to all.
    pub fn allow(mut self, right: Right) -> Self {
        self.allowed.push(right);
        self
    }

    /// Adds a name that the server goes by: `api.example.org`, or `api.example.org:8080` for one port.
    ///
    /// The names of loopback are always its own. Requests that say another name are refused, since a page
    /// can make its own name lead here. What is no name is an error of [`check`](Self::check).
    pub fn host(mut self, host: &str) -> Self {
        self.hosts.add(host);
        self
    }

    /// Adds the origin of another site whose pages may use the server: `https://app.example.org`.
    ///
    /// Without any there is no CORS, and requests from pages of other sites are refused. There is none for
    /// all sites: `*`, or what is no origin, is an error of [`check`](Self::check).
    pub fn origin(mut self, origin: &str) -> Self {
        self.origins.add(origin);
        self
    }

    /// Trusts a proxy in front of the server, by its address or network, to say in a header whose requests
    /// it forwards; nobody is trusted by default.
    ///
    /// It is for [`SessionLimits::runs_per_owner`](crate::SessionLimits::runs_per_owner) of clients that
    /// nobody asks who they are. The header has addresses with commas between: each proxy on the way adds
    /// that of its own client at the end, as `x-forwarded-for`, or sets it, as `x-real-ip`. The client is
    /// the last one that isn't trusted itself. A proxy that passes the header on as its client sent it
    /// mustn't be trusted. What is no address is an error of [`check`](Self::check).
    ///
    /// ```
    /// use mainstem_serve::Server;
    ///
    /// let server = Server::new().trust_proxy("10.0.0.0/8", "x-forwarded-for");
    /// assert!(server.check().is_ok());
    /// ```
    pub fn trust_proxy(mut self, peers: &str, header: &str) -> Self {
        self.proxies.add(peers, header);
        self
    }

    /// Sets how much clients may ask for.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long a stream may be silent before something is sent that readers ignore; 15 s by
    /// default, 10 ms at least.
    ///
    /// A client that went away without a word is noticed by it.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = interval.max(Duration::from_millis(10));
        self
    }

    /// Adds a page at `GET /` that shows the runs, and can end and answer them.
    ///
    /// It is shown to everybody, and holds nothing itself: its script asks the other routes, and may see
    /// what whoever looks at it may see. The list needs [`Right::List`].
    ///
    /// ```
    /// use mainstem_serve::{Right, Server};
    ///
    /// let server = Server::new().page().allow(Right::List);
    /// # drop(server);
    /// ```
    pub fn page(mut self) -> Self {
        self.has_page = true;
        self
    }

    /// Adds `GET /ws/echo`, a WebSocket that says all again: for tests of conformance.
    pub fn echo(mut self) -> Self {
        self.has_echo = true;
        self
    }

    /// Lets [`listen`](Self::listen) and [`serve`](Self::serve) serve other machines though nobody is
    /// asked who they are.
    pub fn open_to_all(mut self) -> Self {
        self.is_open_to_all = true;
        self
    }

    /// Goes on with the runs of its store that were left without an end, when it begins to
    /// [serve](Self::serve): by a process that died, say.
    ///
    /// Those whose last event is older than `idle`; see
    /// [`Sessions::resume_interrupted`](crate::Sessions::resume_interrupted). Where several processes share
    /// a store, let their sessions have a [lease](crate::SessionsBuilder::worker_lease): then it is looked
    /// for what others left behind three times in that time, as long as the server serves. By default runs
    /// are left as they are.
    pub fn resume_interrupted(mut self, idle: Duration) -> Self {
        self.resumes_after = Some(idle);
        self
    }

    /// Finds what is set up wrongly, before anything is served.
    ///
    /// ```
    /// use mainstem_serve::Server;
    ///
    /// assert!(Server::new().origin("https://app.example.org").check().is_ok());
    /// let error = Server::new().origin("app.example.org").check().unwrap_err();
    /// assert!(error.message().contains("write `https://app.example.org`"));
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if two have one name, or something served is put together wrongly;
    /// if a [host](Self::host) is none that a request can say, an [origin](Self::origin) none that a
    /// browser sends, or a [proxy](Self::trust_proxy) no address.
    pub fn check(&self) -> Result<()> {
        self.hosts.well_formed()?;
        self.origins.well_formed()?;
        self.proxies.well_formed()?;
        self.sessions.check()
    }

    /// Leaves runs that haven't ended at the [limit of the shut-down](Limits::shutdown) open in the store,
    /// for the next process to [go on with](Self::resume_interrupted); by default they are cancelled for
    /// good.
    ///
    /// It is for a store that outlives the process. Attached runs are left open, too: their readers are told
    /// that the events broke off (an error of the code [`left`](crate::code::LEFT)), and resume at their place.
    /// In the next process they go on there, and it ends those whose reader doesn't come back within a minute,
    /// or the [`linger`](crate::SessionsBuilder::linger) if it is longer.
    ///
    /// ```
    /// # async fn run(store: impl mainstem_core::Store) -> mainstem_core::Result<()> {
    /// use std::time::Duration;
    /// use mainstem_serve::Server;
    ///
    /// let server = Server::new()
    ///     .store(store)
    ///     .resume_interrupted(Duration::ZERO)
    ///     .leave_runs_open();
    /// # server.listen("127.0.0.1:8080").await
    /// # }
    /// ```
    pub fn leave_runs_open(mut self) -> Self {
        self.leaves_runs_open = true;
        self
    }

    /// The server as a router of axum, to be nested or served by the application.
    ///
    /// The limits on connections and headers are those of whoever serves it; and so is the address:
    /// [`serve`](Self::serve) refuses other machines as long as nobody is asked who they are, but a router
    /// can't know where it is reached. Without [`token`](Self::token) or [`credentials`](Self::credentials),
    /// or something in front that asks, serve it on loopback alone: on `0.0.0.0`, whoever says
    /// `Host: localhost` can start runs. To end runs at a shut-down, take its [parts](Self::parts).
    ///
    /// # Errors
    ///
    /// As of [`check`](Self::check).
    pub fn router(self) -> Result<Router> {
        Ok(self.parts()?.0)
    }

    /// The [router](Self::router), and the sessions behind it: for an application that starts runs itself,
    /// or lets them end when it shuts down.
    ///
    /// A [shut-down](Sessions::shutdown) of the sessions also tells the sockets, of which the application's
    /// server doesn't know. Clients without a name are told apart by their addresses, if that server gives
    /// them: by `router.into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mainstem_core::Result<()> {
    /// use std::time::Duration;
    /// use mainstem_serve::Server;
    ///
    /// let (router, sessions) = Server::new().parts()?;
    /// let shutdown = async move {
    ///     // A signal, and then:
    ///     sessions.shutdown(Duration::from_secs(10)).await
    /// };
    /// // axum::serve(listener, router).with_graceful_shutdown(shutdown).await?;
    /// # assert_eq!(shutdown.await, 0);
    /// # drop(router);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`router`](Self::router).
    pub fn parts(self) -> Result<(Router, Sessions)> {
        let app = self.app()?;
        let sessions = app.sessions.clone();
        Ok((routes::router(app), sessions))
    }

    /// Listens on an address, and serves as long as the program runs.
    ///
    /// # Errors
    ///
    /// As of [`serve`](Self::serve), and if there is no listening on the address.
    pub async fn listen(self, address: impl ToSocketAddrs) -> Result<()> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let message = "the address can't be listened on; is it taken, or not this machine's?";
            Error::new(ErrorKind::Config, message).with_source(error)
        })?;
        self.serve(listener, std::future::pending()).await
    }

    /// Serves on a listener, until the shut-down is said.
    ///
    /// Then no runs are started any more. Those under way may end within
    /// [`Limits::shutdown`]; what is left then is cancelled, or [left open](Self::leave_runs_open), and its
    /// readers are told.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`]: as of [`router`](Self::router); and if the listener isn't on
    /// loopback, though nobody is asked who they are, unless the server is
    /// [open to all](Self::open_to_all). Those of the store, where interrupted runs are to go on.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<()> {
        let is_guarded = self.credentials.is_some() || self.is_open_to_all;
        let is_local = listener
            .local_addr()
            .is_ok_and(|address| address.ip().to_canonical().is_loopback());
        if !is_guarded && !is_local {
            let message = "the listener takes other machines, but nobody is asked who they are; listen \
                           on 127.0.0.1, ask by `Server::token` or `Server::credentials`, or say \
                           `Server::open_to_all`";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let resumes_after = self.resumes_after;
        let app = self.app()?;
        let sessions = app.sessions.clone();
        let router = routes::router(app.clone());
        let serving = listen::serve(listener, router, app, shutdown);
        let Some(idle) = resumes_after else {
            serving.await;
            return Ok(());
        };
        let taken_up = sessions.resume_interrupted(idle).await?;
        tokio::select! {
            () = serving => Ok(()),
            never = sessions.keep_resuming(idle, taken_up) => match never {},
        }
    }

    fn app(self) -> Result<Arc<App>> {
        self.hosts.well_formed()?;
        self.origins.well_formed()?;
        self.proxies.well_formed()?;
        let sessions = self.sessions.build()?;
        Ok(Arc::new(App {
            metrics: Metrics::new(&sessions),
            trees: KeptTrees::default(),
            sessions,
            credentials: self.credentials,
            allowed: self.allowed,
            hosts: self.hosts,
            origins: self.origins,
            proxies: self.proxies,
            has_echo: self.has_echo,
            has_page: self.has_page,
            leaves_runs_open: self.leaves_runs_open,
            in_flight: Arc::new(Semaphore::new(self.limits.requests)),
            bodies: Semaphore::new(self.limits.bodies.min(Semaphore::MAX_PERMITS)),
            limits: self.limits,
            heartbeat: self.heartbeat,
        }))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("credentials", &self.credentials)
            .field("allowed", &self.allowed)
            .field("hosts", &self.hosts)
            .field("origins", &self.origins)
            .field("proxies", &self.proxies)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

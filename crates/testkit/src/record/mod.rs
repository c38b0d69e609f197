//! A proxy that records what goes through it.

mod exchange;
mod proxy;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::recording::header;
use crate::{Exchange, Secrets};

/// A proxy to a real server, which writes every exchange into a file, without its secrets.
///
/// Clients that have its [base URL](Self::base_url) instead of the server's talk with the server
/// all the same: their keys are passed on, and answers stream through as they come. The file is a
/// [`Recording`](crate::Recording); each exchange is in it as soon as its answer has ended. What is
/// taken out is said by [`Secrets`].
///
/// Compression isn't asked for, since nothing could be found in it. An answer that couldn't be got
/// is status 502 to the client, and isn't recorded.
///
/// ```no_run
/// use mainstem_testkit::{Recorder, Secrets};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let recorder = Recorder::to("https://api.openai.com/v1")
///     .secrets(Secrets::new().value("Ann Example"))
///     .start("tests/recordings/greeting.jsonl")
///     .await?;
/// // Run your application with `recorder.base_url()`, then:
/// let exchanges = recorder.finish().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// Settings of a [`Recorder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct RecorderBuilder {
    upstream: String,
    secrets: Secrets,
    listen: SocketAddr,
}

/// What all connections of a recorder share.
#[derive(Debug)]
struct Shared {
    client: reqwest::Client,
    upstream: Url,
    secrets: Secrets,
    out: Mutex<Out>,
    /// How many exchanges are under way.
    active: watch::Sender<usize>,
}

/// An exchange under way; dropping it says that it is over.
struct Active<'a>(&'a Shared);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.active.send_modify(|count| *count -= 1);
    }
}

#[derive(Debug)]
struct Out {
    file: File,
    exchanges: usize,
    /// The first error of the file; nothing is written after it.
    failed: Option<io::Error>,
}

impl RecorderBuilder {
    /// Sets what is taken out of the exchanges; the default is [`Secrets::new`].
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// Sets the address to listen on; the default is a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Creates the file and starts the proxy on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the file is there already or can't be created, when the server's URL isn't one, and
    /// when the address can't be listened on.
    pub async fn start(self, file: impl AsRef<Path>) -> io::Result<Recorder> {
        let upstream = upstream(&self.upstream)?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let listener = TcpListener::bind(self.listen).await?;
        let address = listener.local_addr()?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(file)?;
        file.write_all(header(base(&upstream)).as_bytes())?;
        let shared = Arc::new(Shared {
            client,
            upstream,
            secrets: self.secrets,
            out: Mutex::new(Out {
                file,
                exchanges: 0,
                failed: None,
            }),
            active: watch::Sender::new(0),
        });
        // spawn: it serves while the client under test works; dropping the recorder aborts it.
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Recorder {
            address,
            shared,
            accepting,
        })
    }
}

/// Reads the server's base URL; what it says of a wrong one doesn't repeat it.
fn upstream(text: &str) -> io::Result<Url> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let url = Url::parse(text).map_err(|error| wrong(&format!("no URL of a server: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err(wrong("a server's URL begins with http:// or https://"));
    }
    if url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "a server's base URL has no query and no password: let the client send them",
        ));
    }
    Ok(url)
}

/// The path at which the API begins, without a slash at its end.
fn base(upstream: &Url) -> &str {
    upstream.path().trim_end_matches('/')
}

/// Serves connections until it is dropped, and they with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let shared = Arc::clone(&shared);
                connections.spawn(async move { serve(stream, &shared).await });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    proxy::serve(stream, shared).await;
}

/// How long the end of a recording waits for answers under way.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

impl Shared {
    fn begin(&self) -> Active<'_> {
        self.active.send_modify(|count| *count += 1);
        Active(self)
    }

    /// Writes an exchange, without its secrets.
    fn record(&self, exchange: Exchange) {
        let lines = self.secrets.remove_from_exchange(exchange).to_string();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.failed.is_some() {
            return;
        }
        let written = out.file.write_all(lines.as_bytes());
        match written.and_then(|()| out.file.flush()) {
            Ok(()) => out.exchanges += 1,
            Err(error) => out.failed = Some(error),
        }
    }
}

impl Recorder {
    /// Begins a recorder of a server, by its base URL, such as `https://api.openai.com/v1`.
    pub fn to(upstream: impl Into<String>) -> RecorderBuilder {
        RecorderBuilder {
            upstream: upstream.into(),
            secrets: Secrets::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }

    /// Returns the base URL for clients: of this machine, with the path of the server's.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.address, base(&self.shared.upstream))
    }

    /// Returns how many exchanges are in the file so far.
    #[must_use]
    pub fn exchanges(&self) -> usize {
        self.out().exchanges
    }

    /// Ends the recording, and says how many exchanges are in the file.
    ///
    /// It waits for answers that are under way, for a second at most; then they aren't recorded.
    ///
    /// # Errors
    ///
    /// When the file couldn't be written.
    pub async fn finish(self) -> io::Result<usize> {
        let mut active = self.shared.active.subscribe();
        let none = active.wait_for(|count| *count == 0);
        let _ = tokio::time::timeout(LAST_ANSWERS, none).await;
        let mut out = self.out();
        match out.failed.take() {
            Some(error) => Err(error),
            None => Ok(out.exchanges),
        }
    }

    fn out(&self) -> std::sync::MutexGuard<'_, Out> {
        let out = &self.shared.out;
        out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_server_is_refused_without_its_secrets() {
        for text in [
            "sesame",
            "ftp://h/v1",
            "http://ann:sesame@h/v1",
            "http://h/v1?key=sesame",
        ] {
            let error = upstream(text).unwrap_err().to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
        let base = |text: &str| super::base(&upstream(text).unwrap()).to_owned();
        assert_eq!(base("https://h/v1/"), "/v1");
        assert_eq!(base("https://h"), "");
    }
}

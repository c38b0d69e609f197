//! A recording, served again.

mod difference;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Exchange, Recorded, Recording, Reply, ScriptedServer};

/// A server that answers as a recorded one did.
///
/// Requests must be those of the recording; one that isn't gets status 400 and an error that says
/// what differs. Where a secret was taken out of the recording, anything may stand.
///
/// ```
/// use mainstem_testkit::{Recording, Replay};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let file = tempfile();
/// # std::fs::write(&file, "{\"recording\":1,\"base\":\"/v1\"}\n")?;
/// let recording = Recording::read(&file)?;
/// let replay = Replay::of(recording).start().await?;
/// // Point your application at `replay.base_url()`, run it, then look:
/// assert_eq!(replay.left(), 0, "everything was asked for");
/// assert!(replay.mismatches().is_empty());
/// # Ok(())
/// # }
/// # fn tempfile() -> std::path::PathBuf {
/// #     std::env::temp_dir().join(format!("replay-{}.jsonl", std::process::id()))
/// # }
/// ```
#[derive(Debug)]
pub struct Replay {
    server: ScriptedServer,
    base: String,
    state: Arc<Mutex<State>>,
}

/// Which exchange of a recording answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Matching {
    /// The next one; method, path and body must be the same.
    #[default]
    InOrder,
    /// The first one left that has the same method, path and body.
    ByBody,
    /// The next one, whatever the body is; method and path must be the same.
    AnyBody,
}

/// Settings of a [`Replay`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ReplayBuilder {
    recording: Recording,
    matching: Matching,
    paced: bool,
    repeated: bool,
    listen: Option<SocketAddr>,
}

#[derive(Debug)]
struct State {
    exchanges: Vec<Exchange>,
    /// The places of those that weren't asked for yet.
    left: Vec<usize>,
    mismatches: Vec<String>,
}

impl ReplayBuilder {
    /// Sets which exchange answers a request; the default is [`Matching::InOrder`].
    pub fn matching(mut self, matching: Matching) -> Self {
        self.matching = matching;
        self
    }

    /// Sets whether answers take the time that they took; by default they come at once.
    pub fn paced(mut self, on: bool) -> Self {
        self.paced = on;
        self
    }

    /// Sets whether the recording begins anew once nothing is left; the default is no.
    pub fn repeated(mut self, on: bool) -> Self {
        self.repeated = on;
        self
    }

    /// Sets the address to listen on; the default is a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Starts the server on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address can't be listened on.
    pub async fn start(self) -> io::Result<Replay> {
        let mut server = ScriptedServer::builder().any_request(true);
        if let Some(address) = self.listen {
            server = server.listen(address);
        }
        let server = server.start().await?;
        let exchanges = self.recording.exchanges;
        let state = Arc::new(Mutex::new(State {
            left: (0..exchanges.len()).collect(),
            exchanges,
            mismatches: Vec::new(),
        }));
        let (matching, paced, repeated) = (self.matching, self.paced, self.repeated);
        let shared = Arc::clone(&state);
        server.respond_with(move |request| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            match state.take(request, matching, repeated) {
                Ok(exchange) => exchange.reply(paced),
                Err(message) => {
                    state.mismatches.push(message.clone());
                    Reply::error_status(400, &format!("testkit: {message}"))
                }
            }
        });
        Ok(Replay {
            server,
            base: self.recording.base,
            state,
        })
    }
}

impl Replay {
    /// Begins with a recording.
    pub fn of(recording: Recording) -> ReplayBuilder {
        ReplayBuilder {
            recording,
            matching: Matching::default(),
            paced: false,
            repeated: false,
            listen: None,
        }
    }

    /// Returns the base URL for clients, with the path at which the recorded API begins.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.server.address(), self.base)
    }

    /// Returns the server, to see what it was asked and who left.
    #[must_use]
    pub fn server(&self) -> &ScriptedServer {
        &self.server
    }

    /// Returns how many exchanges weren't asked for yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.read(|state| state.left.len())
    }

    /// Returns what was wrong with the requests that didn't match.
    #[must_use]
    pub fn mismatches(&self) -> Vec<String> {
        self.read(|state| state.mismatches.clone())
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// Takes the exchange that answers a request, or says why there is none.
    fn take(
        &mut self,
        request: &Recorded,
        matching: Matching,
        repeated: bool,
    ) -> Result<Exchange, String> {
        if self.left.is_empty() && repeated {
            self.left = (0..self.exchanges.len()).collect();
        }
        let asked = format!(
            "request {} ({} {})",
            request.index, request.method, request.path
        );
        let Some(&next) = self.left.first() else {
            let count = self.exchanges.len();
            return Err(format!(
                "{asked} comes after the end of the recording, which has {count} exchanges"
            ));
        };
        let differs = |place: usize| {
            difference::between(
                &self.exchanges[place],
                request,
                matching != Matching::AnyBody,
            )
        };
        let found = match matching {
            Matching::ByBody => self.left.iter().position(|place| differs(*place).is_none()),
            _ => differs(next).is_none().then_some(0),
        };
        if let Some(found) = found {
            let place = self.left.remove(found);
            return Ok(self.exchanges[place].clone());
        }
        let what = differs(next).unwrap_or_default();
        Err(match matching {
            Matching::ByBody => format!(
                "{asked} is none of the {} that are left; the next one of these, exchange {next}, \
                 has {what}",
                self.left.len()
            ),
            _ => format!("{asked} isn't exchange {next} of the recording, which has {what}"),
        })
    }
}

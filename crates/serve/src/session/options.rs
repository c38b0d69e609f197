use std::{collections::BTreeMap, time::Duration};

use mainstem_core::{Context, Place, RunId, Text};

/// How a run is started.
///
/// By default it is attached: it ends when its last attached reader goes.
///
/// ```
/// use mainstem_serve::StartOptions;
///
/// let options = StartOptions::new().owner("ada").detached();
/// assert!(options.detach);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StartOptions {
    /// Whose the run is; none by default.
    pub owner: Option<Text>,
    /// Whom the run counts for in [`runs_per_owner`](SessionLimits::runs_per_owner), if it has no owner: an
    /// address, say; by default all runs of nobody count for one.
    pub client: Option<Text>,
    /// Whether the run goes on without a reader; not by default.
    pub detach: bool,
    /// What the caller says about the run; its first event carries it.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// The run's id; by default one that can't be guessed.
    pub id: Option<RunId>,
    /// What becomes of slow readers; by default what the sessions say.
    pub slow: Option<SlowReader>,
    /// How long an attached run waits for a reader that comes back; by default what the sessions say.
    pub linger: Option<Duration>,
    /// How long a detached run goes on that nobody reads; by default what the sessions say.
    pub lease: Option<Duration>,
    /// The conversation that the run goes on with; by default it has one of its own.
    pub context: Option<Context>,
}

impl StartOptions {
    /// An attached run that is nobody's.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`owner`](Self::owner).
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Text>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets [`client`](Self::client).
    #[must_use]
    pub fn client(mut self, client: impl Into<Text>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Sets [`detach`](Self::detach): the run goes on without a reader.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detach = true;
        self
    }

    /// Adds to the [`metadata`](Self::metadata).
    #[must_use]
    pub fn metadata(
        mut self,
        name: impl Into<String>,
        value: impl Into<serde_json::Value>,
    ) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Sets [`id`](Self::id).
    #[must_use]
    pub fn id(mut self, id: impl Into<RunId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets [`slow`](Self::slow).
    #[must_use]
    pub fn slow(mut self, slow: SlowReader) -> Self {
        self.slow = Some(slow);
        self
    }

    /// Sets [`linger`](Self::linger).
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = Some(linger);
        self
    }

    /// Sets [`lease`](Self::lease).
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Sets [`context`](Self::context).
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadFrom {
    /// At the run's first event: everything, then what comes.
    #[default]
    Start,
    /// After an event that the reader has.
    After(Place),
    /// At the run's first event, for a reader that has what is up to a place and has to look at it again:
    /// a response whose frames depend on what came before.
    Again(Place),
    /// At the run's first event, but shorter: of what is there now, neighbouring deltas of one step are
    /// joined, and what is void is left out. Then what comes, without a gap.
    Snapshot,
}

/// What becomes of a reader that is slower than its run.
///
/// Memory is bounded with each of them: a run keeps its newest events in a
/// [bounded](SessionLimits::kept_events) ring, and whoever is behind that reads from the store.
///
/// How far a reader is behind is counted in events, from where it began: a reader that begins late is
/// given what was there, event by event, as slowly as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowReader {
    /// The run waits while an attached reader is more than so many events behind; the model's server
    /// is held back with it. Other readers are given joined deltas, as by `Join`. It doesn't wait
    /// [for ever](super::SessionsBuilder::hold_limit).
    ///
    /// The default of attached runs, at 128.
    Hold(u64),
    /// A reader that is more than so many events behind is given neighbouring deltas of one step as
    /// one, which has the place of the last.
    ///
    /// The default of detached runs, at 128.
    Join(u64),
    /// A reader that is more than so many events behind gets an error of the code
    /// [`reader_too_slow`](super::code::READER_TOO_SLOW). It can read on after its last place.
    Cut(u64),
}

impl SlowReader {
    pub(super) const ATTACHED: Self = Self::Hold(128);
    pub(super) const DETACHED: Self = Self::Join(128);
}

/// How much there may be at once.
///
/// ```
/// use mainstem_serve::SessionLimits;
///
/// let limits = SessionLimits::new().runs(100).runs_per_owner(4);
/// assert_eq!((limits.runs, limits.runs_per_owner), (100, 4));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionLimits {
    /// Runs under way, in all; 1000 by default.
    pub runs: usize,
    /// Runs under way of one owner; 100 by default. Runs that are nobody's count by their
    /// [client](StartOptions::client), which a [`Server`](crate::Server) knows by its address.
    pub runs_per_owner: usize,
    /// Readers of one run under way; 10,000 by default.
    pub readers_per_run: usize,
    /// Events that a run under way keeps in memory for its readers; 128 by default, 1 at least.
    pub kept_events: usize,
    /// Bytes of these events, roughly; 256 KiB by default. The newest event is kept whatever its size.
    pub kept_bytes: usize,
    /// Bytes of output of one run; none by default. See
    /// [`Run::max_output_bytes`](mainstem_core::Run::max_output_bytes).
    pub output_bytes: Option<u64>,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            runs: 1000,
            runs_per_owner: 100,
            readers_per_run: 10_000,
            kept_events: 128,
            kept_bytes: 256 << 10,
            output_bytes: None,
        }
    }
}

impl SessionLimits {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`runs`](Self::runs).
    #[must_use]
    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// Sets [`runs_per_owner`](Self::runs_per_owner).
    #[must_use]
    pub fn runs_per_owner(mut self, runs: usize) -> Self {
        self.runs_per_owner = runs;
        self
    }

    /// Sets [`readers_per_run`](Self::readers_per_run).
    #[must_use]
    pub fn readers_per_run(mut self, readers: usize) -> Self {
        self.readers_per_run = readers;
        self
    }

    /// Sets [`kept_events`](Self::kept_events).
    #[must_use]
    pub fn kept_events(mut self, events: usize) -> Self {
        self.kept_events = events;
        self
    }

    /// Sets [`kept_bytes`](Self::kept_bytes).
    #[must_use]
    pub fn kept_bytes(mut self, bytes: usize) -> Self {
        self.kept_bytes = bytes;
        self
    }

    /// Sets [`output_bytes`](Self::output_bytes).
    #[must_use]
    pub fn output_bytes(mut self, bytes: u64) -> Self {
        self.output_bytes = Some(bytes);
        self
    }
}

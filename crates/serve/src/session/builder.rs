use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use mainstem_core::{Error, ErrorKind, MemoryStore, Result, Store};

use super::{
    hub::{Config, Sessions},
    options::{SessionLimits, SlowReader},
};
use crate::Served;

/// How many runs that have ended are kept where nobody gave a store, and how many that wait for answers.
const KEPT_IN_MEMORY: usize = 1000;
/// How much the runs that have ended may have said there.
const BYTES_IN_MEMORY: usize = 256 << 20;

/// The shortest lease that a busy machine can renew.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// Sets up [`Sessions`]; made by [`Sessions::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct SessionsBuilder {
    store: Option<Arc<dyn Store>>,
    served: Vec<Served>,
    config: Config,
}

impl SessionsBuilder {
    pub(super) fn new() -> Self {
        Self {
            store: None,
            served: Vec::new(),
            config: Config::default(),
        }
    }

    /// Serves an agent or a flow.
    pub fn served(mut self, served: Served) -> Self {
        self.served.push(served);
        self
    }

    /// Keeps the logs of runs in a store; by default in a [`MemoryStore`], of which
    /// [not all](Self::keep_ended) stay.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets how much there may be at once.
    pub fn limits(mut self, limits: SessionLimits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Says what becomes of slow readers, of all runs that don't say so themselves.
    ///
    /// By default attached runs [hold](SlowReader::Hold), and detached ones
    /// [join](SlowReader::Join).
    pub fn slow(mut self, slow: SlowReader) -> Self {
        self.config.slow = Some(slow);
        self
    }

    /// How long a run waits for a reader that holds it back and doesn't read on at all; 5 minutes by
    /// default.
    ///
    /// Then the reader is cut, and the run goes on; an attached run that has no other reader ends, as if
    /// this one had gone.
    pub fn hold_limit(mut self, limit: Duration) -> Self {
        self.config.hold_limit = limit;
        self
    }

    /// How long an attached run goes on after its last attached reader went, so that it may come back;
    /// not at all by default. One that [another process left](Sessions::shutdown_and_leave) waits for a
    /// minute at least.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// Ends a detached run that nobody has read for so long, cancelled by `lease`; by default it goes
    /// on.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = Some(lease);
        self
    }

    /// How many runs that have ended are kept in the store; what ended before these is deleted, with
    /// its log.
    ///
    /// By default all, in a [`store`](Self::store) that was given; without one, the last 1000. Without a
    /// store they are also no more than have said 256 MiB in all, whatever is set here. Only runs that ended
    /// in this process are counted and deleted.
    ///
    /// Runs that wait for answers aren't among them: in a store that was given they all stay; without one,
    /// the last 1000 that began to wait.
    pub fn keep_ended(mut self, runs: usize) -> Self {
        self.config.keep.ended = Some(runs);
        self
    }

    /// Shares the store with other processes: each run is one process's at a time, for as long as that
    /// process renews its lease, which it does three times in this time. Of a second at least; by default
    /// the store isn't shared.
    ///
    /// With that, [`resume_interrupted`](Sessions::resume_interrupted) takes up only runs that are no other
    /// process's: those of one that died, once its lease is over, and at once those of one that was
    /// [shut down](Sessions::shutdown_and_leave). Let all that share the store have a lease, and clocks
    /// that agree.
    ///
    /// A process that stands still for longer than its lease may lose its runs. It can't write to their
    /// logs any more then, and they fail there with the code `not_logged`.
    pub fn worker_lease(mut self, lease: Duration) -> Self {
        self.config.worker_lease = Some(lease);
        self
    }

    /// Finds what is put together wrongly.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(lease) = self.config.worker_lease
            && lease < SHORTEST_LEASE
        {
            let message = format!(
                "a worker's lease of {lease:?} can't surely be renewed in time; give a second or more"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let mut names = BTreeSet::new();
        for one in &self.served {
            one.check()?;
            let name = one.name();
            if !names.insert(name) {
                let message = format!(
                    "two are served as `{name}`; give one of them another name by `Served::named`"
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(())
    }

    /// The sessions.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if two are served under one name, one is put together wrongly, or the
    /// [lease](Self::worker_lease) is too short.
    pub fn build(self) -> Result<Sessions> {
        self.check()?;
        let served = self.served.into_iter();
        let served = served.map(|one| (one.name().into(), one)).collect();
        let mut config = self.config;
        let store = self.store.unwrap_or_else(|| {
            config.keep.ended.get_or_insert(KEPT_IN_MEMORY);
            config.keep.ended_bytes = Some(BYTES_IN_MEMORY);
            config.keep.waiting = Some(KEPT_IN_MEMORY);
            Arc::new(MemoryStore::new())
        });
        Ok(Sessions::new(store, served, config))
    }
}

impl fmt::Debug for SessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("served", &self.served)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

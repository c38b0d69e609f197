use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use mainstem_core::{Error, ErrorKind, MemoryStore, Result, Store};

use super::{
    hub::{Config, Sessions},
    options::{SessionLimits, SlowReader},
};
use crate::Served;

/// How many runs that have ended are kept where nobody gave a store.
const KEPT_IN_MEMORY: usize = 1000;

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
    /// By default all, in a [`store`](Self::store) that was given; without one, the last 1000. Only runs
    /// that ended in this process are counted and deleted.
    pub fn keep_ended(mut self, runs: usize) -> Self {
        self.config.kept_runs = Some(runs);
        self
    }

    /// Finds what is put together wrongly.
    pub(crate) fn check(&self) -> Result<()> {
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
    /// Of kind [`ErrorKind::Config`], if two are served under one name, or one is put together wrongly.
    pub fn build(self) -> Result<Sessions> {
        self.check()?;
        let served = self.served.into_iter();
        let served = served.map(|one| (one.name().into(), one)).collect();
        let mut config = self.config;
        let store = self.store.unwrap_or_else(|| {
            config.kept_runs.get_or_insert(KEPT_IN_MEMORY);
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

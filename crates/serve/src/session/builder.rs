use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use mainstem_core::{Error, ErrorKind, MemoryStore, Result, Store};

use super::{
    hub::{Config, Sessions},
    options::{SessionLimits, SlowReader},
};
use crate::Served;

/// Sets up [`Sessions`]; made by [`Sessions::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct SessionsBuilder {
    store: Arc<dyn Store>,
    served: Vec<Served>,
    config: Config,
}

impl SessionsBuilder {
    pub(super) fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            served: Vec::new(),
            config: Config::default(),
        }
    }

    /// Serves an agent or a flow.
    pub fn served(mut self, served: Served) -> Self {
        self.served.push(served);
        self
    }

    /// Keeps the logs of runs in a store; by default in a [`MemoryStore`].
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
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

    /// How long an attached run goes on after its last attached reader went, so that it may come back;
    /// not at all by default.
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

    /// The sessions.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if two are served under one name, or one is put together wrongly.
    pub fn build(self) -> Result<Sessions> {
        let mut served = BTreeMap::new();
        for one in self.served {
            one.check()?;
            let name = one.name().into();
            if served.insert(name, one.clone()).is_some() {
                let name = one.name();
                let message = format!(
                    "two are served as `{name}`; give one of them another name by `Served::named`"
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(Sessions::new(self.store, served, self.config))
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

//! A clock that tests move.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mainstem_core::Timestamp;
use mainstem_progress::ProgressTree;

#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    /// At a second after 1970, which is easy to read.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1000)))
    }

    pub(crate) fn wait(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn tree(&self, name: &str) -> ProgressTree {
        let clock = self.clone();
        ProgressTree::with_clock(name, move || clock.now())
    }
}

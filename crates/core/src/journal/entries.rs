use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use super::JournalKey;
use crate::{Json, Result, Timestamp, sync::lock};

/// The entries of a journal in this process: each is made once, also for several callers at once.
pub(crate) struct Entries {
    cells: Mutex<BTreeMap<JournalKey, Arc<OnceCell<Json>>>>,
    /// The same moment by both clocks: moments are written down by one and waited for by the other.
    at: Timestamp,
    since: Instant,
}

impl Default for Entries {
    fn default() -> Self {
        Self {
            cells: Mutex::default(),
            at: Timestamp::now(),
            since: Instant::now(),
        }
    }
}

impl Entries {
    /// The entry of a key; made, if there is none. An error is none: the next caller tries again.
    pub(crate) async fn get_or_make(
        &self,
        key: JournalKey,
        make: impl Future<Output = Result<Json>>,
    ) -> Result<Json> {
        let cell = Arc::clone(lock(&self.cells).entry(key).or_default());
        cell.get_or_try_init(|| make).await.cloned()
    }

    pub(crate) fn len(&self) -> usize {
        let cells = lock(&self.cells);
        cells.values().filter(|cell| cell.initialized()).count()
    }

    /// The moment in that time from now, as it is written down; never earlier.
    pub(crate) fn moment_in(&self, duration: Duration) -> Timestamp {
        let passed = self.since.elapsed().saturating_add(duration);
        let millis = passed.as_nanos().div_ceil(1_000_000);
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        Timestamp::from_unix_millis(self.at.as_unix_millis().saturating_add(millis))
    }

    /// Waits until a moment that was written down.
    pub(crate) async fn sleep_until(&self, moment: Timestamp) {
        let at = self.at.as_unix_millis();
        let left = Duration::from_millis(moment.as_unix_millis().saturating_sub(at));
        match self.since.checked_add(left) {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}

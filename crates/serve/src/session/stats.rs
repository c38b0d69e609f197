use std::sync::atomic::{AtomicU64, Ordering};

/// What sessions hold now, and have done since they were built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Runs under way in this process.
    pub runs: u64,
    /// Readers there are, of runs under way and of past ones.
    pub readers: u64,
    /// Events that runs under way keep in memory for their readers.
    pub kept_events: u64,
    /// Roughly the bytes of these.
    pub kept_bytes: u64,
    /// Runs that were begun or taken up.
    pub runs_begun: u64,
    /// Runs that finished.
    pub runs_finished: u64,
    /// Runs that failed.
    pub runs_failed: u64,
    /// Runs that were stopped, by whomever.
    pub runs_cancelled: u64,
    /// Runs that were suspended.
    pub runs_suspended: u64,
    /// Events that runs have given.
    pub events: u64,
    /// How often a run began to wait for a slow reader.
    pub holds: u64,
    /// Deltas that were joined to another one for a slow reader.
    pub deltas_joined: u64,
    /// Readers that were cut because they were too slow.
    pub readers_cut: u64,
    /// Pages that readers behind the ring read from the store.
    pub pages_read: u64,
}

/// Where the [`SessionStats`] are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) runs: Count,
    pub(super) readers: Count,
    pub(super) kept_events: Count,
    pub(super) kept_bytes: Count,
    pub(super) runs_begun: Count,
    pub(super) runs_finished: Count,
    pub(super) runs_failed: Count,
    pub(super) runs_cancelled: Count,
    pub(super) runs_suspended: Count,
    pub(super) events: Count,
    pub(super) holds: Count,
    pub(super) deltas_joined: Count,
    pub(super) readers_cut: Count,
    pub(super) pages_read: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn snapshot(&self) -> SessionStats {
        SessionStats {
            runs: self.runs.get(),
            readers: self.readers.get(),
            kept_events: self.kept_events.get(),
            kept_bytes: self.kept_bytes.get(),
            runs_begun: self.runs_begun.get(),
            runs_finished: self.runs_finished.get(),
            runs_failed: self.runs_failed.get(),
            runs_cancelled: self.runs_cancelled.get(),
            runs_suspended: self.runs_suspended.get(),
            events: self.events.get(),
            holds: self.holds.get(),
            deltas_joined: self.deltas_joined.get(),
            readers_cut: self.readers_cut.get(),
            pages_read: self.pages_read.get(),
        }
    }
}

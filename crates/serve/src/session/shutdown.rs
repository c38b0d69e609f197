//! The end of the process, and the begin of the next one.

use std::time::Duration;

use mainstem_core::CancelledBy;
use tokio::time::timeout;

use super::hub::Sessions;

/// How long runs that were stopped have for their end. A store has five seconds for it.
const LAST_WORDS: Duration = Duration::from_secs(6);

impl Sessions {
    /// Lets the runs under way come to their end, and stops those that haven't within the limit.
    ///
    /// From here on no run is begun. What is stopped is cancelled by `shutdown`; readers get that end.
    /// Gives how many runs had to be stopped.
    pub async fn shutdown(&self, limit: Duration) -> usize {
        self.hub.close();
        let finished = timeout(limit, self.emptied()).await;
        if finished.is_ok() {
            return 0;
        }
        let left = self.hub.all_live();
        for live in &left {
            live.stop_by(CancelledBy::Shutdown);
        }
        if timeout(LAST_WORDS, self.emptied()).await.is_err() {
            self.drop_all().await;
        }
        left.len()
    }

    /// As [`shutdown`](Self::shutdown), but leaves the runs that haven't ended within the limit as they
    /// are: without an end, for the next process to take them up.
    ///
    /// It is for stores that outlive the process. Readers get an error of the code
    /// [`left`](super::code::LEFT), and read on when the run has been
    /// [taken up](Self::resume_interrupted). Gives how many runs were left.
    pub async fn shutdown_and_leave(&self, limit: Duration) -> usize {
        self.hub.close();
        if timeout(limit, self.emptied()).await.is_ok() {
            return 0;
        }
        let left = self.hub.all_live().len();
        self.drop_all().await;
        left
    }

    async fn drop_all(&self) {
        self.hub.abort();
        // A task that is dropped removes its run; one that blocks its thread isn't waited for.
        let _late = timeout(Duration::from_secs(1), self.emptied()).await;
    }

    async fn emptied(&self) {
        loop {
            let emptied = self.hub.emptied.notified();
            if self.hub.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

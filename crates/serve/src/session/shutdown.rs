//! The end of the process, and the begin of the next one.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use mainstem_core::CancelledBy;
use tokio::{sync::watch, time::timeout};

use super::{
    hub::{Hub, Sessions},
    left,
};

/// How long runs that were stopped have for their end. A store has five seconds for it.
const LAST_WORDS: Duration = Duration::from_secs(6);
/// How many runs that are left are marked at once.
const MARKS_AT_ONCE: usize = 16;
/// How long sockets have to be closed after that. A client that is there needs a moment.
const CLOSING: Duration = Duration::from_secs(1);

impl Sessions {
    /// Lets the runs under way come to their end, and stops those that haven't within the limit.
    ///
    /// From here on no run is begun. What is stopped is cancelled by `shutdown`; readers get that end, and
    /// those of runs that another process is at the error
    /// [`shutting_down`](super::code::SHUTTING_DOWN). The sockets of a [`Server`](crate::Server) are
    /// closed with 1001 once they have no run that is under way, for which there is a second more.
    ///
    /// Gives how many runs had to be stopped.
    pub async fn shutdown(&self, limit: Duration) -> usize {
        let stopped = self.stop_all(limit).await;
        self.give_lease_back().await;
        self.sockets_closed().await;
        stopped
    }

    async fn stop_all(&self, limit: Duration) -> usize {
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
    /// [taken up](Self::resume_interrupted). Those that are attached are marked as such by a notice of the
    /// code `left_attached` in their logs, so that they go on there when their readers come back. Gives how
    /// many runs were left.
    pub async fn shutdown_and_leave(&self, limit: Duration) -> usize {
        let left = self.leave_all(limit).await;
        self.give_lease_back().await;
        self.sockets_closed().await;
        left
    }

    async fn leave_all(&self, limit: Duration) -> usize {
        self.hub.close();
        if timeout(limit, self.emptied()).await.is_ok() {
            return 0;
        }
        let left = self.hub.all_live();
        self.drop_all().await;
        let attached = left.iter().filter(|live| !live.presence.is_detached());
        let store = self.hub.own_store();
        let marked = futures::stream::iter(attached).for_each_concurrent(MARKS_AT_ONCE, async |live| {
            if let Err(error) = left::mark(&*store, &live.id).await {
                let run = &live.id;
                tracing::warn!(target: "mainstem::serve", %run, %error, "a run will go on detached");
            }
        });
        let _late = timeout(LAST_WORDS, marked).await;
        left.len()
    }

    /// Whether the process is about to end, as it becomes so.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.hub.closing.subscribe()
    }

    /// That a socket is open, which a shut-down waits for a moment, until what this gives is dropped.
    pub(crate) fn socket(&self) -> OpenSocket {
        self.hub.sockets.send_modify(|open| *open += 1);
        OpenSocket(Arc::clone(&self.hub))
    }

    /// What is left is there for others.
    async fn give_lease_back(&self) {
        if let Some(worker) = &self.hub.worker {
            let _late = timeout(LAST_WORDS, worker.end(&self.hub.store)).await;
        }
    }

    async fn sockets_closed(&self) {
        let mut open = self.hub.sockets.subscribe();
        let _late = timeout(CLOSING, open.wait_for(|open| *open == 0)).await;
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

/// A socket that is told when the process is about to end.
pub(crate) struct OpenSocket(Arc<Hub>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.sockets.send_modify(|open| *open -= 1);
    }
}

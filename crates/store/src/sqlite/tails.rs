//! Who waits for more of which log.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainstem_core::RunId;
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct Tails {
    waiting: Mutex<HashMap<RunId, watch::Sender<()>>>,
}

impl Tails {
    fn waiting(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn are_none(&self) -> bool {
        self.waiting().is_empty()
    }

    pub(super) fn wake(&self, run: &RunId) {
        if let Some(tail) = self.waiting().get(run) {
            tail.send_replace(());
        }
    }

    pub(super) fn wake_all(&self) {
        for tail in self.waiting().values() {
            tail.send_replace(());
        }
    }

    pub(super) fn join(self: &Arc<Self>, run: &RunId) -> Waiting {
        let mut waiting = self.waiting();
        let woken = match waiting.get(run) {
            Some(tail) => tail.subscribe(),
            None => {
                let (tail, woken) = watch::channel(());
                waiting.insert(run.clone(), tail);
                woken
            }
        };
        Waiting {
            woken,
            run: run.clone(),
            tails: Arc::clone(self),
        }
    }
}

/// One tail's place among them, until it is dropped.
pub(super) struct Waiting {
    woken: watch::Receiver<()>,
    run: RunId,
    tails: Arc<Tails>,
}

impl Waiting {
    /// Forgets what came until now: it is about to be read.
    pub(super) fn catch_up(&mut self) {
        self.woken.mark_unchanged();
    }

    /// Waits for what came after that.
    pub(super) async fn more(&mut self) {
        // The sender is there as long as this is.
        let _woken = self.woken.changed().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.tails.waiting();
        // This one still counts.
        let is_last = |tail: &watch::Sender<()>| tail.receiver_count() <= 1;
        if waiting.get(&self.run).is_some_and(is_last) {
            waiting.remove(&self.run);
        }
    }
}

//! Readers of a tree.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures::Stream;

use crate::{
    ProgressDelta, ProgressUpdate,
    tree::{Shared, State},
};

/// The updates of a tree: a snapshot first, then each change as a delta.
///
/// It is a stream, and holds at most so many changes as were asked for. When more come before they are
/// read, they are dropped: the reader gets [`Lagged`](ProgressUpdate::Lagged) and a new snapshot, and
/// the tree isn't held up. It ends when the root has ended, after the delta that says so, and when
/// nobody is left who could change the tree.
///
/// ```
/// use futures::StreamExt;
/// use mainstem_progress::{ProgressTree, ProgressUpdate};
///
/// # futures::executor::block_on(async {
/// let tree = ProgressTree::new("import");
/// let mut updates = tree.subscribe_holding(2);
/// assert!(matches!(updates.next().await, Some(ProgressUpdate::Snapshot(_))));
///
/// let load = tree.root().child("load").total(9).start()?; // two changes: added, begun
/// load.update(1)?; // one too many
/// assert_eq!(updates.next().await, Some(ProgressUpdate::Lagged { missed: 3 }));
/// assert!(matches!(updates.next().await, Some(ProgressUpdate::Snapshot(_))));
///
/// tree.root().cancel()?;
/// assert!(matches!(updates.next().await, Some(ProgressUpdate::Delta(_))));
/// assert_eq!(updates.next().await, None);
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "a subscription does nothing unless it is read"]
pub struct ProgressSubscription {
    shared: Arc<Shared>,
    key: u64,
}

/// The queues of all subscriptions.
#[derive(Default)]
pub(crate) struct Queues {
    open: BTreeMap<u64, Queue>,
    next: u64,
    is_closed: bool,
}

/// What waits for one reader.
struct Queue {
    changes: VecDeque<Arc<ProgressDelta>>,
    at_most: usize,
    /// Whether it has its snapshot: only what comes after that is kept.
    has_snapshot: bool,
    missed: u64,
    waker: Option<Waker>,
}

impl ProgressSubscription {
    pub(crate) fn new(shared: Arc<Shared>, key: u64) -> Self {
        Self { shared, key }
    }
}

impl Stream for ProgressSubscription {
    type Item = ProgressUpdate;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<ProgressUpdate>> {
        // Another's waker is dropped only once the tree is free again: it may do anything.
        let mut old = None;
        let mut state = self.shared.lock();
        state.poll(self.key, task, &mut old)
    }
}

impl State {
    fn poll(
        &mut self,
        key: u64,
        task: &Context<'_>,
        old: &mut Option<Waker>,
    ) -> Poll<Option<ProgressUpdate>> {
        let is_over = self.is_over() || self.queues.is_closed;
        let Some(queue) = self.queues.open.get_mut(&key) else {
            return Poll::Ready(None);
        };
        if queue.missed > 0 {
            let missed = std::mem::take(&mut queue.missed);
            queue.has_snapshot = false;
            return Poll::Ready(Some(ProgressUpdate::Lagged { missed }));
        }
        if !queue.has_snapshot {
            queue.has_snapshot = true;
            let snapshot = self.arena.snapshot();
            return Poll::Ready(Some(ProgressUpdate::Snapshot(snapshot)));
        }
        if let Some(delta) = queue.changes.pop_front() {
            return Poll::Ready(Some(ProgressUpdate::Delta(delta)));
        }
        if is_over {
            return Poll::Ready(None);
        }
        *old = queue.waker.replace(task.waker().clone());
        Poll::Pending
    }
}

impl Queues {
    pub(crate) fn open(&mut self, at_most: usize) -> u64 {
        let key = self.next;
        self.next += 1;
        let queue = Queue {
            changes: VecDeque::new(),
            at_most: at_most.max(1),
            has_snapshot: false,
            missed: 0,
            waker: None,
        };
        self.open.insert(key, queue);
        key
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Hands a change to all; whom to wake.
    pub(crate) fn push(&mut self, delta: &Arc<ProgressDelta>) -> Vec<Waker> {
        let queues = self.open.values_mut();
        queues.filter_map(|queue| queue.push(delta)).collect()
    }

    /// Nothing more will come; whom to wake.
    pub(crate) fn close(&mut self) -> Vec<Waker> {
        self.is_closed = true;
        let queues = self.open.values_mut();
        queues.filter_map(|queue| queue.waker.take()).collect()
    }
}

impl Queue {
    fn push(&mut self, delta: &Arc<ProgressDelta>) -> Option<Waker> {
        if !self.has_snapshot {
            return None;
        }
        if self.missed > 0 {
            self.missed += 1;
        } else if self.changes.len() < self.at_most {
            self.changes.push_back(Arc::clone(delta));
        } else {
            self.missed = self.changes.len() as u64 + 1;
            self.changes.clear();
        }
        self.waker.take()
    }
}

impl Drop for ProgressSubscription {
    fn drop(&mut self) {
        // What it drops is dropped only once the tree is free again.
        let queue = self.shared.lock().queues.open.remove(&self.key);
        drop(queue);
    }
}

impl fmt::Debug for ProgressSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressSubscription")
            .finish_non_exhaustive()
    }
}

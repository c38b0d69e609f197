//! The tree, as its users hold it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use mainstem_core::{Event, Result, Text, Timestamp};

use crate::{
    ProgressId, ProgressKind, ProgressNode, ProgressSnapshot, ProgressSubscription, ProgressTask,
    SavedProgress, arena::Arena, subscription::Queues,
};

/// How many changes a subscription holds for a reader that is slow, if nobody says otherwise.
const HELD: usize = 256;

/// How far something has come, and all that is in it.
///
/// It is cheap to clone, and all clones are the same tree. It is fed by the [events](Self::feed) of a
/// run, or by hand, from its [root](Self::root) on.
///
/// A change costs as much as the tree is deep, however many nodes it has; without subscriptions it
/// allocates nothing.
#[derive(Clone)]
pub struct ProgressTree {
    pub(crate) owner: Arc<Owner>,
}

/// Whoever can change the tree holds it; when the last one is gone, the subscriptions end.
pub(crate) struct Owner(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    state: Mutex<State>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

pub(crate) struct State {
    pub(crate) arena: Arena,
    pub(crate) queues: Queues,
    /// It was restored, and nothing has happened since.
    is_restored: bool,
}

impl ProgressTree {
    /// A tree with a root that hasn't begun.
    pub fn new(name: impl Into<Text>) -> Self {
        Self::with_clock(name, Timestamp::now)
    }

    /// A tree that asks `clock` what time it is, instead of the system.
    ///
    /// Only changes by hand ask it: events say themselves when they were.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    /// use mainstem_core::Timestamp;
    /// use mainstem_progress::ProgressTree;
    ///
    /// static NOW: AtomicU64 = AtomicU64::new(1000);
    /// let clock = || Timestamp::from_unix_millis(NOW.load(Relaxed));
    /// let tree = ProgressTree::with_clock("import", clock);
    /// let load = tree.root().child("load").total(4).start()?;
    /// NOW.store(3000, Relaxed);
    /// load.update(1)?; // a quarter took two seconds, so the rest takes six
    /// assert_eq!(load.node().unwrap().eta, Some(Timestamp::from_unix_millis(9000)));
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn with_clock(
        name: impl Into<Text>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let mut root = ProgressNode::new(ProgressId::ROOT, None, name.into());
        root.kind = ProgressKind::Workflow;
        Self::of(Arena::new(root), clock, false)
    }

    pub(crate) fn of(
        arena: Arena,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        is_restored: bool,
    ) -> Self {
        let state = State {
            arena,
            queues: Queues::default(),
            is_restored,
        };
        let shared = Shared {
            state: Mutex::new(state),
            clock: Box::new(clock),
        };
        Self {
            owner: Arc::new(Owner(Arc::new(shared))),
        }
    }

    /// The root: what is done to it is done to the whole.
    pub fn root(&self) -> ProgressTask {
        ProgressTask::new(self, ProgressId::ROOT)
    }

    /// The node of a number, to change it; none, if there is none.
    pub fn task(&self, id: ProgressId) -> Option<ProgressTask> {
        let is_there = self.lock().arena.get(id).is_some();
        is_there.then(|| ProgressTask::new(self, id))
    }

    /// Takes in the next event of a run; whether that has changed the tree.
    ///
    /// It is a fold: the same events, live or from the log, give the same tree, and no clock is asked.
    /// What was taken in before, by its [place](Event::place), changes nothing; so a reader that lost
    /// its connection may give some of them again. Events that don't fit what came before change
    /// nothing either. One tree is for one run.
    ///
    /// What each kind of event does is a table in the docs.
    pub fn feed(&self, event: &Event) -> bool {
        self.change(|state| {
            state.is_restored = false;
            state.arena.feed(event)
        })
    }

    /// The tree as it is now.
    pub fn snapshot(&self) -> ProgressSnapshot {
        self.lock().arena.snapshot()
    }

    /// The tree now, and every change from then on.
    ///
    /// A reader that is slow holds nobody up: when more than 256 changes wait for it, they are dropped,
    /// and it gets a notice and a new snapshot. See [`ProgressSubscription`].
    pub fn subscribe(&self) -> ProgressSubscription {
        self.subscribe_holding(HELD)
    }

    /// The same, with another number of changes that may wait for the reader: 1 at least.
    pub fn subscribe_holding(&self, changes: usize) -> ProgressSubscription {
        let key = self.lock().queues.open(changes);
        ProgressSubscription::new(Arc::clone(&self.owner.0), key)
    }

    /// All of it, to go on from in another process.
    pub fn save(&self) -> SavedProgress {
        self.lock().arena.save()
    }

    /// Goes on from a tree that was saved.
    ///
    /// Fed the events that came after, it is the tree that would have been fed all of them. By hand,
    /// the time until the first change counts as a pause.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`](mainstem_core::ErrorKind::Value), if it can't be a tree: it was changed
    /// by hand, or cut off, or is somebody else's. All of it is checked, so it may come from anywhere; the
    /// error names the node, the field, and what it should be.
    ///
    /// A tree of which more than 16,777,216 nodes were ever added can't be restored.
    pub fn restore(saved: SavedProgress) -> Result<Self> {
        Self::restore_with_clock(saved, Timestamp::now)
    }

    /// The same, with another clock than the system's; see [`with_clock`](Self::with_clock).
    ///
    /// # Errors
    ///
    /// As for [`restore`](Self::restore).
    pub fn restore_with_clock(
        saved: SavedProgress,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Self::of(Arena::restore(saved)?, clock, true))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.owner.0.lock()
    }

    /// Changes the tree by hand, at the present moment.
    pub(crate) fn change_now<T>(&self, change: impl FnOnce(&mut Arena) -> T) -> T {
        // The clock is somebody else's code: not while the tree is held.
        let now = (self.owner.0.clock)();
        self.change(|state| {
            let clock = &mut state.arena.clock;
            let stood = clock.stands;
            clock.stands |= std::mem::take(&mut state.is_restored);
            clock.go_on(now);
            clock.stands = stood;
            change(&mut state.arena)
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let changed = change(&mut state);
        let wakers = state.publish();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        changed
    }
}

impl State {
    /// Tells the subscriptions what has changed; whom to wake.
    fn publish(&mut self) -> Vec<Waker> {
        if !self.arena.has_changed() {
            return Vec::new();
        }
        self.arena.version += 1;
        self.arena.changed = (self.arena.clock.now, self.arena.place);
        if self.queues.is_empty() {
            self.arena.forget_changes();
            return Vec::new();
        }
        let delta = Arc::new(self.arena.take_delta());
        self.queues.push(&delta)
    }

    /// Whether nothing more will happen.
    pub(crate) fn is_over(&self) -> bool {
        let root = self.arena.get(ProgressId::ROOT);
        root.is_none_or(|root| root.state().is_ended())
    }
}

impl Shared {
    /// Locks the tree, also after a panic: changes check first and change then.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let wakers = self.0.lock().queues.close();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for ProgressTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        let root = snapshot.root();
        f.debug_struct("ProgressTree")
            .field("name", &root.name)
            .field("state", &root.state)
            .field("fraction", &root.fraction)
            .field("nodes", &snapshot.nodes.len())
            .finish_non_exhaustive()
    }
}

//! The future that does a run's work, and the handle that stops it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, TryLockError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Task, Poll, Wake, Waker},
};

use futures::future::BoxFuture;

use super::{shared::Shared, slot::Slot};
use crate::{CancelledBy, Error, ErrorKind, Json, Result, sync::lock};

pub(super) type Work = BoxFuture<'static, Result<Json>>;

/// Holds the work; gone once it is done or stopped.
pub(super) struct Driver {
    work: Mutex<Option<Work>>,
    stopped: Mutex<Option<CancelledBy>>,
    /// Whether it was stopped, to be asked without the lock.
    is_stopped: AtomicBool,
    wakes: Arc<Wakes>,
    waker: Waker,
}

/// Notes that the work was woken: otherwise there is no need to poll it again.
struct Wakes {
    woken: AtomicBool,
    /// Where the reader sleeps.
    slot: Arc<Slot>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Seen by a reader that isn't woken by what follows.
        self.woken.store(true, Ordering::Release);
        self.slot.wake_reader();
    }
}

impl Driver {
    pub(super) fn new(work: Work, slot: Arc<Slot>) -> Self {
        let wakes = Arc::new(Wakes {
            woken: AtomicBool::new(true),
            slot,
        });
        Self {
            work: Mutex::new(Some(work)),
            stopped: Mutex::new(None),
            is_stopped: AtomicBool::new(false),
            waker: Arc::clone(&wakes).into(),
            wakes,
        }
    }

    /// Whether there is something for the work to do.
    pub(super) fn is_woken(&self) -> bool {
        self.wakes.woken.load(Ordering::Acquire)
    }

    /// Goes on with the work, if it was woken. When it is gone, the run was stopped.
    pub(super) fn poll(&self) -> Poll<Result<Json>> {
        if !self.is_woken() || !self.wakes.woken.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let task = &mut Task::from_waker(&self.waker);
        let mut slot = lock(&self.work);
        let Some(work) = slot.as_mut() else {
            return Poll::Pending;
        };
        let poll = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task)))
            .unwrap_or_else(|_panic| Poll::Ready(Err(panicked())));
        let done = if poll.is_ready() { slot.take() } else { None };
        drop(slot);
        discard(done);
        // Whoever stopped it meanwhile found it locked and left it to us.
        if self.stopped().is_some() {
            self.abandon();
        }
        poll
    }

    /// Drops the work, with all that it holds: the model's response, every branch.
    pub(super) fn abandon(&self) {
        let work = lock(&self.work).take();
        discard(work);
    }

    pub(super) fn stopped(&self) -> Option<CancelledBy> {
        if !self.is_stopped.load(Ordering::SeqCst) {
            return None;
        }
        lock(&self.stopped).clone()
    }

    fn stop(&self, by: CancelledBy) {
        lock(&self.stopped).get_or_insert(by);
        self.is_stopped.store(true, Ordering::SeqCst);
        let work = match self.work.try_lock() {
            Ok(mut slot) => slot.take(),
            Err(TryLockError::Poisoned(slot)) => slot.into_inner().take(),
            // It is being polled: see `poll`.
            Err(TryLockError::WouldBlock) => None,
        };
        discard(work);
    }
}

/// Drops the work. A destructor that panics harms neither who stops the run nor who reads it.
fn discard(work: Option<Work>) {
    let _panic = catch_unwind(AssertUnwindSafe(|| drop(work)));
}

/// What a panic becomes. Its own message may hold anything, and goes to the panic hook alone.
pub(super) fn panicked() -> Error {
    let message = "the step panicked; the panic's own message went to the panic hook";
    Error::new(ErrorKind::Step, message).retryable(false)
}

/// Stops a run from anywhere: another task, a signal handler, a callback.
///
/// Cheap to clone. It keeps nothing alive.
#[derive(Clone)]
pub struct StopHandle {
    driver: Weak<Driver>,
    shared: Weak<Shared>,
}

impl StopHandle {
    pub(super) fn new(driver: &Arc<Driver>, shared: &Arc<Shared>) -> Self {
        Self {
            driver: Arc::downgrade(driver),
            shared: Arc::downgrade(shared),
        }
    }

    /// Stops the run at once, whether or not somebody polls it.
    ///
    /// The model's response is dropped before this returns (if the run is being polled this very
    /// moment: before that poll returns). The reader then finds what had been emitted, and
    /// [`RunCancelled`](crate::RunCancelled) with the partial output. A run that has ended stays as
    /// it is.
    pub fn stop(&self) {
        self.stop_by(CancelledBy::Stop);
    }

    /// Stops the run, and says who wanted it.
    pub fn stop_by(&self, by: CancelledBy) {
        if let Some(driver) = self.driver.upgrade() {
            driver.stop(by);
        }
        if let Some(shared) = self.shared.upgrade() {
            shared.slot.wake_reader();
        }
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}

//! A run under way in this process: what its task and its readers share.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use mainstem_core::{CancelledBy, Error, Event, EventKind, Place, Result, RunId, StopHandle, Text};
use tokio::{sync::Notify, time::Instant};

use super::{
    lock,
    options::SlowReader,
    presence::{Due, Holder, Presence},
    refusals,
    ring::{Next, Over, Ring},
    stats::Counters,
};

/// A run under way: its newest events, and who reads them.
pub(super) struct Live {
    pub(super) id: RunId,
    pub(super) name: Text,
    pub(super) owner: Option<Text>,
    pub(super) slow: SlowReader,
    pub(super) presence: Presence,
    pub(super) counters: Arc<Counters>,
    /// For readers: there is more, or nothing follows.
    pub(super) more: Arc<Notify>,
    pub(super) max_readers: usize,
    pub(super) ring: Mutex<Ring>,
    pub(super) head: AtomicU64,
    pub(super) stop: StopHandle,
    pub(super) stopping: AtomicBool,
}

impl Live {
    /// Hands an event to the readers.
    pub(super) fn push(&self, event: Event) {
        self.counters.events.add(1);
        if event.is_end() {
            self.count_end(&event.kind);
        }
        let seq = event.seq.0;
        let had_by_all = || self.presence.had_by_all();
        self.change(|ring| ring.push(event, had_by_all));
        self.head.store(seq, Ordering::SeqCst);
        self.more.notify_waiters();
    }

    /// The run goes no further, and has no end, unless it has one.
    pub(super) fn break_off(&self, error: Error) {
        lock(&self.ring).break_off(error);
        self.more.notify_waiters();
    }

    fn change(&self, change: impl FnOnce(&mut Ring)) {
        let mut ring = lock(&self.ring);
        let before = ring.size();
        change(&mut ring);
        let after = ring.size();
        drop(ring);
        let counters = &self.counters;
        counters.kept_events.add(after.0 as u64);
        counters.kept_events.sub(before.0 as u64);
        counters.kept_bytes.add(after.1 as u64);
        counters.kept_bytes.sub(before.1 as u64);
    }

    fn count_end(&self, kind: &EventKind) {
        match kind {
            EventKind::RunFinished(_) => self.counters.runs_finished.add(1),
            EventKind::RunFailed(_) => self.counters.runs_failed.add(1),
            EventKind::RunCancelled(_) => self.counters.runs_cancelled.add(1),
            EventKind::RunSuspended(_) => self.counters.runs_suspended.add(1),
            _ => {}
        }
    }

    /// Roughly how many bytes its events take in a log in memory.
    pub(super) fn said_bytes(&self) -> usize {
        lock(&self.ring).said_bytes()
    }

    /// What follows a place.
    pub(super) fn after(&self, place: Option<Place>) -> Next {
        lock(&self.ring).after(place)
    }

    /// Whether the event of a place is at hand.
    pub(super) fn has(&self, place: Place) -> bool {
        lock(&self.ring).has(place)
    }

    /// The number of the newest event.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::SeqCst)
    }

    /// Whether the run has to wait for a reader.
    pub(super) fn is_held(&self) -> bool {
        let SlowReader::Hold(limit) = self.slow else {
            return false;
        };
        // What is stopped goes on to its end.
        if self.stopping.load(Ordering::SeqCst) {
            return false;
        }
        let (is_held, is_new) = self.presence.is_held(self.head(), limit);
        if is_new {
            self.counters.holds.add(1);
        }
        is_held
    }

    /// What is to happen to a run that nobody reads, or that waits; what is stopped has its end.
    pub(super) fn due(&self) -> Option<(Instant, Due)> {
        let is_stopping = self.stopping.load(Ordering::SeqCst);
        self.presence.due().filter(|_| !is_stopping)
    }

    /// Goes on without the readers that it has waited for too long.
    pub(super) fn cut_slowest(&self) {
        let cut = self.presence.cut();
        self.counters.readers_cut.add(cut as u64);
        // Those that sleep find out now.
        self.more.notify_waiters();
    }

    /// Stops the run; its end follows.
    pub(super) fn stop_by(&self, by: CancelledBy) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.stop_by(by);
        self.presence.changed.notify_one();
    }

    /// Waits until nothing follows.
    pub(super) async fn over(&self) -> Over {
        loop {
            let more = self.more.notified();
            if let Some(over) = lock(&self.ring).over() {
                return over.clone();
            }
            more.await;
        }
    }

    /// Whether it ended in a way that its log doesn't tell.
    pub(super) fn is_unlogged(&self) -> bool {
        let ring = lock(&self.ring);
        let last = ring.last().map(|event| &event.kind);
        match (ring.over(), last) {
            (Some(Over::Broken(_)), _) => true,
            (Some(Over::Ended), Some(EventKind::RunFailed(failed))) => {
                failed.error.code.as_deref() == Some(NOT_LOGGED)
            }
            _ => false,
        }
    }
}

/// The code of an end that the log hasn't got.
pub(super) const NOT_LOGGED: &str = "not_logged";

impl Drop for Live {
    fn drop(&mut self) {
        let (events, bytes) = lock(&self.ring).size();
        self.counters.kept_events.sub(events as u64);
        self.counters.kept_bytes.sub(bytes as u64);
    }
}

/// Who keeps an attached run going: dropped, it may be alone.
pub(super) struct Attachment(Arc<Live>);

impl Attachment {
    pub(super) fn new(live: &Arc<Live>) -> Self {
        live.presence.attach();
        Self(Arc::clone(live))
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.0.presence.let_go();
    }
}

/// A reader's place at a run under way.
pub(super) struct Seat {
    pub(super) live: Arc<Live>,
    is_attached: bool,
    /// There if the run waits for it.
    holder: Option<Arc<Holder>>,
}

impl Seat {
    /// A place for one reader more, which begins at a number.
    pub(super) fn take(live: &Arc<Live>, is_attached: bool, at: u64) -> Result<Self> {
        if !live.presence.join(live.max_readers) {
            return Err(refusals::too_many_readers(&live.id, live.max_readers));
        }
        if is_attached {
            live.presence.attach();
        }
        let holds = is_attached && matches!(live.slow, SlowReader::Hold(_));
        Ok(Self {
            live: Arc::clone(live),
            is_attached,
            holder: holds.then(|| live.presence.wait_for(at)),
        })
    }

    /// Whether the run waits for this reader.
    pub(super) fn holds(&self) -> bool {
        self.holder.is_some()
    }

    /// Whether the run has waited for it too long.
    pub(super) fn is_cut(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.is_cut())
    }

    pub(super) fn read_on(&self, seq: u64) {
        if let Some(holder) = &self.holder {
            self.live.presence.read_on(holder, seq);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let presence = &self.live.presence;
        if let Some(holder) = &self.holder {
            presence.wait_no_more(holder);
        }
        // A reader that was cut has lost its hold already.
        if self.is_attached && !self.is_cut() {
            presence.let_go();
        }
        presence.leave();
    }
}

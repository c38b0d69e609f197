//! Who is there to read a run, and what follows if nobody is.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use mainstem_core::CancelledBy;
use tokio::{sync::Notify, time::Instant};

use super::lock;

/// By whom a run is ended that nobody has read for the time of its lease.
const LEASE: &str = "lease";

/// Who is there to read a run.
pub(super) struct Presence {
    company: Mutex<Company>,
    /// For the task of the run: somebody came, went or read on.
    pub(super) changed: Notify,
    /// Whether the run waits for a reader.
    held: AtomicBool,
    /// Where the slowest reader was when it was last looked up.
    slowest: AtomicU64,
}

/// A reader that the run waits for.
pub(super) struct Holder {
    /// How far it is.
    seq: AtomicU64,
    /// Whether the run waited for it too long.
    is_cut: AtomicBool,
}

impl Holder {
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }
}

/// What is to happen if nobody comes, or reads on.
pub(super) enum Due {
    /// The run ends.
    End(CancelledBy),
    /// The readers that it waits for are cut.
    Cut,
}

struct Company {
    detached: bool,
    linger: Duration,
    lease: Option<Duration>,
    attached: usize,
    readers: usize,
    /// Since when nobody is attached, where that is so.
    unattached: Instant,
    /// Since when nobody reads, where that is so.
    unread: Instant,
    /// How far the readers are that the run waits for.
    held_by: Vec<Arc<Holder>>,
    hold_limit: Duration,
    /// For a reader at which number the run waits, and since when.
    held: Option<(u64, Instant)>,
}

impl Presence {
    pub(super) fn new(
        detached: bool,
        linger: Duration,
        lease: Option<Duration>,
        hold_limit: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            company: Mutex::new(Company {
                detached,
                linger,
                lease,
                attached: 0,
                readers: 0,
                unattached: now,
                unread: now,
                held_by: Vec::new(),
                hold_limit,
                held: None,
            }),
            changed: Notify::new(),
            held: AtomicBool::new(false),
            slowest: AtomicU64::new(0),
        }
    }

    pub(super) fn is_detached(&self) -> bool {
        lock(&self.company).detached
    }

    /// From here on the run needs nobody. It isn't attached again.
    pub(super) fn detach(&self) {
        let mut company = lock(&self.company);
        company.detached = true;
        company.unread = Instant::now();
        drop(company);
        self.changed.notify_one();
    }

    pub(super) fn attach(&self) {
        lock(&self.company).attached += 1;
        self.changed.notify_one();
    }

    pub(super) fn let_go(&self) {
        let mut company = lock(&self.company);
        company.attached -= 1;
        company.unattached = Instant::now();
        drop(company);
        self.changed.notify_one();
    }

    /// One reader more, unless there are as many as are allowed.
    pub(super) fn join(&self, limit: usize) -> bool {
        let mut company = lock(&self.company);
        let has_place = company.readers < limit;
        company.readers += usize::from(has_place);
        drop(company);
        self.changed.notify_one();
        has_place
    }

    pub(super) fn leave(&self) {
        let mut company = lock(&self.company);
        company.readers -= 1;
        company.unread = Instant::now();
        drop(company);
        self.changed.notify_one();
    }

    /// From here on the run waits for a reader, which is at this number.
    pub(super) fn wait_for(&self, seq: u64) -> Arc<Holder> {
        let holder = Arc::new(Holder {
            seq: AtomicU64::new(seq),
            is_cut: AtomicBool::new(false),
        });
        let mut company = lock(&self.company);
        company.held_by.push(Arc::clone(&holder));
        self.slowest.fetch_min(seq, Ordering::SeqCst);
        holder
    }

    pub(super) fn wait_no_more(&self, holder: &Arc<Holder>) {
        let mut company = lock(&self.company);
        company.held_by.retain(|held| !Arc::ptr_eq(held, holder));
        drop(company);
        self.changed.notify_one();
    }

    /// A reader that the run may wait for has read on.
    pub(super) fn read_on(&self, holder: &Holder, seq: u64) {
        holder.seq.store(seq, Ordering::SeqCst);
        if self.held.load(Ordering::SeqCst) {
            self.changed.notify_one();
        }
    }

    /// Up to which number all readers have the events; none, if nobody reads, or somebody for whom the
    /// run doesn't wait: how far that one is isn't known here.
    pub(super) fn had_by_all(&self) -> Option<u64> {
        let company = lock(&self.company);
        if company.held_by.len() < company.readers {
            return None;
        }
        let readers = company.held_by.iter();
        readers.map(|it| it.seq.load(Ordering::SeqCst)).min()
    }

    /// Whether a reader that the run waits for is more than so far behind; and whether it wasn't
    /// before.
    pub(super) fn is_held(&self, head: u64, limit: u64) -> (bool, bool) {
        // Looked up anew only when the run has got that far away from it.
        if head.saturating_sub(self.slowest.load(Ordering::SeqCst)) <= limit {
            return (false, false);
        }
        let was_held = self.held.swap(true, Ordering::SeqCst);
        let mut company = lock(&self.company);
        let readers = company.held_by.iter();
        let slowest = readers.map(|it| it.seq.load(Ordering::SeqCst)).min();
        self.slowest
            .store(slowest.unwrap_or(head), Ordering::SeqCst);
        let far = slowest.filter(|slowest| head.saturating_sub(*slowest) > limit);
        company.held = match (far, company.held) {
            // It hasn't read on since.
            (Some(seq), Some((before, since))) if seq == before => Some((seq, since)),
            (far, _) => far.map(|seq| (seq, Instant::now())),
        };
        drop(company);
        if far.is_none() {
            self.held.store(false, Ordering::SeqCst);
        }
        (far.is_some(), far.is_some() && !was_held)
    }

    /// Cuts the readers that the run has waited for too long; says how many.
    pub(super) fn cut(&self) -> usize {
        let mut company = lock(&self.company);
        let Some((slowest, _)) = company.held.take() else {
            return 0;
        };
        let before = company.held_by.len();
        company.held_by.retain(|reader| {
            let is_slowest = reader.seq.load(Ordering::SeqCst) <= slowest;
            reader.is_cut.store(is_slowest, Ordering::SeqCst);
            !is_slowest
        });
        let cut = before - company.held_by.len();
        company.attached -= cut;
        company.unattached = Instant::now();
        cut
    }

    /// When something is to happen if nobody comes or reads on, and what.
    pub(super) fn due(&self) -> Option<(Instant, Due)> {
        let company = lock(&self.company);
        if let Some((_, since)) = company.held {
            return Some((since + company.hold_limit, Due::Cut));
        }
        if !company.detached {
            let is_alone = company.attached == 0;
            let due = company.unattached + company.linger;
            return is_alone.then_some((due, Due::End(CancelledBy::Disconnect)));
        }
        let lease = company.lease.filter(|_| company.readers == 0)?;
        Some((company.unread + lease, Due::End(LEASE.into())))
    }
}

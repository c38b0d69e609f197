//! The one place through which every event of a run passes.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use futures::task::AtomicWaker;
use tokio::sync::Semaphore;

use crate::{Epoch, Event, EventKind, Place, Seq, StepPath, Timestamp, sync::lock};

/// Holds one event between the step that emits it and the reader.
///
/// A step that finds it full waits, in the order of coming: that is the back-pressure. The permit
/// of the semaphore is the right to fill the slot; the reader gives it back with
/// [`vacate`](Self::vacate), once it is done with the event.
pub(super) struct Slot {
    vacancy: Semaphore,
    state: Mutex<State>,
    /// Whether there is an event, to be asked without the lock.
    filled: AtomicBool,
    /// Whether the output has passed its limit.
    overflow: AtomicBool,
    /// The reader, while it sleeps; filling from within its own poll wakes nobody.
    pub(super) reader: AtomicWaker,
    max_output_bytes: Option<u64>,
}

struct State {
    event: Option<Event>,
    next: Place,
    output_bytes: u64,
    closed: bool,
}

impl Slot {
    pub(super) fn new(max_output_bytes: Option<u64>) -> Self {
        Self {
            vacancy: Semaphore::new(1),
            state: Mutex::new(State {
                event: None,
                next: Place::new(Epoch::FIRST, Seq(1)),
                output_bytes: 0,
                closed: false,
            }),
            filled: AtomicBool::new(false),
            overflow: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            max_output_bytes,
        }
    }

    /// Emits an event; waits until there is room, and gives its place. Does nothing, once the run has
    /// ended.
    ///
    /// Output beyond the limit is never shown: then this waits for the reader to end the run.
    pub(super) async fn put(&self, path: &StepPath, kind: EventKind) -> Option<Place> {
        // Mostly there is room, and nobody waits: then this is cheaper. It overtakes no waiter, since
        // a permit that is given back goes to the first of them.
        let permit = match self.vacancy.try_acquire() {
            Ok(permit) => permit,
            Err(_) => match self.vacancy.acquire().await {
                Ok(permit) => permit,
                Err(_closed) => return None,
            },
        };
        permit.forget();
        let place = {
            let mut state = lock(&self.state);
            if state.closed {
                return None;
            }
            state.output_bytes += output_bytes(&kind);
            let limit = self.max_output_bytes;
            let fits = limit.is_none_or(|max| state.output_bytes <= max);
            if fits {
                let event = state.stamp(path.clone(), kind);
                let place = event.place();
                state.event = Some(event);
                self.filled.store(true, Ordering::SeqCst);
                Some(place)
            } else {
                self.overflow.store(true, Ordering::SeqCst);
                None
            }
        };
        self.reader.wake();
        if place.is_none() {
            // Its permit is gone for good: what this gets is the news that the slot is closed.
            drop(self.vacancy.acquire().await);
        }
        place
    }

    /// Waits until the reader has done with what was emitted.
    pub(super) async fn settle(&self) {
        drop(self.vacancy.acquire().await);
    }

    /// The writer of the events to come.
    pub(super) fn set_epoch(&self, epoch: Epoch) {
        lock(&self.state).next.epoch = epoch;
    }

    /// The next event has this place.
    pub(super) fn number_from(&self, place: Place) {
        lock(&self.state).next = place;
    }

    /// The next event for the reader, numbered past the slot: the run's own.
    pub(super) fn stamp(&self, path: StepPath, kind: EventKind) -> Event {
        lock(&self.state).stamp(path, kind)
    }

    /// The place that the next event will have.
    pub(super) fn next_place(&self) -> Place {
        lock(&self.state).next
    }

    pub(super) fn take(&self) -> Option<Event> {
        if !self.filled.swap(false, Ordering::SeqCst) {
            return None;
        }
        lock(&self.state).event.take()
    }

    /// Lets the next event in.
    pub(super) fn vacate(&self) {
        self.vacancy.add_permits(1);
    }

    /// Lets nothing in any more; what is in the slot stays there.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.vacancy.close();
    }

    pub(super) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::SeqCst)
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.overflow.load(Ordering::SeqCst)
    }
}

impl State {
    fn stamp(&mut self, path: StepPath, kind: EventKind) -> Event {
        let place = self.next;
        self.next.seq.0 += 1;
        Event::new(place, Timestamp::now(), path, kind)
    }
}

/// What a run's reader may have to keep of it: all that models and steps say.
fn output_bytes(kind: &EventKind) -> u64 {
    let bytes = match kind {
        EventKind::TextDelta(delta) => delta.text.len(),
        EventKind::JsonDelta(delta) => delta.text.len(),
        EventKind::ReasoningDelta(delta) => delta.text.len(),
        EventKind::RefusalDelta(delta) => delta.text.len(),
        EventKind::ToolCallDelta(delta) => delta.text.len(),
        EventKind::Bytes(bytes) => bytes.data.len(),
        _ => 0,
    };
    bytes as u64
}

use std::{
    fmt,
    pin::Pin,
    task::{Context as Task, Poll},
};

use futures::Stream;
use mainstem_core::{Error, Event, Place, Result, RunId};

use super::{
    join::{Joined, Voids},
    live::Seat,
    options::SlowReader,
    refusals,
    source::{Source, is_suspension},
    stats::Counters,
};

/// The events of a run, for one reader.
///
/// A stream that ends after one of the four ends. An error is its last item: the store was lost, the
/// run was left without an end, the reader was too slow. There is no end without an end event.
///
/// A run that was suspended and has gone on is given in one piece: a
/// [`RunSuspended`](mainstem_core::RunSuspended) is given only if it is the last event there is.
#[must_use = "a reader does nothing unless it is polled"]
pub struct Reader {
    run: RunId,
    source: Source,
    seat: Option<Seat>,
    counters: std::sync::Arc<Counters>,
    /// Up to here the reader isn't late: it was there when it began.
    began: u64,
    snapshot: Option<Snapshot>,
    joined: Option<Joined>,
    /// Taken from the source, and not given yet.
    next: Option<Event>,
    /// To be given if nothing follows it.
    suspended: Option<Event>,
    /// The last item, which what is joined goes before.
    broken: Option<Error>,
    is_over: bool,
}

/// A reader that begins with less than all.
pub(super) struct Snapshot {
    pub(super) until: Place,
    pub(super) voids: Voids,
}

impl Reader {
    pub(super) fn new(
        run: RunId,
        source: Source,
        seat: Option<Seat>,
        counters: std::sync::Arc<Counters>,
        snapshot: Option<Snapshot>,
    ) -> Self {
        counters.readers.add(1);
        let began = seat.as_ref().map_or(u64::MAX, |seat| seat.live.head());
        Self {
            run,
            source,
            seat,
            counters,
            began,
            snapshot,
            joined: None,
            next: None,
            suspended: None,
            broken: None,
            is_over: false,
        }
    }

    /// The run that it reads.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    fn poll_event(&mut self, task: &mut Task<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            let item = match self.next.take() {
                Some(event) => Poll::Ready(Some(Ok(event))),
                None => self.source.poll_next(task),
            };
            let event = match item {
                Poll::Ready(Some(Ok(event))) => event,
                Poll::Ready(Some(Err(error))) => {
                    self.suspended = None;
                    self.broken = Some(error);
                    return Poll::Ready(self.finish());
                }
                Poll::Ready(None) => return Poll::Ready(self.finish()),
                Poll::Pending => return self.flush().map_or(Poll::Pending, given),
            };
            if is_suspension(&event) {
                let before = self.flush();
                self.suspended = Some(event);
                match before {
                    Some(before) => return given(before),
                    None => continue,
                }
            }
            self.suspended = None;
            match self.check_pace(&event) {
                Pace::AsItIs => match self.flush() {
                    None => return given(event),
                    Some(before) => {
                        self.next = Some(event);
                        return given(before);
                    }
                },
                Pace::Void => {}
                Pace::Join => {
                    if let Some(whole) = self.join(event) {
                        return given(whole);
                    }
                }
                Pace::Cut(limit) => {
                    self.counters.readers_cut.add(1);
                    self.broken = Some(refusals::too_slow(&self.run, limit));
                    return Poll::Ready(self.finish());
                }
            }
        }
    }

    /// Joins an event to those before it; what is whole now is given.
    fn join(&mut self, event: Event) -> Option<Event> {
        match &mut self.joined {
            Some(joined) if joined.takes(&event) => {
                joined.add(event);
                self.counters.deltas_joined.add(1);
                None
            }
            Some(_) => {
                self.next = Some(event);
                self.flush()
            }
            None if Joined::may_begin(&event) => {
                self.joined = Some(Joined::begin(event));
                None
            }
            None => Some(event),
        }
    }

    fn flush(&mut self) -> Option<Event> {
        self.joined.take().map(Joined::finish)
    }

    /// What is left, one by one; then nothing.
    fn finish(&mut self) -> Option<Result<Event>> {
        if let Some(event) = self.flush().or_else(|| self.suspended.take()) {
            return Some(Ok(event));
        }
        self.is_over = true;
        self.broken.take().map(Err)
    }

    fn check_pace(&self, event: &Event) -> Pace {
        if let Some(snapshot) = &self.snapshot
            && event.place() <= snapshot.until
        {
            return match snapshot.voids.cover(event) {
                true => Pace::Void,
                false => Pace::Join,
            };
        }
        let Some(seat) = &self.seat else {
            return Pace::AsItIs;
        };
        let behind = seat.live.head().saturating_sub(event.seq.0);
        let is_late = |limit| event.seq.0 > self.began && behind >= limit;
        match seat.live.slow {
            SlowReader::Hold(_) if seat.holds() => Pace::AsItIs,
            SlowReader::Hold(limit) | SlowReader::Join(limit) if is_late(limit) => Pace::Join,
            SlowReader::Cut(limit) if is_late(limit) => Pace::Cut(limit),
            _ => Pace::AsItIs,
        }
    }
}

/// What becomes of an event, given how far the reader is behind.
enum Pace {
    AsItIs,
    Join,
    Void,
    Cut(u64),
}

fn given(event: Event) -> Poll<Option<Result<Event>>> {
    Poll::Ready(Some(Ok(event)))
}

impl Stream for Reader {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.broken.is_some() {
            return Poll::Ready(self.finish());
        }
        if self.seat.as_ref().is_some_and(Seat::is_cut) {
            self.suspended = None;
            self.broken = Some(refusals::held_too_long(&self.run));
            return Poll::Ready(self.finish());
        }
        let polled = self.poll_event(task);
        if let (Some(seat), Some(at)) = (&self.seat, self.source.at()) {
            seat.read_on(at.seq.0);
        }
        polled
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.counters.readers.sub(1);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("run", &self.run)
            .field("at", &self.source.at())
            .finish_non_exhaustive()
    }
}

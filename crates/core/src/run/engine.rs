//! From emitted events to the events that a reader sees.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use tokio::{runtime::Handle, time::Sleep};

use super::{driver::Driver, log::LogWriter, observers::Observers, shared::Shared};
use crate::{
    CancelledBy, Error, ErrorKind, Event, EventKind, Json, Result, RunCancelled, RunFailed,
    RunFinished, RunStarted, RunSuspended, StepPath, sync::lock,
};

/// Polls the work, numbers and logs what it emits, tells the observers, and makes the one end.
///
/// Event by event: the work fills the slot; the log, if there is one, acknowledges; the observers
/// see it; the reader gets it; the slot is free again.
pub(super) struct Engine {
    pub(super) shared: Arc<Shared>,
    pub(super) driver: Arc<Driver>,
    pub(super) observers: Observers,
    pub(super) log: Option<LogWriter>,
    pub(super) wall_clock: WallClock,
    pub(super) max_output_bytes: Option<u64>,
    phase: Phase,
    /// The run's own events that wait for their turn.
    pending: VecDeque<EventKind>,
    /// Runs once the run is to end and its store keeps it waiting.
    patience: Option<Pin<Box<Sleep>>>,
    /// Whether the slot's event has been taken and not yet handed on.
    holding: bool,
    /// How the run ended, for whoever awaits it.
    pub(super) end: Option<Result<(), Error>>,
}

enum Phase {
    New(RunStarted),
    Running,
    Ending(End),
    Ended,
}

enum End {
    Done(Result<Json>),
    Cancelled(CancelledBy),
}

/// How long a run that is to end waits for its store.
const PATIENCE: Duration = Duration::from_secs(5);

fn took_too_long(limit: Duration) -> Error {
    let message = format!("the run took longer than {limit:?}; raise its `wall_clock_limit`");
    Error::new(ErrorKind::Timeout, message)
}

/// The limit on a run's time by the wall clock.
#[derive(Default)]
pub(super) struct WallClock {
    pub(super) limit: Option<Duration>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl WallClock {
    fn poll(&mut self, task: &mut Task<'_>) -> Poll<Duration> {
        match (self.limit, &mut self.alarm) {
            (Some(limit), Some(alarm)) => alarm.as_mut().poll(task).map(|()| limit),
            _ => Poll::Pending,
        }
    }

    /// From here on the time counts.
    fn start(&mut self) {
        if let Some(limit) = self.limit {
            self.alarm = Some(Box::pin(tokio::time::sleep(limit)));
        }
    }
}

impl Engine {
    pub(super) fn new(shared: Arc<Shared>, driver: Arc<Driver>, started: RunStarted) -> Self {
        Self {
            shared,
            driver,
            observers: Observers::default(),
            log: None,
            wall_clock: WallClock::default(),
            max_output_bytes: None,
            phase: Phase::New(started),
            pending: VecDeque::new(),
            patience: None,
            holding: false,
            end: None,
        }
    }

    /// The next event for the reader; none after the end.
    pub(super) fn poll_event(&mut self, task: &mut Task<'_>) -> Poll<Option<Event>> {
        loop {
            if self.log.as_ref().is_some_and(LogWriter::is_busy) {
                match ready!(self.poll_log(task)) {
                    Ok(event) => return Poll::Ready(Some(self.hand_over(event))),
                    Err(error) => self.log_failed(error),
                }
            }
            let Some(event) = ready!(self.poll_source(task)) else {
                return Poll::Ready(None);
            };
            match &mut self.log {
                Some(log) => log.append(event),
                None => return Poll::Ready(Some(self.hand_over(event))),
            }
        }
    }

    /// The event that the store is to take, once it has it.
    ///
    /// A run that is to end waits for its store so long, and no longer.
    fn poll_log(&mut self, task: &mut Task<'_>) -> Poll<Result<Event>> {
        if let Some(Poll::Ready(result)) = self.log.as_mut().map(|log| log.poll(task)) {
            return Poll::Ready(result);
        }
        self.shared.slot.reader.register(task.waker());
        if matches!(self.phase, Phase::Running)
            && let Poll::Ready(limit) = self.wall_clock.poll(task)
        {
            self.phase = Phase::Ending(self.cut(took_too_long(limit)));
        }
        let is_to_end = !matches!(self.phase, Phase::Running) || self.driver.stopped().is_some();
        // Without Tokio there is no clock: then the store alone says how long it takes.
        if !is_to_end || Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let patience = self
            .patience
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        ready!(patience.as_mut().poll(task));
        Poll::Ready(Err(Error::new(
            ErrorKind::Store,
            format!("the run is over, and its store hasn't taken its events for {PATIENCE:?}"),
        )))
    }

    /// The next event, whatever becomes of it.
    fn poll_source(&mut self, task: &mut Task<'_>) -> Poll<Option<Event>> {
        if let Some(kind) = self.pending.pop_front() {
            return Poll::Ready(Some(self.stamp(kind)));
        }
        if std::mem::take(&mut self.holding) {
            self.shared.slot.vacate();
        }
        if let Phase::New(started) = &self.phase {
            let started = started.clone();
            self.phase = Phase::Running;
            self.wall_clock.start();
            return Poll::Ready(Some(self.stamp(started.into())));
        }
        loop {
            if let Some(event) = self.shared.slot.take() {
                self.holding = true;
                return Poll::Ready(Some(event));
            }
            match &self.phase {
                Phase::Running | Phase::New(_) => {
                    if let Some(end) = ready!(self.poll_work(task)) {
                        self.phase = Phase::Ending(end);
                    }
                }
                Phase::Ended => return Poll::Ready(None),
                Phase::Ending(_) => {
                    self.shared.slot.close();
                    // What fills it now is another thread's event, which came before the end.
                    if !self.shared.slot.is_filled()
                        && let Phase::Ending(end) = std::mem::replace(&mut self.phase, Phase::Ended)
                    {
                        let kind = self.finish(end);
                        return Poll::Ready(Some(self.stamp(kind)));
                    }
                }
            }
        }
    }

    /// Goes on with the work until it ends, or the slot is filled.
    fn poll_work(&mut self, task: &mut Task<'_>) -> Poll<Option<End>> {
        // Before the work, which may always have something to do.
        if let Poll::Ready(limit) = self.wall_clock.poll(task) {
            return Poll::Ready(Some(self.cut(took_too_long(limit))));
        }
        let slot = &self.shared.slot;
        // While the work is polled from here, filling the slot needn't wake anybody.
        drop(slot.reader.take());
        let done = self.driver.poll(task);
        if slot.has_overflowed() {
            return Poll::Ready(Some(self.cut(self.overflow())));
        }
        if let Poll::Ready(result) = done {
            return Poll::Ready(Some(End::Done(result)));
        }
        if slot.is_filled() {
            return Poll::Ready(None);
        }
        slot.reader.register(task.waker());
        // From here on another thread's event, or a stop, wakes us; what came before is seen now.
        if slot.is_filled() {
            return Poll::Ready(None);
        }
        if let Some(by) = self.driver.stopped() {
            return Poll::Ready(Some(End::Cancelled(by)));
        }
        if slot.has_overflowed() {
            return Poll::Ready(Some(self.cut(self.overflow())));
        }
        Poll::Pending
    }

    fn overflow(&self) -> Error {
        let limit = self.max_output_bytes.unwrap_or_default();
        Error::new(
            ErrorKind::Limit,
            format!("the run's output is longer than {limit} bytes; raise its `max_output_bytes`"),
        )
    }

    /// Drops the work and ends with an error.
    fn cut(&self, error: Error) -> End {
        self.driver.abandon();
        End::Done(Err(error))
    }

    fn log_failed(&mut self, error: Error) {
        self.log = None;
        // Nothing is shown that the log didn't take, but for the failure itself.
        self.pending.clear();
        self.shared.slot.close();
        drop(self.shared.slot.take());
        self.end = None;
        self.phase = Phase::Ending(self.cut(error));
    }

    /// Ends the run with an error of its reader's, unless it has ended.
    pub(super) fn fail(&mut self, error: Error) {
        if !self.is_ended() {
            self.phase = Phase::Ending(self.cut(error));
        }
    }

    /// Whether nothing comes any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_ended() && !self.log.as_ref().is_some_and(LogWriter::is_busy)
    }

    fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    fn stamp(&self, kind: EventKind) -> Event {
        self.shared.slot.stamp(StepPath::run(), kind)
    }

    fn hand_over(&mut self, event: Event) -> Event {
        let notices = self.observers.tell(&event);
        // Nothing comes after the end, not even a notice.
        if !self.is_ended() {
            self.pending.extend(notices);
        }
        event
    }

    /// The last event. The work is gone by now, so that all partial output is recorded.
    fn finish(&mut self, end: End) -> EventKind {
        let (result, kind) = match end {
            End::Done(Ok(output)) => (Ok(()), self.finished(output)),
            End::Done(Err(error)) => self.failed(error),
            End::Cancelled(by) => {
                let partial = self.shared.partial();
                let mut kind = RunCancelled::new(by);
                kind.partial = Some(partial.clone());
                let message = match &kind.by {
                    CancelledBy::Stop => "the run was stopped".to_owned(),
                    by => format!("the run was stopped ({by})"),
                };
                let error = Error::new(ErrorKind::Cancelled, message).with_partial(partial);
                (Err(error), kind.into())
            }
        };
        self.end = Some(result);
        kind
    }

    fn finished(&self, output: Json) -> EventKind {
        let tally = lock(&self.shared.tally);
        let mut kind = RunFinished::new(output, tally.usage);
        kind.finish_reason = tally.finish_reason.clone();
        kind.into()
    }

    fn failed(&self, error: Error) -> (Result<()>, EventKind) {
        let error = error.of_run(&self.shared.id);
        // Where no step of this run was under way, what a run inside of it had delivered counts.
        let partial = match (
            self.shared.partial_within(&StepPath::run()),
            error.partial(),
        ) {
            (None, Some(inner)) => inner.clone(),
            (own, _) => own.unwrap_or_else(|| self.shared.partial()),
        };
        let error = error
            .with_partial(partial.clone())
            .suspended_at(&self.shared.id, self.shared.slot.next_place());
        let kind = match error.suspension() {
            Some(suspension) => {
                let mut kind = RunSuspended::new(suspension.requests.clone());
                kind.partial = Some(partial);
                kind.into()
            }
            None => {
                let mut kind = RunFailed::new((&error).into());
                kind.partial = Some(partial);
                kind.into()
            }
        };
        (Err(error), kind)
    }
}

impl Drop for Engine {
    /// Drop is cancel: the work goes now, even if somebody holds a `StopHandle`.
    fn drop(&mut self) {
        self.driver.abandon();
        self.shared.slot.close();
    }
}

//! From emitted events to the events that a reader sees.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context as Task, Poll, ready},
};

use futures::future::BoxFuture;

use super::{
    clock::{Patience, WallClock},
    driver::Driver,
    end::End,
    log::LogWriter,
    observers::Observers,
    opening::Opened,
    shared::Shared,
    spans::RunSpan,
};
use crate::{
    Error, ErrorKind, Event, EventKind, Result, RunId, RunStarted, StepPath, Store, sync::lock,
};

/// The code of an end that the log hasn't got.
const NOT_LOGGED: &str = "not_logged";

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
    patience: Patience,
    phase: Phase,
    /// The run's own events that wait for their turn.
    pending: VecDeque<EventKind>,
    /// The first event of a run that goes on, until its work has gone as far as its record goes.
    resumed: Option<Event>,
    /// Whether the slot's event has been taken and not yet handed on.
    holding: bool,
    /// How the run ended, for whoever awaits it.
    pub(super) end: Option<Result<(), Error>>,
    span: RunSpan,
}

enum Phase {
    /// The log is made ready; of a new run with its first event.
    Opening(BoxFuture<'static, Result<Opened>>, Option<RunStarted>),
    New(RunStarted),
    Running,
    Ending(End),
    Ended,
}

impl Engine {
    pub(super) fn new(
        shared: Arc<Shared>,
        driver: Arc<Driver>,
        started: RunStarted,
        span: RunSpan,
    ) -> Self {
        Self {
            shared,
            driver,
            observers: Observers::default(),
            log: None,
            wall_clock: WallClock::default(),
            max_output_bytes: None,
            patience: Patience::default(),
            phase: Phase::New(started),
            pending: VecDeque::new(),
            resumed: None,
            holding: false,
            end: None,
            span,
        }
    }

    /// The next event for the reader; none after the end.
    pub(super) fn poll_event(&mut self, task: &mut Task<'_>) -> Poll<Option<Event>> {
        // Without a listener it costs a look, and no frame: this runs for each chunk.
        let inside = (!self.span.is_none()).then(|| self.span.get().entered());
        let polled = self.poll_next(task);
        if let Some(inside) = inside {
            drop(inside);
            if self.is_over() {
                self.end_span();
            }
        }
        polled
    }

    fn end_span(&mut self) {
        let usage = lock(&self.shared.tally).usage;
        self.span.end(self.end.as_ref(), usage);
    }

    fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<Option<Event>> {
        loop {
            if self.is_logging() {
                match ready!(self.poll_log(task)) {
                    Ok(event) => return Poll::Ready(Some(self.logged(event))),
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

    /// The next event, whatever becomes of it.
    fn poll_source(&mut self, task: &mut Task<'_>) -> Poll<Option<Event>> {
        if let Some(kind) = self.pending.pop_front() {
            return Poll::Ready(Some(self.stamp(kind)));
        }
        if std::mem::take(&mut self.holding) {
            self.shared.slot.vacate();
        }
        if matches!(self.phase, Phase::Opening(..))
            && let Some(first) = ready!(self.poll_opening(task))
        {
            return Poll::Ready(Some(first));
        }
        if let Some(resumed) = self.poll_resumed(task) {
            return Poll::Ready(Some(resumed));
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
                Phase::Running | Phase::New(_) | Phase::Opening(..) => {
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
                        // Of work that never began; the session is free again.
                        drop(lock(&self.shared.session).take());
                        let (result, kind) = end.tell(&self.shared);
                        self.end = Some(result);
                        return Poll::Ready(Some(self.stamp(kind)));
                    }
                }
            }
        }
    }

    /// The first event of a run that goes on. Before it is written the work goes as far as it can by
    /// what is recorded: if it can't use that, the log stays as it was.
    fn poll_resumed(&mut self, task: &mut Task<'_>) -> Option<Event> {
        self.resumed.as_ref()?;
        if matches!(self.phase, Phase::Running)
            && let Poll::Ready(Some(end)) = self.poll_work(task)
        {
            self.phase = Phase::Ending(end);
        }
        self.resumed.take()
    }

    /// The work can't use what is recorded: the run ends here, and its log goes on another time.
    fn not_resumed(&mut self, error: Error) -> End {
        self.log = None;
        self.shared.slot.close();
        drop(self.shared.slot.take());
        if let Some(unwritten) = self.resumed.take() {
            self.shared.slot.number_from(unwritten.place());
        }
        self.cut(error)
    }

    /// Waits until the log can be written; gives the first event of a run that never opens it.
    fn poll_opening(&mut self, task: &mut Task<'_>) -> Poll<Option<Event>> {
        let Phase::Opening(opening, started) = &mut self.phase else {
            return Poll::Ready(None);
        };
        self.wall_clock.start();
        match opening.as_mut().poll(task) {
            Poll::Ready(Ok(Opened::New(new))) => {
                let started = started.take();
                self.log = self.log_of(|store, _| LogWriter::new(store, new));
                self.phase = started.map_or(Phase::Running, Phase::New);
                return Poll::Ready(None);
            }
            Poll::Ready(Ok(Opened::Resumed { next, first })) => {
                self.log = self.log_of(LogWriter::reopened);
                self.shared.slot.number_from(next);
                self.phase = Phase::Running;
                self.resumed = Some(self.stamp(first));
                return Poll::Ready(None);
            }
            Poll::Ready(Err(error)) => {
                let end = self.cut(error);
                return Poll::Ready(self.end_unopened(end));
            }
            Poll::Pending => {}
        }
        // From here on a stop wakes us.
        self.shared.slot.sleep(task);
        let end = match self.driver.stopped() {
            Some(by) => End::Cancelled(by),
            None if self.wall_clock.poll(task).is_ready() => self.cut(self.wall_clock.error()),
            None => return Poll::Pending,
        };
        Poll::Ready(self.end_unopened(end))
    }

    /// Ends before there is a log: a new run has begun all the same.
    fn end_unopened(&mut self, end: End) -> Option<Event> {
        match std::mem::replace(&mut self.phase, Phase::Ending(end)) {
            Phase::Opening(_, started) => started.map(|started| self.stamp(started.into())),
            _ => None,
        }
    }

    fn log_of(&self, writer: impl FnOnce(Arc<dyn Store>, RunId) -> LogWriter) -> Option<LogWriter> {
        let store = self.shared.store.clone()?;
        Some(writer(store, self.shared.id.clone()))
    }

    /// The log is made ready before anything else.
    pub(super) fn open(&mut self, opening: BoxFuture<'static, Result<Opened>>, is_new: bool) {
        if let Phase::New(started) = &self.phase {
            let started = is_new.then(|| started.clone());
            self.phase = Phase::Opening(opening, started);
        }
    }

    /// Goes on with the work until it ends, or the slot is filled.
    fn poll_work(&mut self, task: &mut Task<'_>) -> Poll<Option<End>> {
        // First of all: work that is always ready would never let it pass.
        if self.wall_clock.has_passed() && self.driver.stopped().is_none() {
            return Poll::Ready(Some(self.cut(self.wall_clock.error())));
        }
        let slot = &self.shared.slot;
        // While the work is polled from here, filling the slot needn't wake anybody.
        slot.stay_awake();
        let done = self.driver.poll();
        if let Some(error) = self.shared.unusable.get() {
            let error = error.clone();
            return Poll::Ready(Some(self.not_resumed(error)));
        }
        if slot.has_overflowed() {
            return Poll::Ready(Some(self.cut(self.overflow())));
        }
        if let Poll::Ready(result) = done {
            return Poll::Ready(Some(End::Done(result)));
        }
        if slot.is_filled() {
            return Poll::Ready(None);
        }
        slot.sleep(task);
        // From here on the work, another thread's event or a stop wakes us; what came before is
        // seen now.
        if slot.is_filled() {
            return Poll::Ready(None);
        }
        if let Some(by) = self.driver.stopped() {
            return Poll::Ready(Some(End::Cancelled(by)));
        }
        if slot.has_overflowed() {
            return Poll::Ready(Some(self.cut(self.overflow())));
        }
        if self.driver.is_woken() {
            // Not polled again at once: it may have been woken to let others have their turn.
            task.waker().wake_by_ref();
        }
        match self.wall_clock.poll(task) {
            Poll::Ready(()) => Poll::Ready(Some(self.cut(self.wall_clock.error()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn overflow(&self) -> Error {
        let limit = self.max_output_bytes.unwrap_or_default();
        Error::new(
            ErrorKind::Limit,
            format!("the run's output is longer than {limit} bytes; raise its `max_output_bytes`"),
        )
    }

    fn is_logging(&self) -> bool {
        self.log.as_ref().is_some_and(LogWriter::is_busy)
    }

    /// Waits for the store; a run that is to end waits only so long.
    fn poll_log(&mut self, task: &mut Task<'_>) -> Poll<Result<Event>> {
        let Some(log) = &mut self.log else {
            return Poll::Pending;
        };
        if let Poll::Ready(written) = log.poll(task) {
            return Poll::Ready(written);
        }
        // From here on a stop wakes us.
        self.shared.slot.sleep(task);
        let is_late = self.wall_clock.poll(task).is_ready() || self.wall_clock.has_passed();
        let is_running = matches!(self.phase, Phase::Running);
        let is_to_end = is_late || !is_running || self.driver.stopped().is_some();
        if is_to_end && self.patience.poll(task).is_ready() {
            return Poll::Ready(log.give_up());
        }
        if is_late && is_running {
            self.phase = Phase::Ending(self.cut(self.wall_clock.error()));
        }
        Poll::Pending
    }

    /// Hands over what the store has taken.
    fn logged(&mut self, event: Event) -> Event {
        if matches!(event.kind, EventKind::RunStarted(_)) {
            // The work hasn't begun: nothing is numbered yet but this.
            self.shared.slot.set_epoch(event.epoch);
        }
        self.hand_over(event)
    }

    /// Drops the work and ends with an error.
    fn cut(&self, error: Error) -> End {
        self.driver.abandon();
        End::Done(Err(error))
    }

    /// Nothing is shown that the log didn't take, but for the failure itself, which says so.
    fn log_failed(&mut self, error: Error) {
        self.log = None;
        self.pending.clear();
        self.shared.slot.close();
        drop(self.shared.slot.take());
        self.end = None;
        self.phase = Phase::Ending(self.cut(error.with_code(NOT_LOGGED)));
    }

    /// Whether nothing comes any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_ended() && !self.is_logging()
    }

    fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Fails the run, because its reader can't go on; one that has failed or was stopped stays so.
    pub(super) fn fail(&mut self, error: Error) {
        let goes_on = matches!(
            self.phase,
            Phase::Opening(..) | Phase::New(_) | Phase::Running | Phase::Ending(End::Done(Ok(_)))
        );
        if goes_on {
            self.shared.slot.close();
            drop(self.shared.slot.take());
            self.phase = Phase::Ending(self.cut(error));
        }
    }

    fn stamp(&self, kind: EventKind) -> Event {
        self.shared.slot.stamp(StepPath::run(), kind)
    }

    fn hand_over(&mut self, event: Event) -> Event {
        let notices = self.observers.tell(&event, &self.shared);
        self.shared.asides.note(&event);
        // Nothing comes after the end, not even a notice.
        if !self.is_ended() {
            self.pending.extend(notices);
        }
        event
    }
}

impl Drop for Engine {
    /// Drop is cancel: the work goes now, even if somebody holds a `StopHandle`.
    fn drop(&mut self) {
        self.driver.abandon();
        self.shared.slot.close();
        drop(lock(&self.shared.session).take());
        self.end_span();
    }
}

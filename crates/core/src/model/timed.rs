use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context as Task, Poll, Wake, Waker, ready},
    time::Duration,
};

use futures::{Stream, StreamExt, task::AtomicWaker};
use tokio::time::{Instant, Sleep};

use super::{ModelEvent, ModelStream};
use crate::{Error, ErrorKind, Notice, Result, sync::lock};

/// How long a model may keep its reader waiting.
///
/// Only waiting on the model counts, never a reader that comes back late; and data that is there
/// beats a limit that has passed. Comments and keepalives of the wire are no data,
/// and notices neither. While a layer holds the request back ([`ModelEvent::Waiting`],
/// [`ModelEvent::NextAttempt`]) only the limit in total counts; the next piece is a first one then.
///
/// The default: 5 minutes for the first event, 2 minutes between events, no limit in total.
///
/// ```
/// use std::time::Duration;
/// use mainstem_core::TimeLimits;
///
/// let limits = TimeLimits::default().first_event(Duration::from_secs(20));
/// assert_eq!(limits.between_events, Some(Duration::from_secs(120)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeLimits {
    /// From the request to the first piece of the answer.
    pub first_event: Option<Duration>,
    /// From one piece to the next.
    pub between_events: Option<Duration>,
    /// All waiting for one answer.
    pub total: Option<Duration>,
}

impl TimeLimits {
    /// No limits.
    pub const NONE: Self = Self {
        first_event: None,
        between_events: None,
        total: None,
    };

    /// Limits the wait for the first piece.
    #[must_use]
    pub fn first_event(mut self, limit: Duration) -> Self {
        self.first_event = Some(limit);
        self
    }

    /// Limits the wait between pieces.
    #[must_use]
    pub fn between_events(mut self, limit: Duration) -> Self {
        self.between_events = Some(limit);
        self
    }

    /// Limits all waiting for one answer.
    #[must_use]
    pub fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self::NONE
            .first_event(Duration::from_secs(300))
            .between_events(Duration::from_secs(120))
    }
}

/// How long data may take from the socket to the stream.
///
/// A reader that comes back after a limit has passed finds nothing ready, though the data lies in
/// the socket: HTTP clients read on when they are asked to. It gets this time to show up.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// Which of the limits.
#[derive(Clone, Copy)]
enum Limit {
    FirstEvent,
    BetweenEvents,
    Total,
}

/// How long usage may come after [`ModelEvent::Finished`].
const GRACE: Duration = Duration::from_secs(5);

/// A model's answer under [`TimeLimits`].
///
/// It ends after [`ModelEvent::Finished`], whatever the model does then: usage that follows is
/// waited for, for 5 seconds at most and only if none came before; an error that follows becomes a
/// notice with the code `late_error`.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct TimedStream {
    inner: ModelStream,
    limits: TimeLimits,
    /// When the present wait began.
    since: Option<Instant>,
    /// The waits that are over: all of them, and those for the next piece.
    waited: Duration,
    waited_for_piece: Duration,
    /// Whether a piece has come.
    begun: bool,
    /// Whether the model isn't asked yet: then only all waiting is counted.
    is_held: bool,
    /// Armed at some limit's end, perhaps an earlier one's: moved on only when it fires.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whom the alarm wakes.
    alarm_waker: Option<Waker>,
    /// Until when a passed limit is held back.
    last_look: Option<Instant>,
    clock: Option<Arc<WakeClock>>,
    has_usage: bool,
    /// Whether the answer ended in a failure, whose cause may follow.
    gave_up: bool,
    /// Set by `Finished`: how long to wait for the usage, once somebody waits.
    grace: Option<Option<Pin<Box<Sleep>>>>,
    ended: bool,
}

impl TimedStream {
    /// Puts an answer under limits.
    pub fn new(inner: ModelStream, limits: TimeLimits) -> Self {
        Self {
            inner,
            limits,
            since: None,
            waited: Duration::ZERO,
            waited_for_piece: Duration::ZERO,
            begun: false,
            is_held: false,
            alarm: None,
            alarm_waker: None,
            last_look: None,
            clock: limits.total.map(|_| Arc::default()),
            has_usage: false,
            gave_up: false,
            grace: None,
            ended: false,
        }
    }

    /// Polls the answer; with an item comes the moment at which it woke its reader, if that is
    /// noted.
    fn poll_inner(
        &mut self,
        task: &mut Task<'_>,
    ) -> Poll<(Option<Result<ModelEvent>>, Option<Instant>)> {
        let Some(clock) = &self.clock else {
            return self.inner.poll_next_unpin(task).map(|item| (item, None));
        };
        clock.task.register(task.waker());
        let woken = lock(&clock.woken).take();
        let waker = Waker::from(Arc::clone(clock));
        self.inner
            .poll_next_unpin(&mut Task::from_waker(&waker))
            .map(|item| (item, woken))
    }

    /// Ends the present wait, at the moment at which something came.
    ///
    /// What isn't data leaves the reader waiting for the same piece.
    fn arrived(&mut self, is_data: bool, woken: Option<Instant>) {
        // The wait for a piece is needed by nobody once it is there: then the clock isn't asked.
        let counts = self.clock.is_some() || !is_data;
        if let Some(since) = self.since.take().filter(|_| counts) {
            let end = woken.unwrap_or_else(Instant::now);
            let wait = end.saturating_duration_since(since);
            self.waited += wait;
            if !self.is_held {
                self.waited_for_piece += wait;
            }
        }
        if is_data {
            self.waited_for_piece = Duration::ZERO;
            self.begun = true;
            self.last_look = None;
        }
    }

    /// Takes note of whose turn it is: the model's, or that of a layer around it.
    fn follow(&mut self, event: &ModelEvent) {
        match event {
            ModelEvent::NextAttempt(_) => self.begun = false,
            ModelEvent::Waiting(_) => {}
            ModelEvent::Notice(_) | ModelEvent::Usage(_) => return,
            _ => {
                self.is_held = false;
                return;
            }
        }
        self.is_held = true;
        self.waited_for_piece = Duration::ZERO;
        self.last_look = None;
    }

    /// The first limit that will pass, and when.
    fn deadline(&self, since: Instant) -> Option<(Instant, Limit)> {
        let passes =
            |limit: Option<Duration>, waited| since.checked_add(limit?.saturating_sub(waited));
        let (limit, which) = match self.begun {
            false => (self.limits.first_event, Limit::FirstEvent),
            true => (self.limits.between_events, Limit::BetweenEvents),
        };
        let limit = limit.filter(|_| !self.is_held);
        let piece = passes(limit, self.waited_for_piece).map(|at| (at, which));
        let total = passes(self.limits.total, self.waited).map(|at| (at, Limit::Total));
        match (piece, total) {
            (Some(piece), Some(total)) if total.0 < piece.0 => Some(total),
            (piece, total) => piece.or(total),
        }
    }

    fn timed_out(&self, limit: Limit) -> Error {
        let of = &self.limits;
        let (what, name, limit) = match limit {
            Limit::FirstEvent => ("the first piece", "first_event", of.first_event),
            Limit::BetweenEvents => ("the next piece", "between_events", of.between_events),
            Limit::Total => ("the whole answer", "total", of.total),
        };
        let limit = limit.unwrap_or_default();
        Error::new(
            ErrorKind::Timeout,
            format!(
                "the model kept waiting for {what} for {limit:?}; raise `{name}` of the `time_limits`"
            ),
        )
    }

    fn poll_alarm(&mut self, task: &mut Task<'_>) -> Poll<Error> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let Some((at, limit)) = self.deadline(since) else {
            return Poll::Pending;
        };
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        let due = self.last_look.map_or(at, |look| look.max(at));
        if alarm.deadline() > due {
            self.alarm_waker = None;
            alarm.as_mut().reset(due);
        }
        // It is polled to tell it whom to wake; once it knows, only when it has fired.
        let knows = |waker: &Waker| waker.will_wake(task.waker());
        if !alarm.is_elapsed() && self.alarm_waker.as_ref().is_some_and(knows) {
            return Poll::Pending;
        }
        self.alarm_waker = Some(task.waker().clone());
        while alarm.as_mut().poll(task).is_ready() {
            let now = Instant::now();
            if now < at {
                alarm.as_mut().reset(at);
                continue;
            }
            let look = *self.last_look.get_or_insert(now + LAST_LOOK);
            if now >= look {
                return Poll::Ready(self.timed_out(limit));
            }
            alarm.as_mut().reset(look);
        }
        Poll::Pending
    }
}

impl TimedStream {
    /// What comes after the answer: its usage, a notice, or nothing.
    fn poll_late(&mut self, task: &mut Task<'_>) -> Poll<Option<Result<ModelEvent>>> {
        let item = match self.inner.poll_next_unpin(task) {
            Poll::Ready(item) => item,
            Poll::Pending if self.has_usage => None,
            Poll::Pending => {
                let grace = self.grace.get_or_insert_default();
                let sleep = grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(GRACE)));
                ready!(sleep.as_mut().poll(task));
                None
            }
        };
        self.end();
        Poll::Ready(match item {
            Some(Ok(event @ (ModelEvent::Usage(_) | ModelEvent::Notice(_)))) => Some(Ok(event)),
            Some(Err(error)) if self.gave_up => Some(Err(error)),
            Some(Err(_)) => Some(Ok(ModelEvent::Notice(Notice::new(
                "late_error",
                "the model failed after its answer was complete; the answer stands",
            )))),
            _ => None,
        })
    }

    /// Ends the stream, and closes the socket now, not when the stream is dropped.
    fn end(&mut self) {
        self.ended = true;
        self.inner = ModelStream::from_events([]);
    }
}

impl Stream for TimedStream {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.grace.is_some() {
            return self.poll_late(task);
        }
        if let Poll::Ready((item, woken)) = self.poll_inner(task) {
            let is_data = matches!(&item, Some(Ok(event)) if event.is_data());
            self.arrived(is_data, woken);
            if let Some(Ok(event)) = &item {
                self.follow(event);
            }
            match &item {
                Some(Ok(ModelEvent::Usage(_))) => self.has_usage = true,
                Some(Ok(ModelEvent::NextAttempt(_))) => self.has_usage = false,
                Some(Ok(ModelEvent::Finished(reason))) => {
                    self.gave_up = reason.is_failure();
                    self.grace = Some(None);
                }
                _ => {}
            }
            return Poll::Ready(item);
        }
        match self.poll_alarm(task) {
            Poll::Ready(error) => {
                self.end();
                Poll::Ready(Some(Err(error)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Notes when data came, so that a reader that comes back late isn't counted.
#[derive(Debug, Default)]
struct WakeClock {
    task: AtomicWaker,
    woken: Mutex<Option<Instant>>,
}

impl Wake for WakeClock {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        lock(&self.woken).get_or_insert_with(Instant::now);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures::{channel::mpsc, stream};

    use super::*;
    use crate::{FinishReason, NextAttempt, Usage};

    const SECOND: Duration = Duration::from_secs(1);

    fn paced(waits: &[u64]) -> ModelStream {
        let waits = waits.to_vec();
        ModelStream::new(stream::iter(waits).then(|seconds| async move {
            tokio::time::sleep(SECOND * u32::try_from(seconds).unwrap()).await;
            Ok(ModelEvent::Text("x".into()))
        }))
    }

    async fn count(mut stream: TimedStream) -> (usize, Option<String>) {
        let mut count = 0;
        while let Some(item) = stream.next().await {
            match item {
                Ok(_) => count += 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Timeout);
                    assert!(stream.next().await.is_none());
                    return (count, Some(error.to_string()));
                }
            }
        }
        (count, None)
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_ends_its_own_wait() {
        let first = TimeLimits::NONE.first_event(SECOND * 2);
        assert_eq!(
            count(TimedStream::new(paced(&[1, 9, 9]), first)).await,
            (3, None)
        );
        let (got, error) = count(TimedStream::new(paced(&[3, 1]), first)).await;
        assert_eq!(got, 0);
        assert!(error.unwrap().contains("the first piece for 2s"));

        let between = TimeLimits::NONE.between_events(SECOND * 2);
        assert_eq!(
            count(TimedStream::new(paced(&[9, 1, 1, 1, 1]), between)).await,
            (5, None)
        );
        assert_eq!(
            count(TimedStream::new(paced(&[9, 1, 3]), between)).await.0,
            2
        );

        let total = TimeLimits::NONE.total(SECOND * 5);
        assert_eq!(
            count(TimedStream::new(paced(&[2, 2]), total)).await,
            (2, None)
        );
        assert_eq!(count(TimedStream::new(paced(&[2, 2, 2]), total)).await.0, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn data_that_a_late_reader_has_to_fetch_first_beats_a_passed_limit() {
        let (mut sender, receiver) = mpsc::channel(1);
        let limits = TimeLimits::NONE.first_event(SECOND);
        let mut stream = TimedStream::new(ModelStream::new(receiver), limits);
        assert!(futures::poll!(stream.next()).is_pending());
        // The reader comes back too late; only its coming back brings the data.
        tokio::time::sleep(SECOND * 9).await;
        assert!(futures::poll!(stream.next()).is_pending());
        sender.try_send(Ok(ModelEvent::Text("x".into()))).unwrap();
        assert!(stream.next().await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_limit_is_none() {
        let limits = TimeLimits::NONE.first_event(Duration::MAX);
        assert_eq!(
            count(TimedStream::new(paced(&[9]), limits)).await,
            (1, None)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn headers_and_notices_are_no_first_piece() {
        let started = stream::iter([Ok(ModelEvent::Started { request_id: None })]);
        let answer = ModelStream::new(started.chain(paced(&[3])));
        let limits = TimeLimits::NONE.first_event(SECOND * 2);
        assert_eq!(count(TimedStream::new(answer, limits)).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn notices_are_no_next_piece_however_many_come() {
        let piece = stream::iter([Ok(ModelEvent::Text("x".into()))]);
        for apart in [SECOND, LAST_LOOK / 4] {
            let notices = stream::repeat(()).then(move |()| async move {
                tokio::time::sleep(apart).await;
                Ok(ModelEvent::Notice(Notice::new("busy", "still at it")))
            });
            let answer = ModelStream::new(piece.clone().chain(notices));
            let limits = TimeLimits::NONE.between_events(SECOND * 3 / 2);
            let start = Instant::now();
            let (_, error) = count(TimedStream::new(answer, limits)).await;
            assert!(error.unwrap().contains("the next piece for 1.5s"));
            assert!(start.elapsed() <= SECOND * 3 / 2 + LAST_LOOK * 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_passes_no_limit() {
        let (mut sender, receiver) = mpsc::channel(1);
        let limits = TimeLimits::NONE
            .first_event(SECOND)
            .between_events(SECOND)
            .total(SECOND * 2);
        let mut stream = TimedStream::new(ModelStream::new(receiver), limits);
        for _ in 0..10 {
            // The reader waits, the data comes after half a limit's time …
            assert!(futures::poll!(stream.next()).is_pending());
            tokio::time::sleep(SECOND / 10).await;
            sender.try_send(Ok(ModelEvent::Text("x".into()))).unwrap();
            // … and the reader comes back when every limit would have passed long ago.
            tokio::time::sleep(SECOND * 60).await;
            stream.next().await.unwrap().unwrap();
        }
        sender
            .try_send(Ok(ModelEvent::Finished(FinishReason::Stop)))
            .unwrap();
        assert!(stream.next().await.unwrap().is_ok());
    }

    fn finished() -> Vec<Result<ModelEvent>> {
        vec![
            Ok(ModelEvent::Text("x".into())),
            Ok(ModelEvent::Finished(FinishReason::Stop)),
        ]
    }

    /// What is read of an answer, and how long it takes.
    async fn read(answer: ModelStream) -> (Vec<ModelEvent>, Duration) {
        let begin = Instant::now();
        let stream = TimedStream::new(answer, TimeLimits::default());
        let events: Vec<_> = stream.map(Result::unwrap).collect().await;
        (events, begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_after_the_end_is_a_notice() {
        let late = [Err(Error::new(ErrorKind::Model, "sesame"))];
        let answer = stream::iter(finished().into_iter().chain(late));
        let (events, _) = read(ModelStream::new(answer)).await;
        let Some(ModelEvent::Notice(notice)) = events.last() else {
            panic!("{events:?}");
        };
        assert_eq!(notice.code, "late_error");
        assert!(!notice.message.contains("sesame"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_cause_of_a_failed_end_is_kept() {
        let answer = stream::iter([
            Ok(ModelEvent::Finished("error".into())),
            Err(Error::new(ErrorKind::Model, "overloaded")),
        ]);
        let mut stream = TimedStream::new(ModelStream::new(answer), TimeLimits::default());
        assert!(stream.next().await.unwrap().is_ok());
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.message(), "overloaded");
    }

    #[tokio::test(start_paused = true)]
    async fn usage_after_the_end_is_waited_for_a_while() {
        for (after, arrives) in [(1, true), (4, true), (6, false)] {
            let usage = stream::once(async move {
                tokio::time::sleep(SECOND * after).await;
                Ok(ModelEvent::Usage(Usage::new(3, 2)))
            });
            let answer = stream::iter(finished())
                .chain(usage)
                .chain(stream::pending());
            let (events, took) = read(ModelStream::new(answer)).await;
            let last = events.last().unwrap();
            assert_eq!(matches!(last, ModelEvent::Usage(_)), arrives, "{after}");
            assert_eq!(took, SECOND * after.min(5));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_stays_open_is_left_at_once_if_the_usage_is_known() {
        let usage = [Ok(ModelEvent::Usage(Usage::new(3, 2)))];
        let answer = stream::iter(usage.into_iter().chain(finished()));
        let (events, took) = read(ModelStream::new(answer.chain(stream::pending()))).await;
        assert_eq!((events.len(), took), (3, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_held_back_passes_only_the_limit_in_total() {
        let cut = Error::new(ErrorKind::Truncated, "cut");
        let holds = [
            ModelEvent::Waiting(Notice::new("busy", "three before you")),
            NextAttempt::new(&cut, Usage::default()).into(),
        ];
        for hold in holds {
            let answer = |last: u64| {
                let events = [
                    (1, ModelEvent::Text("x".into())),
                    (1, hold.clone()),
                    (99, ModelEvent::Sending),
                    (last, ModelEvent::Text("x".into())),
                ];
                ModelStream::new(stream::iter(events).then(|(seconds, event)| async move {
                    tokio::time::sleep(SECOND * u32::try_from(seconds).unwrap()).await;
                    Ok(event)
                }))
            };
            let limits = TimeLimits::NONE
                .first_event(SECOND * 3)
                .between_events(SECOND * 3);
            let (got, error) = count(TimedStream::new(answer(2), limits)).await;
            assert_eq!((got, error), (4, None));
            let (got, error) = count(TimedStream::new(answer(4), limits)).await;
            let error = error.unwrap();
            assert_eq!(got, 3);
            let is_first = matches!(hold, ModelEvent::NextAttempt(_));
            assert_eq!(error.contains("the first piece"), is_first, "{error}");
            let total = TimeLimits::NONE.total(SECOND * 50);
            assert_eq!(count(TimedStream::new(answer(1), total)).await.0, 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn usage_is_no_first_piece() {
        let usage = stream::iter([Ok(ModelEvent::Usage(Usage::new(3, 0)))]);
        let limits = TimeLimits::NONE.first_event(SECOND * 2);
        let answer = ModelStream::new(usage.chain(paced(&[3])));
        assert_eq!(count(TimedStream::new(answer, limits)).await.0, 1);
    }
}

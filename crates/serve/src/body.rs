//! The body of a response: the events of a run, folded by a wire.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use http_body::{Body, Frame};
use mainstem_core::{Error, ErrorInfo, ErrorKind, Event, EventKind, Place, Result};
use tokio::time::{Instant, Sleep};

use crate::{
    compress::{Encoder, Encoding},
    wire::{Ended, Outcome, Wire},
};

/// How much memory for what is folded is asked for at once: each connection has so much.
const BUFFER: usize = 1024;
/// How many events without any looks are read before others have their turn.
const EVENTS_AT_ONCE: usize = 128;
/// How often it is looked whether what was handed out is on its way, before the connection is cut.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long a connection stays open for what was handed out, before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// When what was folded is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flush {
    /// As soon as it is that long,
    pub(crate) bytes: usize,
    /// or that long after its first byte; at once, if it is zero and nothing more is there.
    pub(crate) delay: Duration,
}

impl Default for Flush {
    fn default() -> Self {
        Self {
            bytes: 8 * 1024,
            delay: Duration::ZERO,
        }
    }
}

/// A body that folds events.
///
/// It reads an event only when the connection asks for more. It ends properly only after an end of the
/// run; in all other cases with an error, by which the connection is cut. Dropping it drops the events,
/// and with them the run.
pub(crate) struct WireBody<S> {
    events: Option<S>,
    wire: Box<dyn Wire>,
    begun: bool,
    /// The last event that the reader has: what comes up to it is folded silently.
    after: Option<Place>,
    /// How the run ended, as long as nothing follows.
    ended: Option<Ending>,
    out: BytesMut,
    /// The first bytes of all, also of what the reader has, and how many of them are of interest.
    head: (BytesMut, usize),
    flush: Flush,
    /// When the first byte that waits has to go.
    due: Option<Instant>,
    heartbeat: Option<Duration>,
    /// When something was last sent.
    last_sent: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
    /// What was handed out last, kept to see when it is on its way.
    handed_out: Bytes,
    encoder: Option<Encoder>,
    state: State,
}

/// An end of the run, and the error of a connection that is cut for it.
struct Ending {
    ended: Ended,
    why: Error,
}

enum State {
    Open,
    /// What is left goes out, and then the body ends.
    Closing,
    /// What is left goes out, and then the connection is cut.
    Cutting(Error),
    /// The connection is cut as soon as what was handed out is on its way, or at a time.
    LastWords(Error, Option<Instant>),
    Over,
}

impl<S> WireBody<S>
where
    S: Stream<Item = Result<Event>> + Unpin,
{
    pub(crate) fn new(events: S, wire: Box<dyn Wire>) -> Self {
        Self {
            events: Some(events),
            wire,
            begun: false,
            after: None,
            ended: None,
            out: BytesMut::new(),
            head: (BytesMut::new(), 0),
            flush: Flush::default(),
            due: None,
            heartbeat: None,
            last_sent: Instant::now(),
            alarm: None,
            handed_out: Bytes::new(),
            encoder: None,
            state: State::Open,
        }
    }

    pub(crate) fn after(mut self, place: Option<Place>) -> Self {
        self.after = place;
        self
    }

    pub(crate) fn flush(mut self, flush: Flush) -> Self {
        self.flush = flush;
        self
    }

    pub(crate) fn heartbeat(mut self, interval: Option<Duration>) -> Self {
        self.heartbeat = interval.filter(|_| self.wire.heartbeat().is_some());
        self
    }

    pub(crate) fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoder = Encoder::new(encoding);
        self
    }

    /// Waits for that many bytes, or the end; none of them is sent meanwhile.
    pub(crate) async fn head(&mut self, length: usize) -> Bytes {
        self.head.1 = length;
        poll_fn(|task| self.poll_events(task, |body| body.head.0.len() >= length)).await;
        std::mem::take(&mut self.head).0.freeze()
    }

    /// Folds what is there, until it is enough, or there is nothing more.
    fn poll_events(&mut self, task: &mut Task<'_>, is_enough: impl Fn(&Self) -> bool) -> Poll<()> {
        for _ in 0..EVENTS_AT_ONCE {
            if is_enough(self) {
                return Poll::Ready(());
            }
            let Some(events) = &mut self.events else {
                return Poll::Ready(());
            };
            match ready!(Pin::new(events).poll_next(task)) {
                Some(Ok(event)) => self.fold(&event),
                Some(Err(error)) => self.broken(error),
                None => self.close(),
            }
            if !matches!(self.state, State::Open) {
                // The run goes now, whatever the connection still has to do.
                self.events = None;
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }

    fn fold(&mut self, event: &Event) {
        self.ended = Ended::of(event).map(|ended| Ending {
            ended,
            why: end_of(&event.kind),
        });
        let has_it = self.after.is_some_and(|after| event.place() <= after);
        if !has_it {
            self.begin();
        }
        let before = self.out.len();
        let folded = self.wire.fold(event, &mut self.out);
        let (head, length) = &mut self.head;
        let missing = length.saturating_sub(head.len());
        head.extend(self.out[before..].iter().take(missing));
        if has_it {
            // A wire that couldn't go on then has gone on for this reader.
            self.out.clear();
        } else if folded.is_err() {
            let why = self.ended.take().map(|ending| ending.why);
            self.state = State::Cutting(why.unwrap_or_else(void));
        }
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            // Whenever it is full, another one of that size takes its place: not one for each event.
            self.out = BytesMut::with_capacity(BUFFER);
            self.wire.begin(&mut self.out);
        }
    }

    fn broken(&mut self, error: Error) {
        self.begin();
        self.wire.broken(&ErrorInfo::from(&error), &mut self.out);
        self.state = State::Cutting(error);
    }

    fn close(&mut self) {
        let Some(ending) = self.ended.take() else {
            let message = "the run's events stopped without an end";
            return self.broken(Error::new(ErrorKind::Truncated, message));
        };
        self.begin();
        self.state = match self.wire.close(&ending.ended, &mut self.out) {
            Ok(()) => State::Closing,
            Err(_cut) => State::Cutting(ending.why),
        };
    }

    /// Hands out what has been folded; the last of it with what stands at the end of what is compressed.
    fn hand_out(&mut self) -> Bytes {
        self.due = None;
        self.last_sent = Instant::now();
        let plain = self.out.split();
        self.handed_out = match &mut self.encoder {
            None => plain.freeze(),
            Some(encoder) => encoder.push(&plain),
        };
        if matches!(self.state, State::Closing)
            && let Some(encoder) = self.encoder.take()
        {
            let last = [&*self.handed_out, &*encoder.finish()].concat();
            self.handed_out = last.into();
        }
        self.handed_out.clone()
    }

    /// Waits until what has been folded is to be sent, or until something has to be said.
    fn poll_pause(&mut self, task: &mut Task<'_>) -> Poll<()> {
        let at = if self.out.is_empty() {
            match self.heartbeat {
                Some(interval) => self.last_sent + interval,
                None => return Poll::Pending,
            }
        } else {
            if self.flush.delay.is_zero() {
                return Poll::Ready(());
            }
            let delay = self.flush.delay;
            *self.due.get_or_insert_with(|| Instant::now() + delay)
        };
        ready!(self.poll_alarm(at, task));
        if self.out.is_empty()
            && let Some(heartbeat) = self.wire.heartbeat()
        {
            self.out.extend_from_slice(heartbeat);
        }
        Poll::Ready(())
    }

    fn poll_alarm(&mut self, at: Instant, task: &mut Task<'_>) -> Poll<()> {
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if alarm.deadline() != at {
            alarm.as_mut().reset(at);
        }
        alarm.as_mut().poll(task)
    }

    /// Waits until the connection has sent what it was handed: it throws away what it holds when it is
    /// cut.
    fn poll_last_words(&mut self, until: Option<Instant>, task: &mut Task<'_>) -> Poll<()> {
        // They hold memory that what was handed out is a part of.
        self.out = BytesMut::new();
        self.encoder = None;
        match until {
            // It sends only while nothing more is ready.
            Some(_) if self.handed_out.is_empty() || self.handed_out.is_unique() => {
                return Poll::Ready(());
            }
            Some(until) if Instant::now() >= until => return Poll::Ready(()),
            _ => {}
        }
        // On a slow machine the moment may have passed already: then there is another one.
        while self
            .poll_alarm(Instant::now() + LOOK_AGAIN, task)
            .is_ready()
        {}
        Poll::Pending
    }
}

/// The error of a connection that is cut because of a retraction.
fn void() -> Error {
    Error::new(
        ErrorKind::Retracted,
        "what this response has sent is void, and its format has no word for that",
    )
}

/// The error of a connection that is cut because of an end.
fn end_of(kind: &EventKind) -> Error {
    match kind {
        EventKind::RunFailed(failed) => Error::from((*failed.error).clone()),
        EventKind::RunSuspended(_) => Error::new(
            ErrorKind::Suspended,
            "the run waits for answers, and the response's format has no word for that",
        ),
        _ => Error::new(ErrorKind::Cancelled, "the run was stopped"),
    }
}

impl<S> Body for WireBody<S>
where
    S: Stream<Item = Result<Event>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.state, State::Over) {
                State::Open => {
                    this.state = State::Open;
                    let is_full = |body: &Self| body.out.len() >= body.flush.bytes;
                    if this.poll_events(task, is_full).is_pending() {
                        ready!(this.poll_pause(task));
                    }
                    if matches!(this.state, State::Open) {
                        return Poll::Ready(Some(Ok(Frame::data(this.hand_out()))));
                    }
                }
                State::Closing if this.out.is_empty() && this.encoder.is_none() => {
                    return Poll::Ready(None);
                }
                State::Cutting(why) if this.out.is_empty() => {
                    this.state = State::LastWords(why, None);
                }
                state @ (State::Closing | State::Cutting(_)) => {
                    this.state = state;
                    return Poll::Ready(Some(Ok(Frame::data(this.hand_out()))));
                }
                State::LastWords(why, until) => {
                    if this.poll_last_words(until, task).is_ready() {
                        return Poll::Ready(Some(Err(why)));
                    }
                    let until = until.unwrap_or_else(|| Instant::now() + LAST_WORDS);
                    this.state = State::LastWords(why, Some(until));
                    return Poll::Pending;
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Over)
            || (matches!(self.state, State::Closing)
                && self.out.is_empty()
                && self.encoder.is_none())
    }
}

impl<S> fmt::Debug for WireBody<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.ended.as_ref().map(|ending| ending.ended.outcome);
        f.debug_struct("WireBody")
            .field("ended", &ended.map(Outcome::as_str))
            .finish_non_exhaustive()
    }
}

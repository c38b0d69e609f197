//! A WebSocket that is read and written at once, with heartbeats and limits.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, Sleep};

use super::faults;
use crate::{guard::Limits, wire::ws::CloseCode};

/// How many heartbeats may go unanswered before a client is taken for gone.
const SILENT_HEARTBEATS: u32 = 3;
/// How long a client has to close its side.
const CLOSING: Duration = Duration::from_secs(2);

/// A client's socket.
///
/// What is sent waits in a queue; it leaves while [`next`](Self::next) is awaited, also while nothing comes
/// in.
pub(super) struct Socket {
    socket: WebSocket,
    out: VecDeque<Message>,
    /// Whether something was given to the socket that it may not have sent.
    is_dirty: bool,
    /// When the client last took something, or had nothing to take.
    took: Instant,
    /// When a heartbeat was last sent, and how many have been since the client was last heard.
    pinged: Instant,
    unanswered: u32,
    heartbeat: Duration,
    stall: Duration,
    alarm: Pin<Box<Sleep>>,
}

/// What happens on a socket.
#[derive(Debug)]
pub(super) enum Said {
    Text(Utf8Bytes),
    Binary,
    /// All that was sent has left.
    Clear,
    /// The client has left, or takes nothing any more.
    Gone,
    /// The client broke the protocol; the socket is to be closed.
    Fault(CloseCode, &'static str),
}

impl Socket {
    pub(super) fn new(socket: WebSocket, heartbeat: Duration, limits: &Limits) -> Self {
        let now = Instant::now();
        Self {
            socket,
            out: VecDeque::new(),
            is_dirty: false,
            took: now,
            pinged: now,
            unanswered: 0,
            heartbeat,
            stall: limits.stall,
            alarm: Box::pin(tokio::time::sleep_until(now)),
        }
    }

    /// Puts a message into the queue.
    pub(super) fn send(&mut self, message: Message) {
        if self.is_clear() {
            self.took = Instant::now();
        }
        self.out.push_back(message);
    }

    /// Whether all that was sent has left.
    pub(super) fn is_clear(&self) -> bool {
        self.out.is_empty() && !self.is_dirty
    }

    /// Sends what waits, and gives what happens. Dropping it loses nothing.
    pub(super) async fn next(&mut self) -> Said {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        loop {
            let was_clear = self.is_clear();
            match self.poll_write(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(Said::Gone),
                Poll::Ready(Ok(())) if !was_clear => return Poll::Ready(Said::Clear),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if let Poll::Ready(said) = self.poll_read(cx) {
                return Poll::Ready(said);
            }
            if ready!(self.poll_alarm(cx)) {
                return Poll::Ready(Said::Gone);
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        let mut socket = Pin::new(&mut self.socket);
        while !self.out.is_empty() {
            ready!(socket.as_mut().poll_ready(cx))?;
            if let Some(message) = self.out.pop_front() {
                socket.as_mut().start_send(message)?;
                self.is_dirty = true;
                self.took = Instant::now();
            }
        }
        if self.is_dirty {
            ready!(socket.poll_flush(cx))?;
            self.is_dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Said> {
        loop {
            let said = ready!(Pin::new(&mut self.socket).poll_next(cx));
            self.unanswered = 0;
            return Poll::Ready(match said {
                Some(Ok(Message::Text(text))) => Said::Text(text),
                Some(Ok(Message::Binary(_))) => Said::Binary,
                // Pings are answered by the socket itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_))) | None => Said::Gone,
                Some(Err(error)) => match faults::of_frames(error) {
                    Some((code, why)) => Said::Fault(code, why),
                    None => Said::Gone,
                },
            });
        }
    }

    /// Waits until it is time for something: a heartbeat, which is sent, or to take the client for gone.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let is_clear = self.is_clear();
        let at = match is_clear {
            true => self.pinged + self.heartbeat,
            false => self.took + self.stall,
        };
        if self.alarm.deadline() != at {
            self.alarm.as_mut().reset(at);
        }
        ready!(self.alarm.as_mut().poll(cx));
        // Heartbeats are counted, and not time: this program may have stood still itself.
        if !is_clear || self.unanswered >= SILENT_HEARTBEATS {
            return Poll::Ready(true);
        }
        self.unanswered += 1;
        self.pinged = Instant::now();
        self.send(Message::Ping(Bytes::new()));
        Poll::Ready(false)
    }

    /// Closes the socket: what waits is sent before, and the client has a moment to close its side.
    pub(super) async fn close(mut self, code: CloseCode, reason: &str) {
        self.send(faults::close(code, reason));
        let limit = self.stall.min(CLOSING);
        let sent = async {
            while !self.is_clear() {
                if let Said::Gone = self.next().await {
                    break;
                }
            }
            // Cut at once, what was sent might not arrive.
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _late = tokio::time::timeout(limit, sent).await;
    }

    /// Answers the client's close, so that it isn't left waiting.
    pub(super) async fn leave(mut self) {
        let _late = tokio::time::timeout(CLOSING, self.socket.close()).await;
    }
}

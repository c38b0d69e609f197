use std::time::Duration;

use bytes::{BufMut, BytesMut};
use mainstem_core::{ErrorInfo, Event, Place};
use serde::Serialize;

use super::{Cut, Ended, Wire, line};

/// Server-sent events: each event of the run is one, with its kind as `event`, its place as `id`, and its
/// JSON as `data`.
///
/// The last one is `end`, with how the run ended; or `broken`, with an error, and the connection is cut.
/// A client that comes back sends the last `id` that it has read as `Last-Event-ID`.
#[derive(Debug)]
pub struct Sse {
    /// What the first event says, as soon as there is one.
    retry: Option<Duration>,
}

/// How an event of the wire's own begins.
pub(super) const HEARTBEAT: &[u8] = b": ping\n\n";

impl Sse {
    /// How long a client is asked to wait before it comes back.
    pub const RETRY: Duration = Duration::from_secs(1);

    /// The wire of a reader.
    pub fn new() -> Self {
        Self {
            retry: Some(Self::RETRY),
        }
    }

    /// How long a client is asked to wait before it comes back; a second by default.
    #[must_use]
    pub fn retry(self, wait: Duration) -> Self {
        Self { retry: Some(wait) }
    }

    fn head(&mut self, name: &str, id: Option<Place>, out: &mut BytesMut) {
        put_retry(&mut self.retry, out);
        // A kind of a newer version may be called anything.
        let name = match name.contains(['\n', '\r']) {
            true => "unknown",
            false => name,
        };
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_u8(b'\n');
        if let Some(id) = id {
            put_id(id, out);
        }
        out.put_slice(b"data: ");
    }
}

/// Some clients take a `retry` that stands alone for an event without an id: it goes with the first.
pub(super) fn put_retry(retry: &mut Option<Duration>, out: &mut BytesMut) {
    if let Some(retry) = retry.take() {
        out.put_slice(b"retry: ");
        line::show(retry.as_millis(), out);
        out.put_u8(b'\n');
    }
}

pub(super) fn put_id(id: Place, out: &mut BytesMut) {
    out.put_slice(b"id: ");
    line::show(id, out);
    out.put_u8(b'\n');
}

impl Default for Sse {
    fn default() -> Self {
        Self::new()
    }
}

impl Wire for Sse {
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        self.head(event.kind.name(), Some(event.place()), out);
        line::put(event, out)?;
        out.put_slice(b"\n\n");
        Ok(())
    }

    fn close(&mut self, end: &Ended, out: &mut BytesMut) -> Result<(), Cut> {
        self.head("end", Some(end.place), out);
        out.put_slice(br#"{"outcome":""#);
        out.put_slice(end.outcome.as_str().as_bytes());
        out.put_slice(b"\"}\n\n");
        Ok(())
    }

    fn broken(&mut self, why: &ErrorInfo, out: &mut BytesMut) {
        #[derive(Serialize)]
        struct Broken<'a> {
            error: &'a ErrorInfo,
        }
        self.head("broken", None, out);
        if line::put(&Broken { error: why }, out).is_ok() {
            out.put_slice(b"\n\n");
        }
    }

    fn heartbeat(&self) -> Option<&'static [u8]> {
        Some(HEARTBEAT)
    }
}

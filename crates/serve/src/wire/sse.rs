use std::time::Duration;

use bytes::{BufMut, BytesMut};
use mainstem_core::{ErrorInfo, Event, Place};
use serde::Serialize;

use super::{Cut, Ended, Wire, event, line};

/// Server-sent events: each event of the run is one, with its kind as `event`, its place as `id`, and its
/// JSON as `data`.
///
/// The last one is `end`, with how the run ended and an [id of its own](Ended::id); or `broken`, with an
/// error, and the connection is cut. A client that comes back sends the last `id` that it has read as
/// `Last-Event-ID`.
#[derive(Debug)]
pub struct Sse {
    retry: Retry,
}

/// What clients ignore.
pub(super) const HEARTBEAT: &[u8] = b": ping\n\n";

impl Sse {
    /// How long a client is asked to wait before it comes back.
    pub const RETRY: Duration = Duration::from_secs(1);

    /// The wire of a reader.
    pub fn new() -> Self {
        Self {
            retry: Retry::new(Self::RETRY),
        }
    }

    /// How long a client is asked to wait before it comes back; a second by default.
    #[must_use]
    pub fn retry(self, wait: Duration) -> Self {
        let retry = Retry::new(wait);
        Self { retry }
    }

    fn head(&mut self, name: &str, id: Option<Place>, out: &mut BytesMut) {
        self.retry.put(out);
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

/// How long a client is asked to wait before it comes back: said in the first event that it is sent.
///
/// Alone it would be an event without an id, for some clients.
#[derive(Debug)]
pub(super) struct Retry {
    wait: Duration,
    is_said: bool,
}

impl Retry {
    pub(super) fn new(wait: Duration) -> Self {
        let is_said = false;
        Self { wait, is_said }
    }

    /// What was said before was said to nobody.
    pub(super) fn begin(&mut self) {
        self.is_said = false;
    }

    pub(super) fn put(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.is_said, true) {
            out.put_slice(b"retry: ");
            let millis = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
            line::put_number(millis, out);
            out.put_u8(b'\n');
        }
    }
}

pub(super) fn put_id(id: Place, out: &mut BytesMut) {
    out.put_slice(b"id: ");
    line::put_place(id, out);
    out.put_u8(b'\n');
}

impl Default for Sse {
    fn default() -> Self {
        Self::new()
    }
}

impl Wire for Sse {
    fn begin(&mut self, _out: &mut BytesMut) {
        self.retry.begin();
    }

    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        self.head(event.kind.name(), Some(event.place()), out);
        event::put(event, out)?;
        out.put_slice(b"\n\n");
        Ok(())
    }

    fn close(&mut self, end: &Ended, out: &mut BytesMut) -> Result<(), Cut> {
        self.head("end", Some(end.id()), out);
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

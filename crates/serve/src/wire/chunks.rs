use bytes::{BufMut, BytesMut};
use mainstem_core::{AppendOnly, Appended, ErrorInfo, Event, EventKind, Text};

use super::{Cut, Ended, Outcome, Wire, line, sse::HEARTBEAT};

/// Text as clients know it that read `data: {"chunk": "…"}` until `data: {"complete": true}`.
///
/// A run that doesn't finish, and text that is void, give `data: {"error": "…"}` instead, and cut the
/// connection.
#[derive(Debug, Default)]
pub struct Chunks {
    given: AppendOnly,
    /// What the run said of its failure.
    failure: Option<Text>,
}

impl Chunks {
    /// The wire of a reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

fn put(name: &str, text: &str, out: &mut BytesMut) -> Result<(), Cut> {
    out.put_slice(b"data: {\"");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\": ");
    line::put(text, out)?;
    out.put_slice(b"}\n\n");
    Ok(())
}

impl Wire for Chunks {
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        if let EventKind::RunFailed(failed) = &event.kind {
            self.failure = Some(failed.error.message.clone());
        }
        match self.given.text(event) {
            Appended::Piece(text) => put("chunk", text, out),
            Appended::Nothing => Ok(()),
            Appended::Void => {
                put("error", "the text that was sent is void", out)?;
                Err(Cut)
            }
        }
    }

    fn close(&mut self, end: &Ended, out: &mut BytesMut) -> Result<(), Cut> {
        let error = match (end.outcome, &self.failure) {
            (Outcome::Finished, _) => {
                out.put_slice(b"data: {\"complete\": true}\n\n");
                return Ok(());
            }
            (Outcome::Failed, Some(failure)) => failure,
            (Outcome::Failed, None) => "the run failed",
            (Outcome::Cancelled, _) => "the run was stopped",
            (Outcome::Suspended, _) => "the run waits for answers",
        };
        put("error", error, out)?;
        Err(Cut)
    }

    fn broken(&mut self, why: &ErrorInfo, out: &mut BytesMut) {
        // The connection is cut in any case.
        let _ = put("error", &why.message, out);
    }

    fn heartbeat(&self) -> Option<&'static [u8]> {
        Some(HEARTBEAT)
    }
}

use bytes::{BufMut, BytesMut};
use mainstem_core::{Epoch, ErrorInfo, Event, EventKind, Place, Seq, StepPath, Timestamp};
use serde::{Serialize, Serializer};

use super::{Cut, Ended, Wire, line::Out, shown};

/// Frames with their length before them, and CBOR (RFC 8949) in them: for programs that don't want to
/// parse text, and for bytes that aren't to become base64.
///
/// A frame is the length of what follows, 4 bytes with the highest first; 1 byte for what it is; and its
/// payload.
///
/// | type | payload |
/// |---|---|
/// | 0 | none: a sign of life |
/// | 1 | an event: a map as in its JSON, but that the data of `bytes` are bytes |
/// | 2 | the end: `{"outcome": .., "place": ..}`; the response ends properly |
/// | 3 | broken: `{"error": ..}`; the connection is cut |
#[derive(Debug, Default)]
pub struct Frames;

impl Frames {
    /// The wire of a reader.
    pub fn new() -> Self {
        Self
    }
}

/// What a frame is.
const EVENT: u8 = 1;
const END: u8 = 2;
const BROKEN: u8 = 3;

/// Writes a frame; its length is known once its payload is there.
fn frame<T: Serialize>(kind: u8, payload: &T, out: &mut BytesMut) -> Result<(), Cut> {
    let begin = out.len();
    out.put_u32(0);
    out.put_u8(kind);
    let is_written = ciborium::into_writer(payload, Out(out)).is_ok();
    let length = u32::try_from(out.len() - begin - 4).ok();
    match length.filter(|_| is_written) {
        Some(length) => {
            out[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        None => {
            out.truncate(begin);
            Err(Cut)
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a, D> {
    seq: Seq,
    epoch: Epoch,
    at: Timestamp,
    path: &'a StepPath,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<D>,
}

#[derive(Serialize)]
struct Data<'a> {
    data: Raw<'a>,
}

/// Bytes that aren't a list of numbers.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn put<D: Serialize>(event: &Event, data: Option<D>, out: &mut BytesMut) -> Result<(), Cut> {
    let envelope = Envelope {
        seq: event.seq,
        epoch: event.epoch,
        at: event.at,
        path: &event.path,
        r#type: event.kind.name(),
        data,
    };
    frame(EVENT, &envelope, out)
}

impl Wire for Frames {
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        match &event.kind {
            EventKind::Bytes(bytes) => {
                let data = Raw(&bytes.data);
                put(event, Some(Data { data }), out)
            }
            // The kinds that come often hold no JSON of the application's.
            EventKind::TextDelta(delta) => put(event, Some(delta), out),
            EventKind::JsonDelta(delta) => put(event, Some(delta), out),
            EventKind::ReasoningDelta(delta) => put(event, Some(delta), out),
            EventKind::ToolCallDelta(delta) => put(event, Some(delta), out),
            // Of the others, JSON has to become CBOR.
            _ => {
                let mut kind = serde_json::to_value(&shown::of(event).kind).map_err(|_| Cut)?;
                let data = kind.get_mut("data").map(serde_json::Value::take);
                put(event, data, out)
            }
        }
    }

    fn close(&mut self, end: &Ended, out: &mut BytesMut) -> Result<(), Cut> {
        #[derive(Serialize)]
        struct End {
            outcome: &'static str,
            place: Place,
        }
        let (outcome, place) = (end.outcome.as_str(), end.place);
        frame(END, &End { outcome, place }, out)
    }

    fn broken(&mut self, why: &ErrorInfo, out: &mut BytesMut) {
        #[derive(Serialize)]
        struct Broken<'a> {
            error: &'a ErrorInfo,
        }
        // The connection is cut in any case.
        let _ = frame(BROKEN, &Broken { error: why }, out);
    }

    fn heartbeat(&self) -> Option<&'static [u8]> {
        Some(&[0, 0, 0, 1, 0])
    }
}

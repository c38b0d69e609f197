use bytes::{BufMut, BytesMut};
use mainstem_core::{ErrorInfo, Event};
use serde::Serialize;

use super::{Cut, Ended, Wire, event, line};

/// Each event as a line of JSON, with its place: `{"place":"1-4","seq":4,…}`.
///
/// The last line is the event that ends the run; or `{"type":"broken","error":{…}}`, and the connection
/// is cut.
#[derive(Debug, Default)]
pub struct Ndjson;

impl Ndjson {
    /// The wire of a reader.
    pub fn new() -> Self {
        Self
    }
}

impl Wire for Ndjson {
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        out.put_slice(br#"{"place":""#);
        line::put_place(event.place(), out);
        out.put_u8(b'"');
        let opening = out.len();
        event::put(event, out)?;
        // The brace that opens the event becomes the comma after the place.
        if let Some(brace) = out.get_mut(opening) {
            *brace = b',';
        }
        out.put_u8(b'\n');
        Ok(())
    }

    fn close(&mut self, _end: &Ended, _out: &mut BytesMut) -> Result<(), Cut> {
        Ok(())
    }

    fn broken(&mut self, why: &ErrorInfo, out: &mut BytesMut) {
        #[derive(Serialize)]
        struct Broken<'a> {
            r#type: &'a str,
            error: &'a ErrorInfo,
        }
        let broken = Broken {
            r#type: "broken",
            error: why,
        };
        if line::put(&broken, out).is_ok() {
            out.put_u8(b'\n');
        }
    }
}

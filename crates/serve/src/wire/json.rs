use bytes::{BufMut, BytesMut};
use mainstem_core::{AppendOnly, Appended, Event, EventKind};
use serde::Serialize;

use super::{Cut, Ended, Wire, documents::Documents, line};

/// One JSON array of what the run says, an item a line: pieces of text as strings, the JSON documents of
/// typed answers, and the data of [`Custom`](mainstem_core::Custom) events.
///
/// A document is an item once it is complete. Nothing of steps, calls and progress is in it, nor of how the
/// run ended: a run that doesn't finish, and items that are void, cut the connection, and leave the array
/// open.
#[derive(Debug, Default)]
pub struct JsonArray {
    given: AppendOnly,
    documents: Documents,
    has_items: bool,
}

impl JsonArray {
    /// The wire of a reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The items of an array, as they are written.
struct Items<'a> {
    out: &'a mut BytesMut,
    has_any: &'a mut bool,
    /// Whether this event has given one.
    gives: bool,
}

impl Items<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, item: &T) {
        let begin = self.out.len();
        let before: &[u8] = if *self.has_any { b",\n" } else { b"\n" };
        self.out.put_slice(before);
        // An item that can't be written is none.
        match line::put(item, self.out) {
            Ok(()) => (*self.has_any, self.gives) = (true, true),
            Err(_cut) => self.out.truncate(begin),
        }
    }

    fn put_document(&mut self, document: &str) {
        let document: serde_json::Result<&serde_json::value::RawValue> =
            serde_json::from_str(document);
        if let Ok(document) = document {
            self.put(document);
        }
    }
}

impl Wire for JsonArray {
    fn begin(&mut self, out: &mut BytesMut) {
        out.put_u8(b'[');
        self.has_items = false;
    }

    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        let documents = &mut self.documents;
        let mut items = Items {
            out,
            has_any: &mut self.has_items,
            gives: false,
        };
        let piece = |event: &Event| {
            match &event.kind {
                EventKind::TextDelta(delta) if !delta.text.is_empty() => items.put(&delta.text),
                EventKind::Custom(custom) => items.put(&custom.data),
                EventKind::JsonDelta(delta) => {
                    let place = event.place();
                    documents.feed(&event.path, place, &delta.text, |document| {
                        items.put_document(document);
                    });
                }
                EventKind::StepFinished(_) | EventKind::RunFinished(_) => {
                    documents.end(&event.path, |document| items.put_document(document));
                }
                EventKind::Retracted(retracted) => documents.forget(&event.path, retracted.since),
                _ => {}
            }
            items.gives.then_some(())
        };
        match self.given.take(event, piece) {
            Appended::Void => Err(Cut),
            Appended::Piece(()) | Appended::Nothing => Ok(()),
        }
    }

    fn close(&mut self, end: &Ended, out: &mut BytesMut) -> Result<(), Cut> {
        end.outcome.or_cut()?;
        out.put_slice(b"\n]\n");
        Ok(())
    }

    fn heartbeat(&self) -> Option<&'static [u8]> {
        Some(b"\n")
    }
}

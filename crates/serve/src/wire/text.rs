use bytes::BytesMut;
use mainstem_core::{AppendOnly, Appended, Event};

use super::{Cut, Ended, Wire};

/// The text of the run and nothing else, as it comes.
///
/// There is no word for anything but text in it: a run that doesn't finish, and text that is void, cut
/// the connection.
#[derive(Debug, Default)]
pub struct PlainText {
    given: AppendOnly,
}

impl PlainText {
    /// The wire of a reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Wire for PlainText {
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        match self.given.text(event) {
            Appended::Piece(text) => out.extend_from_slice(text.as_bytes()),
            Appended::Nothing => {}
            Appended::Void => return Err(Cut),
        }
        Ok(())
    }

    fn close(&mut self, end: &Ended, _out: &mut BytesMut) -> Result<(), Cut> {
        end.outcome.or_cut()
    }
}

use mainstem_core::{AppendOnly, Appended, Event, Text};

use super::CloseCode;
use crate::wire::{Ended, Outcome};

/// The text of a run for a client that reads pieces until `[COMPLETE]`.
///
/// Each piece is a message of its own. A run that doesn't finish, and text that is void, close the
/// connection without that word.
#[derive(Debug, Default)]
pub struct TextChunks {
    given: AppendOnly,
}

/// What is said to such a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkMessage {
    /// A message: a piece of text.
    Piece(Text),
    /// The connection is closed.
    Close(CloseCode),
}

impl TextChunks {
    /// What stands after the last piece of a run that finished. The connection may go on with another run.
    pub const COMPLETE: &str = "[COMPLETE]";

    /// A reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an event is to it, if anything.
    pub fn fold(&mut self, event: &Event) -> Option<ChunkMessage> {
        match self.given.text(event) {
            Appended::Piece(text) => Some(ChunkMessage::Piece(text.clone())),
            Appended::Nothing => None,
            Appended::Void => Some(ChunkMessage::Close(CloseCode::BROKEN)),
        }
    }

    /// What the end of the run is to it.
    pub fn close(&mut self, end: &Ended) -> ChunkMessage {
        match end.outcome {
            Outcome::Finished => ChunkMessage::Piece(Self::COMPLETE.into()),
            outcome => ChunkMessage::Close(outcome.into()),
        }
    }
}

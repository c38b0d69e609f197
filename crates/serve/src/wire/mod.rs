//! What a run looks like on a connection: one file a wire.
//!
//! A wire is a fold, from a state and an event to bytes. It knows no clock, no socket and no store:
//! the same log gives the same bytes live, late and in another process.

pub(crate) mod binary;
mod chunks;
mod documents;
mod envelope;
mod event;
pub(crate) mod format;
mod frames;
mod json;
mod line;
mod ndjson;
mod shown;
mod sse;
mod text;
pub mod ws;

pub use binary::Binary;
use bytes::BytesMut;
pub use chunks::Chunks;
pub use envelope::Envelope;
pub use format::{Format, NotAcceptable};
pub use frames::Frames;
pub use json::JsonArray;
use mainstem_core::{ErrorInfo, Event, EventKind, Place, Seq};
pub use ndjson::Ndjson;
pub use sse::Sse;
pub use text::PlainText;

/// A fold from the events of a run to the bytes of a response.
///
/// It is made for one reader of one run, and given that run's events in their order, from the first
/// one. A reader that has some of them already is skipped over them: the wire folds them and its
/// output is thrown away, so that what follows is as if it had been read in one piece.
///
/// The calls come in this order: `fold` of what is skipped; `begin`, once; `fold` of the others; then
/// `close` or `broken`, or neither, if a `fold` said that the response is to be cut.
pub trait Wire: Send + 'static {
    /// The reader begins here: writes what has to stand before everything else.
    ///
    /// Nothing, by default.
    fn begin(&mut self, out: &mut BytesMut) {
        let _ = out;
    }

    /// Writes what an event looks like, if it has any looks, to the end of `out`.
    ///
    /// # Errors
    ///
    /// [`Cut`], if the response can't be completed: what was given is void, and this wire has no word
    /// for that.
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut>;

    /// The run has ended, and nothing follows: writes what has to stand last.
    ///
    /// # Errors
    ///
    /// [`Cut`], if the run ended in a way that this wire has no word for.
    fn close(&mut self, end: &Ended, out: &mut BytesMut) -> Result<(), Cut>;

    /// Writes that the stream stopped without an end: its store was lost, the server shuts down, the
    /// reader was too slow.
    ///
    /// The connection is cut after that. By default nothing is written: the cut says it all.
    fn broken(&mut self, why: &ErrorInfo, out: &mut BytesMut) {
        let _ = (why, out);
    }

    /// What keeps an idle connection open, where the wire has something that readers ignore.
    fn heartbeat(&self) -> Option<&'static [u8]> {
        None
    }
}

/// A response can't be completed: the connection is cut, after what was written.
///
/// Clients take a body that ends properly for a whole one; where a wire has no word for what happened,
/// this is the only way to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

/// How a run ended, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// The place of the event that said so.
    pub place: Place,
}

impl Ended {
    /// What an event says of the run's end, if it is an end.
    pub fn of(event: &Event) -> Option<Self> {
        let place = event.place();
        Outcome::of(&event.kind).map(|outcome| Self { outcome, place })
    }

    /// The id of what says so after that event, where each thing that a reader is sent has an id.
    ///
    /// It is the place after the event's, of the same writer: there is never an event, since what follows
    /// a suspension has another writer. Whoever comes back with it has the end, and not only the event.
    pub fn id(&self) -> Place {
        Place::new(self.place.epoch, Seq(self.place.seq.0 + 1))
    }
}

/// The four ways in which a run ends; [`Suspended`](Self::Suspended) until it is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With an output.
    Finished,
    /// With an error.
    Failed,
    /// Stopped by somebody.
    Cancelled,
    /// It waits for answers.
    Suspended,
}

impl Outcome {
    /// What an event says of the run's end, if it is an end.
    pub fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::RunFinished(_) => Some(Self::Finished),
            EventKind::RunFailed(_) => Some(Self::Failed),
            EventKind::RunCancelled(_) => Some(Self::Cancelled),
            EventKind::RunSuspended(_) => Some(Self::Suspended),
            _ => None,
        }
    }

    /// The word on the wire: `finished`, `failed`, `cancelled` or `suspended`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Suspended => "suspended",
        }
    }

    /// For a wire that has no word for any other end.
    ///
    /// # Errors
    ///
    /// [`Cut`], unless the run finished.
    pub fn or_cut(self) -> Result<(), Cut> {
        match self {
            Self::Finished => Ok(()),
            Self::Failed | Self::Cancelled | Self::Suspended => Err(Cut),
        }
    }
}

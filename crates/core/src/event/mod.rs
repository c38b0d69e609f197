//! What happens in a run, as one ordered stream.

mod kind;
mod payload;
mod wire;

pub use kind::{EventKind, UnknownKind};
pub use payload::*;

use crate::{Epoch, Place, Seq, StepPath, Text, Timestamp};

/// One thing that happened in a run.
///
/// Its JSON has the fields `seq`, `epoch`, `at` (milliseconds since the Unix epoch), `path`,
/// `type` and `data`.
///
/// ```
/// use mainstem_core::{Event, EventKind};
///
/// let json = r#"{"seq":4,"epoch":1,"at":1763692800123,"path":"writer","type":"text_delta","data":{"text":"Jays"}}"#;
/// let event: Event = serde_json::from_str(json)?;
/// let EventKind::TextDelta(delta) = &event.kind else { panic!() };
/// assert_eq!(delta.text, "Jays");
/// assert_eq!(event.place().to_string(), "1-4");
/// assert_eq!(serde_json::to_string(&event)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its number in the run.
    pub seq: Seq,
    /// Who wrote it.
    pub epoch: Epoch,
    /// When it was emitted.
    pub at: Timestamp,
    /// The step that it comes from.
    pub path: StepPath,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// An event at a place.
    pub fn new(place: Place, at: Timestamp, path: StepPath, kind: EventKind) -> Self {
        Self {
            seq: place.seq,
            epoch: place.epoch,
            at,
            path,
            kind,
        }
    }

    /// Its place in the stream.
    pub fn place(&self) -> Place {
        Place::new(self.epoch, self.seq)
    }

    /// The text that a text view shows for it: that of a [`TextDelta`] or a [`JsonDelta`].
    pub fn text(&self) -> Option<&Text> {
        self.kind.text()
    }

    /// Whether it ends a segment of the run: finished, failed, cancelled or suspended.
    pub fn is_end(&self) -> bool {
        self.kind.is_end()
    }
}

//! What a run looks like on a connection: one file a wire.
//!
//! A wire is a fold, from a state and an event to frames. It knows no clock, no socket and no store:
//! the same log gives the same bytes live, late and in another process.

use bytes::BytesMut;
use mainstem_core::{ErrorInfo, Event};

/// A fold from the events of a run to the bytes of a response.
///
/// It is made for one reader of one run, and given that run's events in their order, from the first
/// one. A reader that has some of them already is skipped over them: the wire folds them and its
/// output is thrown away, so that what follows is as if it had been read in one piece.
pub trait Wire: Send + 'static {
    /// Writes what an event looks like, if it has any looks, to the end of `out`.
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Then;

    /// The reader begins here, and not at the run's first event: what has to stand before what
    /// follows, so that it is a valid beginning.
    ///
    /// Nothing, by default.
    fn begin(&mut self, out: &mut BytesMut) {
        let _ = out;
    }

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

/// What becomes of a response after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Then {
    /// It goes on.
    Continue,
    /// It is whole: the body ends properly.
    End,
    /// It can't be completed: the connection is cut, after what was written.
    ///
    /// Clients take a body that ends properly for a whole one; where a wire has no word for how the
    /// run ended, this is the only way to tell.
    Abort,
}

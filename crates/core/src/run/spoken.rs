use std::sync::Mutex;

use crate::{Place, Text, sync::lock};

/// How many bytes are kept of what one function says: it may say more than anybody wants to keep.
const MOST: usize = 64 << 10;

/// What a step says by itself while it is under way: the pieces as they were emitted, which share their
/// bytes with the events.
///
/// An agent keeps its answer, and records it; this is for all other steps.
#[derive(Default)]
pub(super) struct Spoken(Mutex<Pieces>);

#[derive(Default)]
struct Pieces {
    pieces: Vec<(Place, Text)>,
    bytes: usize,
    is_full: bool,
}

impl Spoken {
    /// A piece was emitted at a place.
    pub(super) fn add(&self, place: Place, text: Text) {
        let mut said = lock(&self.0);
        said.is_full |= said.bytes + text.len() > MOST;
        if !said.is_full {
            said.bytes += text.len();
            said.pieces.push((place, text));
        }
    }

    /// What was said since a place is void.
    pub(super) fn retract(&self, since: Place) {
        let mut said = lock(&self.0);
        let left = said.pieces.partition_point(|(place, _)| *place < since);
        let void: usize = said.pieces.drain(left..).map(|(_, text)| text.len()).sum();
        said.bytes -= void;
    }

    /// All of it, and the place of its last piece; none, if nothing was said.
    pub(super) fn all(&self) -> Option<(String, Place)> {
        let said = lock(&self.0);
        let (last, _) = said.pieces.last()?;
        let text = said.pieces.iter().map(|(_, text)| text.as_str()).collect();
        Some((text, *last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Seq};

    fn place(seq: u64) -> Place {
        Place::new(Epoch::FIRST, Seq(seq))
    }

    #[test]
    fn it_is_kept_from_its_beginning_up_to_a_size_without_a_hole() {
        let said = Spoken::default();
        assert_eq!(said.all(), None);
        let piece = "x".repeat(1 << 10);
        for seq in 1..=63 {
            said.add(place(seq), piece.as_str().into());
        }
        said.add(place(64), "y".repeat(1025).as_str().into());
        said.add(place(65), "it would fit".into());
        let (text, last) = said.all().unwrap();
        assert_eq!((text.len(), last), (63 << 10, place(63)));
    }

    #[test]
    fn what_is_void_is_gone() {
        let said = Spoken::default();
        for seq in [1, 3, 5] {
            said.add(place(seq), format!("{seq} ").as_str().into());
        }
        said.retract(place(4));
        assert_eq!(said.all(), Some(("1 3 ".to_owned(), place(3))));
        said.retract(place(1));
        assert_eq!(said.all(), None);
    }
}

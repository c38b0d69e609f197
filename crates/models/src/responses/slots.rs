//! Which item of the output an event belongs to, and what has come of it.

use mainstem_core::Text;

/// The kinds of items whose events are read piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Reasoning,
    Call,
}

/// What an event says of its item.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'a> {
    pub(super) id: &'a str,
    pub(super) index: Option<u32>,
    /// Of a tool call: the name of the call, which is another than the item's.
    pub(super) call_id: &'a str,
}

/// An item while it comes.
#[derive(Debug)]
pub(super) struct Slot {
    kind: Kind,
    id: Text,
    index: Option<u32>,
    pub(super) call_id: Text,
    pub(super) is_done: bool,
    /// The parts of which something has come.
    said: Vec<u32>,
    /// Whether the pieces of reasoning are those of the summary, not those of the thoughts.
    pub(super) is_summary: Option<bool>,
    /// The number of the tool call, once it has begun.
    pub(super) number: Option<usize>,
    /// Arguments that came before the call had begun.
    pub(super) pending: String,
}

impl Slot {
    /// Notes that something of a part has come; whether it is the first of it.
    pub(super) fn say(&mut self, part: u32) -> bool {
        let is_first = !self.has_said(part);
        if is_first {
            self.said.push(part);
        }
        is_first
    }

    pub(super) fn has_said(&self, part: u32) -> bool {
        self.said.contains(&part)
    }

    pub(super) fn is_silent(&self) -> bool {
        self.said.is_empty()
    }
}

/// The items so far.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

impl Slots {
    /// The item of an event; a new one, if it is the first of it.
    ///
    /// Servers leave out ids and indexes, give every item the index 0, or make up a new id for each
    /// event. So an id that is known counts most, then the index, then which item is going on.
    pub(super) fn of(&mut self, kind: Kind, place: Place<'_>) -> &mut Slot {
        let at = match self.find(kind, place) {
            Some(at) => at,
            None => self.push(kind, place),
        };
        &mut self.0[at]
    }

    /// The item that is announced: a new one, unless its id is known.
    pub(super) fn announced(&mut self, kind: Kind, place: Place<'_>) -> &mut Slot {
        let at = match self.by_id(kind, place) {
            Some(at) => at,
            None => self.push(kind, place),
        };
        &mut self.0[at]
    }

    /// Those of a kind.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter(move |slot| slot.kind == kind)
    }

    fn push(&mut self, kind: Kind, place: Place<'_>) -> usize {
        self.0.push(Slot {
            kind,
            id: place.id.into(),
            index: place.index,
            call_id: place.call_id.into(),
            is_done: false,
            said: Vec::new(),
            is_summary: None,
            number: None,
            pending: String::new(),
        });
        self.0.len() - 1
    }

    fn find(&self, kind: Kind, place: Place<'_>) -> Option<usize> {
        let by_index = || {
            let same = |slot: &Slot| {
                let another = !place.call_id.is_empty() && !slot.call_id.is_empty();
                slot.kind == kind && slot.index == place.index && !another
            };
            place.index.and_then(|_| self.0.iter().rposition(same))
        };
        // The last one of the kind, where one side doesn't say which it is.
        let going_on = || {
            let last = self.0.iter().rposition(|slot| slot.kind == kind)?;
            let slot = &self.0[last];
            let is_vague = place.index.is_none() || slot.index.is_none();
            let another = !place.call_id.is_empty() && !slot.call_id.is_empty();
            (!slot.is_done && is_vague && !another).then_some(last)
        };
        self.by_id(kind, place).or_else(by_index).or_else(going_on)
    }

    fn by_id(&self, kind: Kind, place: Place<'_>) -> Option<usize> {
        let same = |slot: &Slot| {
            let same_call = !place.call_id.is_empty() && *slot.call_id == *place.call_id;
            let same_item = !place.id.is_empty() && *slot.id == *place.id;
            slot.kind == kind && (same_call || same_item)
        };
        self.0.iter().rposition(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(id: &'a str, index: Option<u32>, call_id: &'a str) -> Place<'a> {
        Place { id, index, call_id }
    }

    /// The numbers of the items that events belong to, after two calls were announced.
    fn numbers(announced: [Place<'_>; 2], events: &[Place<'_>]) -> Vec<Option<usize>> {
        let mut slots = Slots::default();
        for (number, place) in announced.into_iter().enumerate() {
            slots.announced(Kind::Call, place).number = Some(number);
        }
        let number = |place: &Place<'_>| slots.of(Kind::Call, *place).number;
        events.iter().map(number).collect()
    }

    #[test]
    fn events_find_their_item_however_it_is_named() {
        let (a, b) = (place("a", Some(0), "1"), place("b", Some(1), "2"));
        let expected = [Some(0), Some(1), Some(0)];
        for [first, second] in [
            [place("a", Some(0), ""), place("b", Some(1), "")],
            [place("a", None, ""), place("b", None, "")],
            [place("", Some(0), ""), place("", Some(1), "")],
            // A new id for each event, and the call's own name at its end.
            [place("x", Some(0), ""), place("y", Some(1), "")],
            [place("x", Some(0), "1"), place("y", Some(0), "2")],
        ] {
            assert_eq!(numbers([a, b], &[first, second, first]), expected);
        }
        // Every index is 0, but the ids are right.
        let (a, b) = (place("a", Some(0), "1"), place("b", Some(0), "2"));
        let events = [place("a", Some(0), ""), place("b", Some(0), "")];
        assert_eq!(numbers([a, b], &events), [Some(0), Some(1)]);
        // Nothing is said: it is the last one.
        let (a, b) = (place("", None, "1"), place("", None, "2"));
        assert_eq!(numbers([a, b], &[Place::default()]), [Some(1)]);
        // One that nobody announced.
        let (a, b) = (place("a", Some(0), "1"), place("b", Some(1), "2"));
        assert_eq!(numbers([a, b], &[place("c", Some(2), "")]), [None]);
    }
}

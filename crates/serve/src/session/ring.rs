use std::collections::VecDeque;

use mainstem_core::{Error, Event, EventKind, Json, Place, Seq};

/// How many bytes an event takes in a log in memory beside what it says: most are pieces of text.
const IN_LOG: usize = 16;

/// The newest events of a run, for the readers that keep up with it.
pub(super) struct Ring {
    events: VecDeque<Event>,
    bytes: usize,
    /// Of all events that were ever here.
    said_bytes: usize,
    /// After which place everything is here; none, if nothing came before.
    floor: Option<Place>,
    max_events: usize,
    max_bytes: usize,
    over: Option<Over>,
}

/// Why nothing follows.
#[derive(Clone, Debug)]
pub(super) enum Over {
    /// The last event is an end.
    Ended,
    /// The run was left without one.
    Broken(Error),
}

/// What a reader finds after its place.
pub(super) enum Next {
    Event(Event),
    /// It isn't here any more, but in the store. What is here begins after this place.
    Behind(Place),
    /// It is still to come.
    NotYet,
    /// Nothing follows.
    Over(Over),
}

impl Ring {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            said_bytes: 0,
            floor: None,
            max_events: max_events.max(1),
            max_bytes,
            over: None,
        }
    }

    /// How many events it holds, and roughly how many bytes these are.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.events.len(), self.bytes)
    }

    /// Takes the newest event. Before it takes more room for it, it asks up to which number all readers
    /// have what is here, and lets go of that: it is in the store.
    pub(super) fn push(&mut self, event: Event, had_by_all: impl FnOnce() -> Option<u64>) {
        if self.events.is_empty() && !matches!(event.kind, EventKind::RunStarted(_)) {
            let before = Seq(event.seq.0.saturating_sub(1));
            self.floor = Some(Place::new(event.epoch, before));
        }
        if event.is_end() {
            self.over = Some(Over::Ended);
        }
        let weight_of_it = weight(&event);
        // What goes goes first: else a full ring would double its room.
        while self.events.len() >= self.max_events || self.bytes + weight_of_it > self.max_bytes {
            if !self.let_go() {
                break;
            }
        }
        if self.events.len() == self.events.capacity()
            && let Some(had) = had_by_all()
        {
            while self.events.front().is_some_and(|it| it.seq.0 <= had) && self.let_go() {}
        }
        self.bytes += weight_of_it;
        self.said_bytes += payload(&event) + IN_LOG;
        self.events.push_back(event);
    }

    /// Lets go of the oldest event, if there is one.
    fn let_go(&mut self) -> bool {
        let Some(oldest) = self.events.pop_front() else {
            return false;
        };
        self.bytes -= weight(&oldest);
        self.floor = Some(oldest.place());
        true
    }

    /// The run goes no further, and has no end.
    pub(super) fn break_off(&mut self, error: Error) {
        self.over.get_or_insert(Over::Broken(error));
    }

    /// Roughly how many bytes all events that were ever here take in a log in memory.
    pub(super) fn said_bytes(&self) -> usize {
        self.said_bytes
    }

    pub(super) fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    pub(super) fn last(&self) -> Option<&Event> {
        self.events.back()
    }

    /// What follows a place.
    pub(super) fn after(&self, place: Option<Place>) -> Next {
        let at = place.map(|place| place.seq);
        if let Some(floor) = self.floor
            && at < Some(floor.seq)
        {
            return Next::Behind(floor);
        }
        let next = self.index_after(at);
        match (self.events.get(next), &self.over) {
            (Some(event), _) => Next::Event(event.clone()),
            (None, Some(over)) => Next::Over(over.clone()),
            (None, None) => Next::NotYet,
        }
    }

    /// Whether the event of a place is here.
    pub(super) fn has(&self, place: Place) -> bool {
        let before = place.seq.0.checked_sub(1).map(Seq);
        let event = self.events.get(self.index_after(before));
        event.is_some_and(|event| event.place() == place)
    }

    fn index_after(&self, at: Option<Seq>) -> usize {
        let (Some(at), Some(first)) = (at, self.events.front()) else {
            return 0;
        };
        // Numbers mostly have no gaps.
        let guess = (at.0 + 1).saturating_sub(first.seq.0);
        let guess = usize::try_from(guess).unwrap_or(usize::MAX);
        let is_after = |event: &Event| event.seq > at;
        let before = guess.checked_sub(1).and_then(|i| self.events.get(i));
        let hits = self.events.get(guess).is_none_or(is_after)
            && (guess == 0 || before.is_some_and(|event| !is_after(event)));
        match hits {
            true => guess,
            false => self.events.partition_point(|event| !is_after(event)),
        }
    }
}

/// Roughly the bytes that an event keeps in memory.
pub(super) fn weight(event: &Event) -> usize {
    size_of::<Event>() + payload(event)
}

/// Roughly the bytes of what an event says.
fn payload(event: &Event) -> usize {
    let json = |json: &Json| json.as_str().len();
    match &event.kind {
        EventKind::TextDelta(it) => it.text.len(),
        EventKind::ReasoningDelta(it) => it.text.len(),
        EventKind::RefusalDelta(it) => it.text.len(),
        EventKind::JsonDelta(it) => it.text.len(),
        EventKind::ToolCallDelta(it) => it.text.len(),
        EventKind::Bytes(it) => it.data.len(),
        EventKind::ToolCallReady(it) => json(&it.arguments),
        EventKind::ToolResult(it) => it.output.as_ref().map_or(0, json),
        EventKind::Custom(it) => json(&it.data),
        EventKind::Decided(it) => json(&it.value),
        EventKind::RunStarted(it) => it.input.as_ref().map_or(0, json),
        EventKind::StepFinished(it) => json(&it.output),
        EventKind::RunFinished(it) => json(&it.output),
        EventKind::RunFailed(it) => it.partial.as_ref().map_or(0, |it| it.text.len()),
        EventKind::RunCancelled(it) => it.partial.as_ref().map_or(0, |it| it.text.len()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use mainstem_core::{Epoch, Notice, RunFinished, RunStarted, StepPath, TextDelta, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn event(seq: u64, kind: impl Into<EventKind>) -> Event {
        let place = Place::new(Epoch::FIRST, Seq(seq));
        Event::new(place, Timestamp::now(), StepPath::run(), kind.into())
    }

    fn place(seq: u64) -> Place {
        Place::new(Epoch::FIRST, Seq(seq))
    }

    fn text(seq: u64, bytes: usize) -> Event {
        event(seq, TextDelta::new("x".repeat(bytes)))
    }

    fn seq_of(next: Next) -> Result<u64, &'static str> {
        match next {
            Next::Event(event) => Ok(event.seq.0),
            Next::Behind(_) => Err("behind"),
            Next::NotYet => Err("not yet"),
            Next::Over(Over::Ended) => Err("ended"),
            Next::Over(Over::Broken(_)) => Err("broken"),
        }
    }

    #[test]
    fn the_oldest_go_by_count_and_by_bytes_and_the_newest_stays() {
        let mut ring = Ring::new(3, 4000);
        ring.push(event(1, RunStarted::new("r".into(), "guide")), || None);
        assert_eq!(seq_of(ring.after(None)), Ok(1));
        for seq in 2..=4 {
            ring.push(text(seq, 10), || None);
        }
        assert_eq!(seq_of(ring.after(None)), Err("behind"));
        assert_eq!(seq_of(ring.after(Some(place(1)))), Ok(2));
        ring.push(text(5, 3800), || None);
        assert_eq!(ring.size().0, 1);
        assert_eq!(seq_of(ring.after(Some(place(3)))), Err("behind"));
        assert_eq!(seq_of(ring.after(Some(place(4)))), Ok(5));
        ring.push(text(6, 9000), || None);
        assert_eq!(ring.size().0, 1);
        assert_eq!(seq_of(ring.after(Some(place(5)))), Ok(6));
        assert_eq!(seq_of(ring.after(Some(place(6)))), Err("not yet"));
    }

    #[test]
    fn what_all_have_goes_before_more_room_is_taken() {
        let mut ring = Ring::new(128, usize::MAX);
        ring.push(event(1, RunStarted::new("r".into(), "guide")), || Some(0));
        for seq in 2..=100 {
            ring.push(text(seq, 10), || Some(seq - 1));
        }
        let few = ring.size().0;
        assert!(few < 10, "{few}");
        assert_eq!(seq_of(ring.after(Some(place(1)))), Err("behind"));
        assert_eq!(seq_of(ring.after(Some(place(99)))), Ok(100));
        // Somebody is at 100 and doesn't read on.
        for seq in 101..=200 {
            ring.push(text(seq, 10), || Some(100));
        }
        assert_eq!(seq_of(ring.after(Some(place(100)))), Ok(101));
        for seq in 201..=400 {
            ring.push(text(seq, 10), || None);
        }
        assert_eq!(ring.size(), (128, 128 * weight(&text(1, 10))));
    }

    #[test]
    fn a_run_that_goes_on_begins_after_what_is_in_the_store() {
        let mut ring = Ring::new(9, 9000);
        ring.push(text(7, 1), || None);
        assert_eq!(seq_of(ring.after(None)), Err("behind"));
        assert_eq!(seq_of(ring.after(Some(place(6)))), Ok(7));
    }

    #[test]
    fn the_end_is_what_came_first() {
        let mut ring = Ring::new(9, 9000);
        let output = RunFinished::new(Json::null(), Default::default());
        ring.push(event(1, output), || None);
        ring.break_off(Error::new(mainstem_core::ErrorKind::Other, "late"));
        assert_eq!(seq_of(ring.after(Some(place(1)))), Err("ended"));
        let mut ring = Ring::new(9, 9000);
        ring.break_off(Error::new(mainstem_core::ErrorKind::Other, "left"));
        assert_eq!(seq_of(ring.after(None)), Err("broken"));
    }

    proptest! {
        #[test]
        fn gaps_are_looked_over(gaps in prop::collection::vec(1u64..4, 1..40), at in 0u64..130, kept in 1usize..20) {
            let mut ring = Ring::new(kept, usize::MAX);
            let mut seq = 0;
            let mut seqs = Vec::new();
            for gap in gaps {
                seq += gap;
                seqs.push(seq);
                ring.push(event(seq, Notice::new("n", "n")), || None);
            }
            let here = &seqs[seqs.len().saturating_sub(kept)..];
            let wanted = here.iter().copied().find(|seq| *seq > at);
            match seq_of(ring.after(Some(place(at)))) {
                Ok(seq) => prop_assert_eq!(Some(seq), wanted),
                Err("behind") => prop_assert!(at < here[0]),
                Err(_) => prop_assert_eq!(wanted, None),
            }
            prop_assert_eq!(ring.has(place(at)), here.contains(&at));
        }
    }
}

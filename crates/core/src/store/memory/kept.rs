//! The events of a log in memory: neighbouring deltas of one step are pieces of one text.

use crate::{
    Epoch, Event, EventKind, JsonDelta, Place, ReasoningDelta, RefusalDelta, Seq, StepPath, Text,
    TextDelta, Timestamp, ToolCallDelta,
};

/// How long the text of neighbouring deltas gets, before another one begins: growing moves it.
const LONGEST: usize = 64 << 10;

/// The events of a log, in their order.
///
/// Most events of most runs are deltas. As an [`Event`] each of them takes some two hundred bytes; as a
/// piece of a text that it has in common with its neighbours it takes eight beside what it says.
#[derive(Default)]
pub(super) struct Kept(Vec<Entry>);

enum Entry {
    One(Event),
    Deltas(Deltas),
}

/// Deltas of one step that say the same kind of thing, with numbers that have no gaps.
struct Deltas {
    kind: Kind,
    path: StepPath,
    epoch: Epoch,
    first: Seq,
    since: Timestamp,
    text: String,
    pieces: Vec<Piece>,
}

#[derive(PartialEq)]
enum Kind {
    Text,
    Json,
    Reasoning,
    Refusal,
    ToolCall(Text),
}

/// One delta.
struct Piece {
    /// Where it ends in the text.
    end: u32,
    /// How many milliseconds after the first it was emitted.
    after: u32,
}

impl Kept {
    pub(super) fn push(&mut self, event: Event) {
        if let Some(last) = self.0.last_mut() {
            if let Entry::One(first) = last
                && let Some(deltas) = Deltas::of(first, &event)
            {
                *last = Entry::Deltas(deltas);
                return;
            }
            if let Entry::Deltas(deltas) = last
                && deltas.take(&event)
            {
                return;
            }
        }
        self.0.push(Entry::One(event));
    }

    /// What comes after a number.
    pub(super) fn after(&self, at: Option<Seq>) -> impl Iterator<Item = Event> {
        let begin = self.0.partition_point(|entry| Some(entry.last()) <= at);
        self.0[begin..].iter().flat_map(move |entry| {
            let had = at.map_or(0, |at| (at.0 + 1).saturating_sub(entry.first().0));
            let had = usize::try_from(had).unwrap_or(usize::MAX);
            (had..entry.len()).map(|index| entry.get(index))
        })
    }
}

impl Entry {
    fn first(&self) -> Seq {
        match self {
            Self::One(event) => event.seq,
            Self::Deltas(deltas) => deltas.first,
        }
    }

    fn last(&self) -> Seq {
        Seq(self.first().0 + self.len() as u64 - 1)
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Deltas(deltas) => deltas.pieces.len(),
        }
    }

    fn get(&self, index: usize) -> Event {
        match self {
            Self::One(event) => event.clone(),
            Self::Deltas(deltas) => deltas.get(index),
        }
    }
}

impl Deltas {
    /// Of two events, if they belong together.
    fn of(one: &Event, next: &Event) -> Option<Self> {
        let (kind, _) = Kind::of(one)?;
        let mut deltas = Self {
            kind,
            path: one.path.clone(),
            epoch: one.epoch,
            first: one.seq,
            since: one.at,
            text: String::new(),
            pieces: Vec::new(),
        };
        let belong = deltas.has_as(1, next) && deltas.take(one) && deltas.take(next);
        belong.then_some(deltas)
    }

    /// Whether an event is the one at an index.
    fn has_as(&self, index: usize, event: &Event) -> bool {
        let is_of_kind = |(kind, _)| kind == self.kind;
        event.seq.0 == self.first.0 + index as u64
            && event.epoch == self.epoch
            && event.path == self.path
            && Kind::of(event).is_some_and(is_of_kind)
    }

    /// Takes an event, if it belongs here; says whether it did.
    fn take(&mut self, event: &Event) -> bool {
        if !self.has_as(self.pieces.len(), event) {
            return false;
        }
        let Some((_, text)) = Kind::of(event) else {
            return false;
        };
        // A clock may have been set back, or a run have been silent for weeks: then others begin.
        let since = self.since.as_unix_millis();
        let after = event.at.as_unix_millis().checked_sub(since);
        let after = after.and_then(|after| u32::try_from(after).ok());
        let end = self.text.len() + text.len();
        let (Some(after), true) = (after, end <= LONGEST) else {
            return false;
        };
        self.text.push_str(text);
        let end = end as u32; // no more than `LONGEST`
        self.pieces.push(Piece { end, after });
        true
    }

    fn get(&self, index: usize) -> Event {
        let piece = &self.pieces[index];
        let before = index.checked_sub(1).map(|before| &self.pieces[before]);
        let begin = before.map_or(0, |before| before.end);
        let text = &self.text[begin as usize..piece.end as usize];
        let place = Place::new(self.epoch, Seq(self.first.0 + index as u64));
        let at = self.since.as_unix_millis() + u64::from(piece.after);
        let at = Timestamp::from_unix_millis(at);
        Event::new(place, at, self.path.clone(), self.kind.event(text.into()))
    }
}

impl Kind {
    /// What a delta is of, and what it says; none of another event.
    fn of(event: &Event) -> Option<(Self, &Text)> {
        Some(match &event.kind {
            EventKind::TextDelta(TextDelta { text }) => (Self::Text, text),
            EventKind::JsonDelta(JsonDelta { text }) => (Self::Json, text),
            EventKind::ReasoningDelta(ReasoningDelta { text }) => (Self::Reasoning, text),
            EventKind::RefusalDelta(RefusalDelta { text }) => (Self::Refusal, text),
            EventKind::ToolCallDelta(ToolCallDelta { call_id, text }) => {
                (Self::ToolCall(call_id.clone()), text)
            }
            _ => return None,
        })
    }

    /// The delta that says it.
    fn event(&self, text: Text) -> EventKind {
        match self {
            Self::Text => TextDelta { text }.into(),
            Self::Json => JsonDelta { text }.into(),
            Self::Reasoning => ReasoningDelta { text }.into(),
            Self::Refusal => RefusalDelta { text }.into(),
            Self::ToolCall(call_id) => ToolCallDelta {
                call_id: call_id.clone(),
                text,
            }
            .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Notice;

    fn event(seq: u64, at: u64, path: &str, kind: EventKind) -> Event {
        let place = Place::new(Epoch::FIRST, Seq(seq));
        let path = StepPath::run().child(path);
        Event::new(place, Timestamp::from_unix_millis(at), path, kind)
    }

    fn text(seq: u64, text: &str) -> Event {
        event(seq, seq, "jay", TextDelta::new(text).into())
    }

    fn kept(events: &[Event]) -> Kept {
        let mut kept = Kept::default();
        for event in events {
            kept.push(event.clone());
        }
        kept
    }

    fn kinds() -> impl Strategy<Value = EventKind> {
        let said = prop_oneof![Just(""), Just("jay"), Just("é")];
        prop_oneof![
            9 => said.clone().prop_map(|text| TextDelta::new(text).into()),
            1 => said.clone().prop_map(|text| JsonDelta::new(text).into()),
            1 => said.clone().prop_map(|text| ReasoningDelta::new(text).into()),
            1 => said.clone().prop_map(|text| RefusalDelta::new(text).into()),
            3 => (said, 0..2u8).prop_map(|(text, call): (&str, u8)| {
                ToolCallDelta::new(call.to_string(), text).into()
            }),
            1 => Just(Notice::new("jay", "blue").into()),
        ]
    }

    proptest! {
        #[test]
        fn what_was_kept_comes_back_from_any_place_on(
            drafts in prop::collection::vec((kinds(), 1u64..9, 0u64..9, 0..4u8, 0..9u8), 0..40),
        ) {
            let (mut seq, mut at) = (0, 1 << 40);
            let mut events = Vec::new();
            for (kind, gap, later, step, odd) in drafts {
                // Mostly one follows the other; a clock may be set back, and writers change.
                seq += if gap < 8 { 1 } else { gap };
                at = if odd == 0 { at - 3 } else { at + later };
                let path = if step == 0 { "other" } else { "jay" };
                let mut event = event(seq, at, path, kind);
                event.epoch = Epoch(1 + seq / 20);
                events.push(event);
            }
            let kept = kept(&events);
            for after in (0..seq + 2).map(Seq) {
                let rest = events.iter().filter(|event| event.seq > after);
                prop_assert!(kept.after(Some(after)).eq(rest.cloned()), "after {after:?}");
            }
            prop_assert!(kept.after(None).eq(events));
        }
    }

    #[test]
    fn deltas_that_belong_together_are_one_entry() {
        let one: Vec<_> = (1..=300).map(|seq| text(seq, "jays ")).collect();
        assert_eq!(kept(&one).0.len(), 1);
        let two_steps: Vec<_> = (1..=300)
            .map(|seq| {
                let path = if seq % 2 == 0 { "jay" } else { "other" };
                event(seq, seq, path, TextDelta::new("jays ").into())
            })
            .collect();
        assert_eq!(kept(&two_steps).0.len(), 300);
    }

    #[test]
    fn a_text_has_a_longest_length_and_deltas_may_be_longer() {
        let half = "x".repeat(LONGEST / 2);
        let longer = "y".repeat(LONGEST + 1);
        let events: Vec<_> = [&half, &half, &half, &longer, &longer, &half]
            .iter()
            .zip(1..)
            .map(|(said, seq)| text(seq, said))
            .collect();
        let kept = kept(&events);
        assert_eq!(kept.0.len(), 5);
        assert!(kept.after(None).eq(events));
    }

    #[test]
    fn a_silence_that_is_too_long_to_be_counted_begins_another_text() {
        let weeks = 1 << 33;
        let say = |seq, at| event(seq, at, "jay", TextDelta::new("jay").into());
        let events = [say(1, 0), say(2, weeks), say(3, weeks)];
        let kept = kept(&events);
        assert_eq!(kept.0.len(), 2);
        assert!(kept.after(None).eq(events));
    }
}

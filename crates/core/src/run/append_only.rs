use super::{asides::Asides, shown::Shown};
use crate::{Event, EventKind, Text};

/// What a reader is given of a run that can't take anything back: a fold over its events.
///
/// It is what [`RunStream::next_text`](crate::RunStream::next_text) does, for events that come from
/// elsewhere: from a [`Store`](crate::Store), from another process. It is given the run's events in their
/// order, from the first one. What is said inside of an agent's tools is left out.
///
/// ```
/// use mainstem_core::{AppendOnly, Appended, Event};
///
/// let events = r#"[
///     {"seq":1,"path":"write","type":"text_delta","data":{"text":"Jays"}},
///     {"seq":2,"path":"write","type":"retracted","data":{"since":"1-1","reason":"again"}}
/// ]"#;
/// let events: Vec<Event> = serde_json::from_str(events)?;
/// let mut reader = AppendOnly::new();
/// assert!(matches!(reader.text(&events[0]), Appended::Piece(text) if *text == "Jays"));
/// assert_eq!(reader.text(&events[1]), Appended::Void);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct AppendOnly {
    asides: Asides,
    shown: Shown,
}

/// What an event is to a reader that can't take anything back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended<P> {
    /// The next piece.
    Piece(P),
    /// Nothing that it is given.
    Nothing,
    /// Something that it was given is void. It can't go on: whatever follows, what it has isn't what the
    /// run says.
    Void,
}

impl AppendOnly {
    /// A reader that has been given nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an event adds to the text of the run.
    ///
    /// That of [`Event::text`], unless it is empty or was said inside of a tool.
    pub fn text<'a>(&mut self, event: &'a Event) -> Appended<&'a Text> {
        self.take(event, |event| event.text().filter(|text| !text.is_empty()))
    }

    /// What an event adds to the bytes of the run.
    pub fn bytes<'a>(&mut self, event: &'a Event) -> Appended<&'a bytes::Bytes> {
        self.take(event, |event| match &event.kind {
            EventKind::Bytes(bytes) if !bytes.data.is_empty() => Some(&bytes.data),
            _ => None,
        })
    }

    /// What an event adds to something else: `piece` says what, if anything. It isn't asked about what is
    /// said inside of a tool.
    pub fn take<'a, P>(
        &mut self,
        event: &'a Event,
        piece: impl FnOnce(&'a Event) -> Option<P>,
    ) -> Appended<P> {
        match &event.kind {
            EventKind::StepStarted(step) if *step.kind == *"tool" => self.asides.open(&event.path),
            _ => self.asides.note(event),
        }
        if self.shown.is_broken_by(event) {
            return Appended::Void;
        }
        if self.asides.cover(&event.path) {
            return Appended::Nothing;
        }
        match piece(event) {
            Some(piece) => {
                self.shown.note(event);
                Appended::Piece(piece)
            }
            None => Appended::Nothing,
        }
    }

    /// Whether an event is said inside of a tool that has begun and not ended.
    pub fn is_aside(&self, event: &Event) -> bool {
        self.asides.cover(&event.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Epoch, Json, Place, Retracted, Seq, StepFinished, StepPath, StepStarted, TextDelta,
        Timestamp, Usage,
    };

    fn event(at: &str, seq: u64, kind: impl Into<EventKind>) -> Event {
        let path: StepPath = serde_json::from_value(at.into()).unwrap();
        let place = Place::new(Epoch::FIRST, Seq(seq));
        Event::new(place, Timestamp::now(), path, kind.into())
    }

    fn retracted(at: &str, since: u64) -> Event {
        let since = Place::new(Epoch::FIRST, Seq(since));
        event(at, 99, Retracted::new(since, "again"))
    }

    #[test]
    fn what_is_said_inside_of_a_tool_is_no_text_until_the_tool_has_ended() {
        let mut reader = AppendOnly::new();
        let finished = StepFinished::new(Json::null(), Usage::default());
        let events = [
            event("a", 1, TextDelta::new("one")),
            event("a/find[0]", 2, StepStarted::new("tool")),
            event("a/find[0]/b", 3, TextDelta::new("aside")),
            event("a", 4, TextDelta::new("two")),
            event("a/find[0]", 5, finished),
            event("a/find[0]", 6, TextDelta::new("three")),
        ];
        let texts: Vec<_> = events.iter().map(|event| reader.text(event)).collect();
        let said: Vec<_> = texts
            .iter()
            .filter_map(|text| match text {
                Appended::Piece(text) => Some(text.as_str()),
                Appended::Nothing | Appended::Void => None,
            })
            .collect();
        assert_eq!(said, ["one", "two", "three"]);
    }

    #[test]
    fn only_what_was_given_can_be_void() {
        let mut reader = AppendOnly::new();
        assert_eq!(
            reader.bytes(&event("a", 1, TextDelta::new("x"))),
            Appended::Nothing
        );
        assert_eq!(reader.bytes(&retracted("a", 1)), Appended::Nothing);
        let bytes = crate::Bytes::new(vec![7].into());
        assert!(matches!(
            reader.bytes(&event("a", 2, bytes)),
            Appended::Piece(_)
        ));
        assert_eq!(reader.bytes(&retracted("a", 2)), Appended::Void);
    }
}

use std::collections::HashSet;

use crate::{Event, EventKind, Place, StepPath, Text};

/// Which of the JSON documents of a run a view shows.
///
/// The one that began last: a step's first JSON begins a document, and so does what comes after a
/// retraction, or after the end of the step's document before. Steps that were left don't come back.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The only step of interest.
    step: Option<Text>,
    /// The step whose document it is, and its last place.
    current: Option<(StepPath, Place)>,
    /// The steps under way that another one's document has replaced.
    left: HashSet<StepPath>,
}

/// What an event says of the document that is followed.
pub(super) enum Said<'a> {
    /// The first piece of another document.
    Begins(&'a Text),
    More(&'a Text),
    /// What was shown of it is void.
    Void,
    /// No more of it comes.
    Ends,
}

impl Followed {
    /// Follows the documents of one step alone, and of the steps inside of it.
    pub(super) fn only(step: impl Into<Text>) -> Self {
        Self {
            step: Some(step.into()),
            ..Self::default()
        }
    }

    /// The step whose documents alone are followed, if there is one.
    pub(super) fn step(&self) -> Option<&Text> {
        self.step.as_ref()
    }

    /// What an event says; `is_done` tells whether the document so far is complete.
    pub(super) fn take<'a>(&mut self, event: &'a Event, is_done: bool) -> Option<Said<'a>> {
        match &event.kind {
            EventKind::JsonDelta(delta) if self.is_of_interest(&event.path) => {
                self.take_text(event, &delta.text, is_done)
            }
            EventKind::Retracted(retracted) => {
                let is_void = |(path, last): &mut (StepPath, Place)| {
                    path.is_within(&event.path) && *last >= retracted.since
                };
                self.current.take_if(is_void).map(|_| Said::Void)
            }
            EventKind::StepFinished(_) | EventKind::RunFinished(_) => {
                self.forget(&event.path);
                let is_over = |(path, _): &(StepPath, Place)| path.is_within(&event.path);
                self.current
                    .as_ref()
                    .is_some_and(is_over)
                    .then_some(Said::Ends)
            }
            EventKind::StepFailed(_) => {
                self.forget(&event.path);
                None
            }
            _ => None,
        }
    }

    fn take_text<'a>(&mut self, event: &Event, text: &'a Text, is_done: bool) -> Option<Said<'a>> {
        if text.is_empty() || self.left.contains(&event.path) {
            return None;
        }
        let place = event.place();
        match &mut self.current {
            Some((path, last)) if *path == event.path => {
                *last = place;
                let goes_on = !is_done || text.trim_ascii().is_empty();
                Some(match goes_on {
                    true => Said::More(text),
                    false => Said::Begins(text),
                })
            }
            current => {
                let before = current.replace((event.path.clone(), place));
                self.left.extend(before.map(|(path, _)| path));
                Some(Said::Begins(text))
            }
        }
    }

    /// A step has ended: it won't come back.
    fn forget(&mut self, ended: &StepPath) {
        self.left.retain(|path| !path.is_within(ended));
    }

    fn is_of_interest(&self, path: &StepPath) -> bool {
        let Some(step) = &self.step else {
            return true;
        };
        path.segments().any(|segment| segment.name() == **step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Epoch, Error, ErrorKind, Json, JsonDelta, Retracted, RunFinished, Seq, StepFailed,
        StepFinished, Timestamp, Usage,
    };

    fn event(at: &str, seq: u64, kind: impl Into<EventKind>) -> Event {
        let path: StepPath = serde_json::from_value(at.into()).unwrap();
        let place = Place::new(Epoch::FIRST, Seq(seq));
        Event::new(place, Timestamp::now(), path, kind.into())
    }

    fn json(at: &str, seq: u64, text: &str) -> Event {
        event(at, seq, JsonDelta::new(text))
    }

    fn retracted(at: &str, since: u64) -> Event {
        let since = Place::new(Epoch::FIRST, Seq(since));
        event(at, 99, Retracted::new(since, "again"))
    }

    /// What was said, as text; `]` ends a document.
    fn said(mut followed: Followed, events: &[Event]) -> String {
        let mut all = String::new();
        for event in events {
            let is_done = all.ends_with(']');
            match followed.take(event, is_done) {
                Some(Said::Begins(text)) => all.push_str(&format!("|{text}")),
                Some(Said::More(text)) => all.push_str(text),
                Some(Said::Void) => all.push('x'),
                Some(Said::Ends) => all.push('.'),
                None => {}
            }
        }
        all
    }

    #[test]
    fn the_document_that_began_last_is_followed() {
        let events = [
            json("f/a", 1, "[1"),
            json("f/b", 2, "[2"),
            json("f/a", 3, ",3]"),
            json("f/b", 4, "]"),
            json("f/b", 5, " "),
            json("f/c", 6, ""),
        ];
        assert_eq!(said(Followed::default(), &events), "|[1|[2] ");
        assert_eq!(said(Followed::only("a"), &events), "|[1,3]");
        assert_eq!(said(Followed::only("f"), &events), "|[1|[2] ");
        assert_eq!(said(Followed::only("x"), &events), "");
    }

    #[test]
    fn a_step_may_have_several_documents() {
        let events = [json("a", 1, "[1]"), json("a", 2, "[2"), json("a", 3, "]")];
        assert_eq!(said(Followed::default(), &events), "|[1]|[2]");
    }

    #[test]
    fn what_is_void_is_said_once_and_only_of_what_was_shown() {
        let events = [
            json("f/a", 5, "[1"),
            retracted("f/b", 1),
            retracted("f/a", 6),
            retracted("f", 5),
            retracted("f/a", 1),
            json("f/a", 7, "[2"),
        ];
        assert_eq!(said(Followed::default(), &events), "|[1x|[2");
    }

    #[test]
    fn a_document_ends_with_its_step() {
        let finished = |at| event(at, 8, StepFinished::new(Json::null(), Usage::default()));
        let run = RunFinished::new(Json::null(), Usage::default());
        let events = [
            json("f/a", 1, "1"),
            finished("f/b"),
            finished("f/a"),
            event("", 9, run),
        ];
        assert_eq!(said(Followed::default(), &events), "|1..");
    }

    #[test]
    fn a_step_that_ended_is_forgotten() {
        let mut followed = Followed::default();
        let failed = StepFailed::new((&Error::new(ErrorKind::Step, "no")).into());
        for event in [
            json("f/a", 1, "["),
            json("g", 2, "["),
            event("f", 3, failed),
        ] {
            followed.take(&event, false);
        }
        assert!(followed.left.is_empty());
    }
}

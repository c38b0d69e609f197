use std::collections::HashMap;

use crate::{Event, EventKind, Place, StepPath};

/// What was given for good: to whom can't take it back.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// To who reads the stream, as text or as items.
    pub(super) to_reader: Shown,
    /// To the `on_chunk` callbacks, which are all given the same.
    pub(super) to_callbacks: Shown,
}

impl Given {
    /// Whether a retraction would take back something of it.
    pub(super) fn has_any_since(&self, path: &StepPath, since: Place) -> bool {
        self.to_reader.has_any_since(path, since) || self.to_callbacks.has_any_since(path, since)
    }
}

/// What a reader that can't take text back has been shown: the last place of each path.
///
/// A step that ends is counted as the step around it from then on, so that there are no more
/// entries than steps and branches under way.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The path that spoke last, for which nothing is looked up.
    current: Option<(StepPath, Place)>,
    others: HashMap<StepPath, Place>,
}

impl Shown {
    /// Notes what an event says; whether it takes back text that was shown.
    pub(super) fn is_broken_by(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::StepFinished(_) | EventKind::StepFailed(_) => self.fold(&event.path),
            EventKind::Retracted(retracted) => {
                return self.has_any_since(&event.path, retracted.since);
            }
            _ => {}
        }
        false
    }

    /// Whether anything of a path or below was shown, from a place on.
    fn has_any_since(&self, path: &StepPath, since: Place) -> bool {
        let current = self.current.as_ref().map(|(path, last)| (path, last));
        let mut shown = self.others.iter().chain(current);
        shown.any(|(at, last)| *last >= since && at.is_within(path))
    }

    /// Notes text of a path.
    pub(super) fn note(&mut self, event: &Event) {
        let place = event.place();
        match &mut self.current {
            Some((path, last)) if *path == event.path => *last = place,
            current => {
                let before = current.replace((event.path.clone(), place));
                self.others.extend(before);
            }
        }
    }

    fn fold(&mut self, ended: &StepPath) {
        let around = ended.parent().unwrap_or_default();
        let mut last = None;
        let mut keep = |path: &StepPath, place: &Place| {
            let goes = path.is_within(ended);
            last = last.max(goes.then_some(*place));
            !goes
        };
        self.others.retain(|path, place| keep(path, place));
        self.current.take_if(|(path, place)| !keep(path, place));
        if let Some(last) = last {
            let place = self.others.entry(around).or_insert(last);
            *place = last.max(*place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Json, Retracted, Seq, StepFinished, TextDelta, Timestamp, Usage};

    fn path(text: &str) -> StepPath {
        serde_json::from_value(text.into()).unwrap()
    }

    fn event(at: &str, seq: u64, kind: impl Into<EventKind>) -> Event {
        let place = Place::new(Epoch::FIRST, Seq(seq));
        Event::new(place, Timestamp::now(), path(at), kind.into())
    }

    fn retracted(at: &str, since: u64) -> Event {
        let since = Place::new(Epoch::FIRST, Seq(since));
        event(at, 99, Retracted::new(since, "again"))
    }

    fn shown(texts: &[(&str, u64)]) -> Shown {
        let mut shown = Shown::default();
        for (at, seq) in texts {
            shown.note(&event(at, *seq, TextDelta::new("x")));
        }
        shown
    }

    #[test]
    fn what_counts_is_text_of_the_path_and_since_the_place() {
        let mut shown = shown(&[("f/a", 3), ("f/views[1]/b", 5), ("f/a", 7)]);
        assert!(shown.is_broken_by(&retracted("f/a", 7)));
        assert!(shown.is_broken_by(&retracted("f/a", 4)));
        assert!(!shown.is_broken_by(&retracted("f/a", 8)));
        assert!(!shown.is_broken_by(&retracted("f/other", 1)));
        assert!(shown.is_broken_by(&retracted("f/views", 5)));
        assert!(!shown.is_broken_by(&retracted("f/views", 6)));
        assert!(!shown.is_broken_by(&retracted("f/views[0]", 1)));
        assert!(shown.is_broken_by(&retracted("f", 7)));
    }

    #[test]
    fn the_text_of_a_step_that_ended_is_that_of_the_step_around_it() {
        let mut shown = shown(&[("f/in/a", 3), ("f/b", 4), ("f/in/a", 5)]);
        let output = Json::null();
        let finished = StepFinished::new(output, Usage::default());
        assert!(!shown.is_broken_by(&event("f/in/a", 6, finished.clone())));
        assert!(!shown.is_broken_by(&retracted("f/in", 6)));
        assert!(shown.is_broken_by(&retracted("f/in", 5)));
        assert!(!shown.is_broken_by(&event("f/in", 7, finished)));
        assert!(shown.is_broken_by(&retracted("f", 5)));
        assert_eq!(shown.others.len() + usize::from(shown.current.is_some()), 2);
    }
}

use std::collections::BTreeMap;

use crate::{Partial, Place, Seq, StepPath, Usage};

/// What steps that ended early had delivered, for as long as it may be the run's partial output.
///
/// A step's failure isn't the run's, if the step around it goes on: then what was delivered goes.
#[derive(Default)]
pub(super) struct Partials(BTreeMap<StepPath, Delivered>);

struct Delivered {
    partial: Partial,
    /// All of it was shown before this place.
    before: Place,
    /// What was used for it, where this run didn't count that: in a run of its own.
    uncounted: Usage,
    /// The outermost step that has ended with it; none, while the step itself may go on.
    ended: Option<StepPath>,
    by: By,
}

/// Who says what a step had delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The step.
    Record,
    /// The error with which it failed.
    Error,
    /// The events that it emitted.
    Events,
}

impl Partials {
    /// A step had delivered something; `next` is the place of what comes next.
    pub(super) fn record(&mut self, path: StepPath, partial: Partial, next: Place) {
        let delivered = Delivered {
            partial,
            before: next,
            uncounted: Usage::default(),
            ended: None,
            by: By::Record,
        };
        self.0.insert(path, delivered);
    }

    /// A step ended early, and had emitted text by itself, the last of it at a place.
    ///
    /// What it has recorded stands. What a run inside of it had delivered follows, unless the step has shown
    /// it already.
    pub(super) fn said(&mut self, path: &StepPath, text: &str, last: Place) {
        let before = Place::new(last.epoch, Seq(last.seq.0 + 1));
        let Some(delivered) = self.0.get_mut(path) else {
            let delivered = Delivered {
                partial: Partial::new(text, Usage::default(), None),
                before,
                uncounted: Usage::default(),
                ended: None,
                by: By::Events,
            };
            self.0.insert(path.clone(), delivered);
            return;
        };
        if delivered.by == By::Error {
            let inner = &delivered.partial.text;
            delivered.partial.text = match text.ends_with(inner.as_str()) {
                true => text.into(),
                false => format!("{text}{inner}").into(),
            };
            delivered.by = By::Record;
        }
    }

    /// The error with which a step fails says what had been delivered: by a run inside of it, unless
    /// something in the step has said so itself.
    pub(super) fn pass_on(&mut self, path: &StepPath, partial: &Partial, next: Place) {
        if self.at_and_below(path).is_empty() {
            let delivered = Delivered {
                partial: partial.clone(),
                before: next,
                uncounted: partial.usage,
                ended: None,
                by: By::Error,
            };
            self.0.insert(path.clone(), delivered);
        }
    }

    /// A step begins. So the step around it goes on, whatever else in it had failed; but another
    /// attempt may continue what the one before had delivered.
    pub(super) fn begin(&mut self, path: &StepPath) {
        if self.0.is_empty() {
            return;
        }
        self.finish(path);
        let Some(outer) = path.parent() else {
            return;
        };
        let first = path.attempt(1);
        let is_handled = |ended: &StepPath| {
            ended.parent().as_ref() == Some(&outer) && (*path == first || ended.attempt(1) != first)
        };
        for at in self.at_and_below(&outer) {
            if self.0[&at].ended.as_ref().is_some_and(is_handled) {
                self.0.remove(&at);
            }
        }
    }

    /// A step has finished: what was in it is in its output, or was handled.
    pub(super) fn finish(&mut self, path: &StepPath) {
        for at in self.at_and_below(path) {
            self.0.remove(&at);
        }
    }

    /// A step has failed or was cut.
    pub(super) fn end(&mut self, path: &StepPath) {
        for at in self.at_and_below(path) {
            if let Some(delivered) = self.0.get_mut(&at) {
                delivered.ended = Some(path.clone());
            }
        }
    }

    /// What was shown of a path since a place is void.
    pub(super) fn retract(&mut self, path: &StepPath, since: Place) {
        self.0
            .retain(|at, delivered| delivered.before <= since || !at.is_within(path));
    }

    /// What a path and those below it had delivered, in the order of paths, with what was used; and
    /// why the last of their answers ended. None, if there are none.
    pub(super) fn within(&self, path: &StepPath, mut used: Usage) -> Option<Partial> {
        let mut text = String::new();
        let (mut is_there, mut reason) = (false, None);
        for (_, delivered) in self.0.iter().filter(|(at, _)| at.is_within(path)) {
            is_there = true;
            text.push_str(&delivered.partial.text);
            used += delivered.uncounted;
            // What a function says is no answer, and has no reason why it ended.
            if delivered.by != By::Events {
                reason.clone_from(&delivered.partial.finish_reason);
            }
        }
        is_there.then(|| Partial::new(text, used, reason))
    }

    /// A step, its branches, and the steps inside of it.
    ///
    /// In the order of paths they follow each other, among other attempts of the step: so this looks
    /// at these alone, however many other steps there are.
    fn at_and_below(&self, path: &StepPath) -> Vec<StepPath> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let name = up_to_name(path.as_str());
        self.0
            .range(path.clone()..)
            .map(|(at, _)| at)
            .take_while(|at| at.as_str().starts_with(name))
            .filter(|at| at.is_within(path))
            .cloned()
            .collect()
    }
}

/// A path without the index and the attempt of its last step.
fn up_to_name(path: &str) -> &str {
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    let end = path[last..].find(['[', '#']);
    end.map_or(path, |end| &path[..last + end])
}

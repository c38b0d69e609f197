//! What a reader has of a run in the end.

use std::collections::BTreeMap;

use mainstem::{Event, EventKind, StepPath};

/// The events that are left for a reader that takes back what is retracted: by path, without the
/// numbers of attempts, in order. The breaks of the run aren't among them.
pub(crate) fn left(events: &[Event]) -> BTreeMap<String, Vec<String>> {
    let mut left: Vec<&Event> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::Retracted(retracted) => left
                .retain(|said| !said.path.is_within(&event.path) || said.place() < retracted.since),
            EventKind::RunResumed(_) | EventKind::RunSuspended(_) => {}
            _ => left.push(event),
        }
    }
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in left {
        let said = match &event.kind {
            // The id that the provider gave isn't the same each time.
            EventKind::TurnStarted(_) => "turn_started".to_owned(),
            // What attempts that were cut off used is counted, too.
            EventKind::StepFinished(finished) => {
                format!("{} {:?}", finished.output.as_str(), finished.context_delta)
            }
            EventKind::RunFinished(finished) => finished.output.as_str().to_owned(),
            // The path of an error has the numbers of attempts.
            EventKind::StepFailed(failed) => {
                format!("{} {:?}", failed.error.message, failed.context_delta)
            }
            kind => serde_json::to_string(kind).unwrap(),
        };
        paths
            .entry(first_attempt(&event.path))
            .or_default()
            .push(said);
    }
    paths
}

/// A path without the numbers of attempts.
pub(crate) fn first_attempt(path: &StepPath) -> String {
    let steps = path.segments().map(|step| {
        let path = StepPath::run().child(&step.name());
        let path = step.index().map_or(path.clone(), |index| path.index(index));
        path.to_string()
    });
    steps.collect::<Vec<_>>().join("/")
}

//! Small helpers for flows in tests.

use futures::StreamExt;
use mainstem_agent::Agent;
use mainstem_core::{Event, EventKind, RunStream, test_util::ScriptedModel};

/// An agent by name, on a scripted model.
pub(crate) fn agent(name: &str, model: &ScriptedModel) -> Agent {
    Agent::builder(model.clone()).name(name).build().unwrap()
}

pub(crate) async fn collect<T>(run: &mut RunStream<T>) -> Vec<Event> {
    let events: Vec<_> = run.collect().await;
    let ends = events.iter().filter(|event| event.is_end()).count();
    assert_eq!(ends, 1);
    assert!(events.last().unwrap().is_end());
    events
}

/// `PATH KIND` of each event, and what it says.
pub(crate) fn lines(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(line).collect()
}

fn line(event: &Event) -> Option<String> {
    let what = match &event.kind {
        EventKind::TextDelta(delta) => format!("says {}", delta.text),
        EventKind::StepStarted(started) => format!("starts {}", started.kind),
        EventKind::StepFinished(finished) => format!("gives {}", finished.output.as_str()),
        EventKind::StepFailed(failed) => format!("fails {}", failed.error.kind_name()),
        EventKind::RunFinished(finished) => format!("run gives {}", finished.output.as_str()),
        EventKind::RunFailed(failed) => format!("run fails {}", failed.error.kind_name()),
        EventKind::RunStarted(_) | EventKind::TurnStarted(_) | EventKind::TurnFinished(_) => {
            return None;
        }
        kind => kind.name().to_owned(),
    };
    Some(format!("{} {what}", event.path).trim_start().to_owned())
}

/// The name of an error's kind, as it stands in JSON.
pub(crate) trait KindName {
    fn kind_name(&self) -> String;
}

impl KindName for mainstem_core::ErrorInfo {
    fn kind_name(&self) -> String {
        format!("{:?}", self.kind).to_lowercase()
    }
}

pub(crate) fn texts(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(Event::text)
        .map(|text| &**text)
        .collect()
}

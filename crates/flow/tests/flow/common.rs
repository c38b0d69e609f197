//! Small helpers for flows in tests.

use std::collections::BTreeMap;

use futures::StreamExt;
use mainstem_agent::Agent;
use mainstem_core::{
    Error, Event, EventKind, InputRequest, Result, RunStream, StepPath, StepResult,
    test_util::ScriptedModel,
};
use mainstem_flow::{Flow, StepValue};

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

/// A step that asks under this id, and waits for the answer.
pub(crate) fn asks<In>(id: &'static str) -> impl Fn(In) -> StepResult<In> {
    move |_| {
        let request = InputRequest::new(id, StepPath::run(), "Go on?");
        Err(Error::suspend([request]).into())
    }
}

/// What a suspended run asks for.
pub(crate) fn asked(error: &Error) -> Vec<&str> {
    let requests = &error.suspension().unwrap().requests;
    requests.iter().map(|request| &*request.id).collect()
}

/// The events of a run, and its output, which is the same when it is only awaited.
pub(crate) async fn both_ways<I, O>(flow: &Flow<I, O>, input: I) -> Result<(Vec<Event>, O)>
where
    I: StepValue + Clone,
    O: StepValue + PartialEq + std::fmt::Debug,
{
    let mut run = flow.run_streamed(input.clone());
    let events = collect(&mut run).await;
    let output = run.await?.output;
    assert_eq!(flow.run(input).await?.output, output);
    Ok((events, output))
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
        EventKind::StepSkipped(skipped) => format!("is skipped: {}", skipped.reason),
        EventKind::Retracted(retracted) => format!("retracts: {}", retracted.reason),
        EventKind::Decided(decided) => {
            let what = format!("{:?}", decided.what).to_lowercase();
            format!("decides {}: {what} {}", decided.key, decided.value.as_str())
        }
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

/// What is left of a log for somebody who takes back what is retracted: by path, without attempts,
/// what was said and given, in order.
pub(crate) fn effective(events: &[Event]) -> BTreeMap<String, Vec<String>> {
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
        let path = event.path.segments().fold(StepPath::run(), |path, step| {
            let path = path.child(&step.name());
            step.index().map_or(path.clone(), |index| path.index(index))
        });
        let what = match &event.kind {
            EventKind::RunStarted(_) => "run_started".to_owned(),
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
        paths.entry(path.to_string()).or_default().push(what);
    }
    paths
}

//! Logs of runs, written by hand.

use futures::{Stream, stream};
use http_body_util::BodyExt;
use mainstem_core::{
    CancelledBy, Epoch, Error, ErrorInfo, ErrorKind, Event, EventKind, InputRequest, Json, Place,
    Result, Retracted, RunCancelled, RunFailed, RunFinished, RunStarted, RunSuspended, Seq,
    StepPath, TextDelta, Timestamp, Usage,
};
use mainstem_serve::{ResponseOptions, respond, wire::Format};

/// An event of the step `write`, or of the run itself.
pub(crate) fn event(seq: u64, kind: impl Into<EventKind>) -> Event {
    let kind = kind.into();
    let path = match kind.is_end() || matches!(kind, EventKind::RunStarted(_)) {
        true => StepPath::run(),
        false => StepPath::run().child("write"),
    };
    let at = Timestamp::from_unix_millis(1_763_692_800_123);
    Event::new(Place::new(Epoch::FIRST, Seq(seq)), at, path, kind)
}

pub(crate) fn started() -> Event {
    event(1, RunStarted::new("run-1".into(), "guide"))
}

pub(crate) fn text(seq: u64, text: &str) -> Event {
    event(seq, TextDelta::new(text))
}

pub(crate) fn retracted(seq: u64, since: u64) -> Event {
    let since = Place::new(Epoch::FIRST, Seq(since));
    event(seq, Retracted::new(since, "another attempt"))
}

pub(crate) fn finished(seq: u64) -> Event {
    let output = Json::parse(r#""Jays.""#).unwrap();
    event(seq, RunFinished::new(output, Usage::new(3, 2)))
}

pub(crate) fn error() -> Error {
    Error::new(ErrorKind::Model, "the model answered 503")
}

pub(crate) fn failed(seq: u64) -> Event {
    event(seq, RunFailed::new(ErrorInfo::from(&error())))
}

pub(crate) fn cancelled(seq: u64) -> Event {
    event(seq, RunCancelled::new(CancelledBy::Stop))
}

pub(crate) fn suspended(seq: u64) -> Event {
    let request = InputRequest::new("ok", StepPath::run().child("write"), "Go on?");
    event(seq, RunSuspended::new(vec![request]))
}

/// The events as a response reads them.
pub(crate) fn read(events: Vec<Event>) -> impl Stream<Item = Result<Event>> + Send + Unpin {
    stream::iter(events.into_iter().map(Ok))
}

/// What a client gets that has all events up to a place, and whether it ended properly.
pub(crate) async fn play(
    format: Format,
    events: Vec<Result<Event>>,
    after: Option<Place>,
) -> (Vec<u8>, bool) {
    let options = ResponseOptions::new().after(after);
    let mut body = respond(format, stream::iter(events), options).into_body();
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => all.extend_from_slice(&frame.into_data().unwrap()),
            Err(_) => return (all, false),
        }
    }
    (all, true)
}

//! The events of a run as a response, for all routes that give them.

use axum::response::{IntoResponse, Response};
use futures::Stream;
use http::{HeaderMap, StatusCode};
use mainstem_core::{Error, ErrorKind, Event, Place, RunId, RunState, RunStatus, Seq};

use super::App;
use crate::{
    ReadFrom, Reader, ResponseOptions, Session,
    guard::Caller,
    metrics::Read,
    refusal::Refusal,
    respond_sniffed,
    wire::{Ended, Format, Outcome},
};

/// The format of a name, or else one that the client accepts.
pub(super) fn format(name: Option<&str>, headers: &HeaderMap) -> Result<Format, Refusal> {
    Ok(Format::negotiate(name, headers)?)
}

/// The run of an id, if the caller may see it.
pub(super) async fn open(app: &App, caller: &Caller, id: &str) -> Result<Session, Refusal> {
    let session = match app.sessions.open(&RunId::from(id)).await {
        Ok(session) => session,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Refusal::no_such_run()),
        Err(error) => return Err(error.into()),
    };
    if caller.principal.may_see(session.owner()) {
        Ok(caller.going_on_with(session))
    } else {
        Err(Refusal::no_such_run())
    }
}

/// What a reader of this format that goes on after a place has to be given.
pub(super) fn from(format: Format, after: Option<Place>) -> ReadFrom {
    match after {
        Some(place) if format.needs_past() => ReadFrom::Again(place),
        Some(place) => ReadFrom::After(place),
        None => ReadFrom::Start,
    }
}

/// The events as a response.
pub(super) async fn answer(
    app: &App,
    format: Format,
    reader: Reader,
    after: Option<Place>,
    headers: &HeaderMap,
) -> Response {
    let run = reader.run().clone();
    respond(app, format, &run, reader, after, headers).await
}

/// The end as a response, to a reader that has the event before it.
pub(super) async fn answer_end(
    app: &App,
    format: Format,
    state: &RunState,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let last = last(app, state).await?.map(Ok);
    let events = futures::stream::iter(last);
    Ok(respond(app, format, &state.id, events, state.last, headers).await)
}

async fn respond<S>(
    app: &App,
    format: Format,
    run: &RunId,
    events: S,
    after: Option<Place>,
    headers: &HeaderMap,
) -> Response
where
    S: Stream<Item = Result<Event, Error>> + Send + Unpin + 'static,
{
    let options = ResponseOptions::new()
        .heartbeat(app.heartbeat)
        .accept_encoding(headers)
        .run(run)
        .after(after);
    let counted = Read::new(events, app.metrics.reader(format.name()));
    respond_sniffed(format, counted, options).await
}

/// A place as a client writes it.
pub(super) fn place(written: &str) -> Result<Place, Refusal> {
    written
        .parse()
        .map_err(|error: Error| Refusal::new(StatusCode::BAD_REQUEST, "no_place", error.message()))
}

/// What there is for a reader that has everything up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Events, now or later.
    Events,
    /// How the run ended, which it has the event of.
    End,
    /// Nothing, unless the run is answered.
    Nothing,
}

pub(super) fn left(state: &RunState, after: Option<Place>) -> Left {
    let (Some(outcome), Some(place)) = (outcome(state), state.last) else {
        return Left::Events;
    };
    match after {
        Some(after) if after == place => Left::End,
        Some(after) if after == (Ended { outcome, place }).id() => Left::Nothing,
        _ => Left::Events,
    }
}

/// How a run has ended, or that it waits for answers; none while it is under way.
pub(super) fn outcome(state: &RunState) -> Option<Outcome> {
    match state.status {
        RunStatus::Finished => Some(Outcome::Finished),
        RunStatus::Failed => Some(Outcome::Failed),
        RunStatus::Cancelled => Some(Outcome::Cancelled),
        RunStatus::Suspended => Some(Outcome::Suspended),
        _ => None,
    }
}

/// Nothing to read: it is what makes an `EventSource` stop coming back.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The last event of a run.
pub(super) async fn last(app: &App, state: &RunState) -> Result<Option<Event>, Refusal> {
    let Some(last) = state.last else {
        return Ok(None);
    };
    let before = last.seq.0.checked_sub(1);
    let before = before.map(|seq| Place::new(last.epoch, Seq(seq)));
    let mut events = app.sessions.store().read(&state.id, before, 1).await?;
    Ok(events.pop())
}

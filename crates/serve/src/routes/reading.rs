//! The events of a run as a response, for all routes that give them.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use mainstem_core::{Error, ErrorKind, Event, Place, RunId, RunState, RunStatus, Seq};

use super::App;
use crate::{
    ReadFrom, Reader, ResponseOptions, Session, guard::Caller, metrics::Read, refusal::Refusal,
    respond_sniffed, wire::Format,
};

/// The format of a name, or else one that the client accepts.
pub(super) fn format(name: Option<&str>, headers: &HeaderMap) -> Result<Format, Refusal> {
    Format::negotiate(name, headers).map_err(|error| {
        Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "no_such_wire",
            error.to_string(),
        )
    })
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
    let options = ResponseOptions::new()
        .heartbeat(app.heartbeat)
        .accept_encoding(headers)
        .run(reader.run())
        .after(after);
    let counted = Read::new(reader, app.metrics.reader(format.name()));
    respond_sniffed(format, counted, options).await
}

/// A place as a client writes it.
pub(super) fn place(written: &str) -> Result<Place, Refusal> {
    written
        .parse()
        .map_err(|error: Error| Refusal::new(StatusCode::BAD_REQUEST, "no_place", error.message()))
}

/// Whether a reader that has everything up to a place has all there will be, unless the run is
/// answered.
pub(super) fn has_all(state: &RunState, after: Option<Place>) -> bool {
    state.status != RunStatus::Running && after.is_some() && after == state.last
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

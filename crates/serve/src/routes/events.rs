//! `GET /runs/{id}/events`: the events of a run, from any place on, in any wire.

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use http::{HeaderMap, Method, StatusCode};
use mainstem_core::Place;
use serde::Deserialize;

use super::{
    App,
    asked_run::AskedRun,
    reading::{self, Left},
};
use crate::{ReadFrom, guard::Caller, refusal::Refusal};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    after: Option<String>,
    wire: Option<String>,
    #[serde(default)]
    snapshot: bool,
}

pub(super) async fn events(
    State(app): State<Arc<App>>,
    method: Method,
    caller: Caller,
    AskedRun(id): AskedRun,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Query(asked) = asked.map_err(|_| {
        let message = "the query of events has `after` (a place), `wire` and `snapshot` (true or \
                       false), each once at most";
        Refusal::new(StatusCode::BAD_REQUEST, "no_such_query", message)
    })?;
    let format = reading::format(asked.wire.as_deref(), &headers)?;
    let after = after(asked.after.as_deref(), &headers)?;
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.state().await?;
    match reading::left(&state, after) {
        Left::Nothing => return Ok(reading::nothing()),
        Left::End if format.ends_by_id() => {
            return reading::answer_end(&app, format, &state, &headers).await;
        }
        Left::End => return Ok(reading::nothing()),
        Left::Events => {}
    }
    let from = match (asked.snapshot, after) {
        (true, None) => ReadFrom::Snapshot,
        _ => reading::from(format, after),
    };
    // Who says where it was comes back: a run that waits for its reader goes on. Who asks for the head alone
    // reads nothing.
    let reader = match after {
        Some(_) if method != Method::HEAD => session.attach(from).await?,
        _ => session.read(from).await?,
    };
    Ok(reading::answer(&app, format, reader, after, &headers).await)
}

/// The place of the last event that the reader has.
///
/// An `EventSource` that comes back asks for the same address, and says in a header where it was: that
/// is newer.
pub(super) fn after(asked: Option<&str>, headers: &HeaderMap) -> Result<Option<Place>, Refusal> {
    let mut last = headers.get_all("last-event-id").iter();
    let (last, None) = (last.next(), last.next()) else {
        let message =
            "the header `last-event-id` is there twice; send the last place that you have";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no_place", message));
    };
    let last = last
        .map(|value| value.to_str().unwrap_or("?"))
        .filter(|value| !value.is_empty());
    last.or(asked).map(reading::place).transpose()
}

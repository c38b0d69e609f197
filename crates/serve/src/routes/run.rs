//! `GET /runs/{id}`: how far a run has got; `DELETE /runs/{id}`: its end.

use std::sync::Arc;

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use http::Uri;
use mainstem_core::{EventKind, RunState, RunStatus};
use serde_json::{Value, json};

use super::{App, links::links, reading};
use crate::{guard::Caller, refusal::Refusal};

pub(super) async fn state(
    State(app): State<Arc<App>>,
    caller: Caller,
    original: OriginalUri,
    asked: Uri,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.state().await?;
    let mut shown = shown(&state);
    shown["links"] = links(&original, &asked, &state.id);
    if state.status == RunStatus::Suspended
        && let Some(last) = reading::last(&app, &state).await?
        && let EventKind::RunSuspended(suspended) = last.kind
    {
        shown["requests"] = json!(suspended.requests);
    }
    Ok(Json(shown))
}

/// Ends a run; one that has ended stays as it is.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.cancel().await?;
    Ok(Json(shown(&state)))
}

/// A run's state as JSON.
pub(super) fn shown(state: &RunState) -> Value {
    json!(state)
}

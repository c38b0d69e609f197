//! `GET /runs/{id}`: how far a run has got; `DELETE /runs/{id}`: its end.

use std::sync::Arc;

use axum::{
    Json,
    extract::{OriginalUri, State},
};
use http::Uri;
use mainstem_core::{ErrorInfo, EventKind, RunState, RunStatus};
use serde_json::{Value, json};

use super::{App, asked_run::AskedRun, links::links, reading};
use crate::{guard::Caller, refusal::Refusal};

pub(super) async fn state(
    State(app): State<Arc<App>>,
    caller: Caller,
    original: OriginalUri,
    asked: Uri,
    AskedRun(id): AskedRun,
) -> Result<Json<Value>, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.state().await?;
    let mut shown = shown(&state);
    shown["links"] = links(&original, &asked, &state.id);
    if matches!(state.status, RunStatus::Suspended | RunStatus::Failed) {
        let last = reading::last(&app, &state).await?;
        match last.map(|last| last.kind) {
            Some(EventKind::RunSuspended(asked)) => shown["requests"] = json!(asked.requests),
            Some(EventKind::RunFailed(failed)) => shown["error"] = told(&failed.error),
            _ => {}
        }
    }
    Ok(Json(shown))
}

/// Ends a run; one that has ended stays as it is.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    AskedRun(id): AskedRun,
) -> Result<Json<Value>, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.cancel().await?;
    Ok(Json(shown(&state)))
}

/// The error of a run, in short; its events have all of it.
pub(super) fn told(error: &ErrorInfo) -> Value {
    let mut told = json!({"kind": error.kind, "message": error.message});
    if let Some(code) = &error.code {
        told["code"] = json!(code);
    }
    told
}

/// A run's state as JSON.
pub(super) fn shown(state: &RunState) -> Value {
    json!(state)
}

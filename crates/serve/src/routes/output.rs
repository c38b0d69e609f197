//! `GET /runs/{id}/output`: what a run gave.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use mainstem_core::{EventKind, RunStatus};

use super::{App, asked_run::AskedRun, reading, run::told};
use crate::{guard::Caller, refusal::Refusal};

pub(super) async fn output(
    State(app): State<Arc<App>>,
    caller: Caller,
    AskedRun(id): AskedRun,
) -> Result<Response, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.state().await?;
    let last = reading::last(&app, &state).await?;
    match last.map(|last| last.kind) {
        Some(EventKind::RunFinished(finished)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            return Ok((headers, finished.output.as_str().to_owned()).into_response());
        }
        Some(EventKind::RunFailed(failed)) => {
            let message = "the run failed, and has no output; `cause` is its error";
            let refusal = Refusal::new(StatusCode::CONFLICT, "run_failed", message);
            return Err(refusal.because_of(told(&failed.error)));
        }
        _ => {}
    }
    let (code, message) = match state.status {
        RunStatus::Cancelled => ("run_cancelled", "the run was stopped, and has no output"),
        RunStatus::Suspended => (
            "run_suspended",
            "the run waits for answers, and has no output yet; answer by `POST /runs/{id}/input`",
        ),
        _ => (
            "run_running",
            "the run is under way, and has no output yet; read its events until it ends",
        ),
    };
    Err(Refusal::new(StatusCode::CONFLICT, code, message))
}

//! `POST /runs/{id}/input`: answers what a suspended run asks; it goes on.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use http::{HeaderMap, Uri};
use serde::Deserialize;

use super::{App, asked_run::AskedRun, reading, start::accepted};
use crate::{
    given::{self, Given},
    guard::{Caller, JsonBody},
    misfit::Object,
    refusal::Refusal,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    answers: Vec<Object<Given>>,
    #[serde(default)]
    wire: Option<String>,
    #[serde(default)]
    detach: bool,
}

pub(super) async fn input(
    State(app): State<Arc<App>>,
    caller: Caller,
    original: OriginalUri,
    asked: Uri,
    AskedRun(id): AskedRun,
    headers: HeaderMap,
    JsonBody(input): JsonBody<Input>,
) -> Result<Response, Refusal> {
    // Without a wire by name the run goes on by itself: its other readers are there already.
    let format = match &input.wire {
        Some(name) => Some(reading::format(Some(name), &headers)?),
        None => None,
    };
    let session = reading::open(&app, &caller, &id).await?;
    let answers = given::answers(input.answers)?;
    let suspended = session.state().await?.last;
    let Some(format) = format.filter(|_| !input.detach) else {
        let session = session.answer(answers).await?;
        return Ok(accepted(&session, &original, &asked));
    };
    let session = session.answer_attached(answers).await?;
    let reader = session.attach(reading::from(format, suspended)).await?;
    Ok(reading::answer(&app, format, reader, suspended, &headers).await)
}

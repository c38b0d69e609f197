//! `POST /runs`: starts a run.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header};
use mainstem_core::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, links::links, reading};
use crate::{
    ReadFrom, Session,
    guard::{Caller, JsonBody},
    refusal::Refusal,
    respond::RUN_HEADER,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    run: String,
    #[serde(default = "Json::null")]
    input: Json,
    #[serde(default)]
    wire: Option<String>,
    #[serde(default)]
    detach: bool,
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    original: OriginalUri,
    asked: Uri,
    headers: HeaderMap,
    JsonBody(start): JsonBody<Start>,
) -> Result<Response, Refusal> {
    // Before the run begins: a client that can't be answered starts nothing.
    let format = match (&start.wire, start.detach) {
        (None, true) => None,
        (name, _) => Some(reading::format(name.as_deref(), &headers)?),
    };
    let mut options = caller.start_options();
    options.detach = start.detach;
    options.metadata = start.metadata;
    let session = app.sessions.start(&start.run, start.input, options).await?;
    app.metrics.run_started(session.name());
    match format.filter(|_| !start.detach) {
        None => Ok(accepted(&session, &original, &asked)),
        Some(format) => {
            let reader = session.attach(ReadFrom::Start).await?;
            Ok(reading::answer(&app, format, reader, None, &headers).await)
        }
    }
}

/// The run goes on without this client: where to find it.
pub(super) fn accepted(session: &Session, original: &OriginalUri, asked: &Uri) -> Response {
    let id = session.id();
    let links = links(original, asked, id);
    let location = links["self"].as_str().unwrap_or_default().to_owned();
    let body = json!({"id": id, "run": session.name(), "links": links});
    let headers = [(header::LOCATION, location), (RUN_HEADER, id.to_string())];
    (StatusCode::ACCEPTED, headers, axum::Json(body)).into_response()
}

//! `GET /metrics`: what the server counts, for Prometheus.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use http::header;

use super::App;
use crate::{
    guard::{Caller, Right},
    refusal::Refusal,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<impl IntoResponse, Refusal> {
    caller.must(Right::Metrics)?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics.text()))
}

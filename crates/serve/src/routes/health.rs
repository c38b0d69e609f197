//! `GET /health`: that the server answers. It is the one route that asks nobody who they are.

use axum::Json;
use serde_json::{Value, json};

pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

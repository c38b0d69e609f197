//! Chunks as server-sent events, and then `{"complete": true}`: `-- 127.0.0.1:8000` serves `POST /stream`,
//! without it asks itself.
use axum::{Json, Router, extract::State, response::IntoResponse, routing::post};
use mainstem::{
    prelude::*,
    serve::{IntoWire, wire::Format},
};
use mainstem_examples::serve_and_post;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Request {
    message: String,
}

async fn answer(State(agent): State<Agent>, Json(request): Json<Request>) -> impl IntoResponse {
    // The body owns the run: a client that leaves drops it, and the model stops. A run that fails
    // gives `{"error": ..}`, and no `complete`.
    agent.run(request.message).into_wire(Format::Chunks)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let app = Router::new().route("/stream", post(answer));
    let message = json!({ "message": "How do I stop a run?" });
    serve_and_post(app.with_state(agent), "/stream", &message).await
}

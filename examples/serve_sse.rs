//! Server-sent events with names and ids: `GET /stream/sse`.
use std::time::Duration;

use axum::{Router, response::IntoResponse, routing::get};
use mainstem::{Custom, Json, Run, serve::IntoWire};
use mainstem_examples::serve_and_get;
use serde_json::json;

async fn stream_sse() -> impl IntoResponse {
    let run = Run::new("updates", |ctx| async move {
        for id in 0..10 {
            let update =
                json!({"id": id, "data": format!("Event {id}"), "progress": (id + 1) * 10});
            ctx.emit(Custom::new("update", Json::new(&update)?)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    });
    // An `id` is a place in the run. This run goes with its reader; one that is to be read again from
    // there is a `Server`'s.
    run.into_sse().heartbeat(Duration::from_secs(5))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new().route("/stream/sse", get(stream_sse));
    serve_and_get(app, "/stream/sse").await
}

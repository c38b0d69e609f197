//! A function's text as a response: `-- 127.0.0.1:8000` serves `GET /stream/text`, without it asks itself.
use std::time::Duration;

use axum::{Router, response::IntoResponse, routing::get};
use mainstem::{Run, TextDelta, serve::IntoWire};
use mainstem_examples::serve_and_get;

async fn stream_text() -> impl IntoResponse {
    let run = Run::new("text", |ctx| async move {
        for i in 0..10 {
            ctx.emit(TextDelta::new(format!("Chunk {i}\n"))).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    // The body owns the run: a client that leaves drops it, and nothing goes on.
    run.into_text()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new().route("/stream/text", get(stream_text));
    serve_and_get(app, "/stream/text").await
}

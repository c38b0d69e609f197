//! Progress that ends as its response does: completed, failed, or cancelled with a client that leaves.
use std::time::Duration;

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use mainstem::{
    Run, TextDelta,
    progress::{ProgressState, ProgressTree},
    serve::IntoWire,
};
use mainstem_examples::serve_and_get;

async fn stream_lines(State(tree): State<ProgressTree>) -> impl IntoResponse {
    let task = tree.root().child("lines").total(10);
    let run = Run::new("lines", |ctx| async move {
        // The run owns the guard, and the body the run: dropped in the middle, it is cancelled.
        let guard = task.guard()?;
        for i in 0..10 {
            ctx.emit(TextDelta::new(format!("Line {i}\n"))).await;
            guard.increment(1)?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        guard.complete()
    });
    run.into_text()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tree = ProgressTree::new("server");
    let app = Router::new().route("/stream/lines", get(stream_lines));
    let served = serve_and_get(app.with_state(tree.clone()), "/stream/lines").await;
    let lines = tree.snapshot().nodes[1].clone();
    println!("{} is {:?}", lines.name, lines.state);
    assert_eq!(lines.state, ProgressState::Completed);
    served
}

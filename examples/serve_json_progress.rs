//! Items as JSON, and a tree of progress that is fed by the same run: `GET /stream/json`.
use std::time::Duration;

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use futures::StreamExt;
use mainstem::{
    Custom, Json, Progress, Run,
    progress::{ProgressTree, ProgressUpdate},
    serve::IntoWire,
};
use mainstem_examples::serve_and_get;
use serde_json::json;

/// Ten items; how far they are is an event between them.
fn items() -> Run<()> {
    Run::new("items", |ctx| async move {
        let mut progress = Progress::new("items", 0);
        progress.total = Some(10);
        for id in 0..10 {
            let item = json!({"id": id, "value": id * id, "message": format!("Item {id}")});
            ctx.emit(Custom::new("item", Json::new(&item)?)).await;
            progress.done += 1;
            ctx.emit(progress.clone()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    })
}

async fn stream_json(State(tree): State<ProgressTree>) -> impl IntoResponse {
    let run = items().on_event(move |event| {
        tree.feed(event);
    });
    run.into_json()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tree = ProgressTree::new("items");
    let mut updates = tree.subscribe();
    // Whoever wants to know how far it is, here the terminal.
    tokio::spawn(async move {
        while let Some(update) = updates.next().await {
            let ProgressUpdate::Delta(delta) = update else {
                continue;
            };
            for node in delta.nodes.iter().filter(|node| node.total.is_some()) {
                let percent = node.percent().unwrap_or_default();
                eprintln!("{}: {percent} %", node.name);
            }
        }
    });
    let app = Router::new().route("/stream/json", get(stream_json));
    serve_and_get(app.with_state(tree), "/stream/json").await
}

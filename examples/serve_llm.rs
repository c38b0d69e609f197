//! An agent's answer, with progress by its length; what is new is sent, never the whole text again.
use axum::{Router, extract::State, response::IntoResponse, routing::get};
use mainstem::{prelude::*, progress::ProgressTree, serve::IntoWire};
use mainstem_examples::serve_and_get;

/// How many bytes an answer has, more or less.
const USUAL: u64 = 500;

async fn stream_llm(State((agent, tree)): State<(Agent, ProgressTree)>) -> impl IntoResponse {
    let answer = tree.root().child("answer").total(USUAL).start();
    let run = agent.run("How do I stop a run?").on_chunk(move |chunk| {
        if let Ok(answer) = &answer {
            let _ = answer.increment(chunk.len() as u64);
            let percent = answer.node().and_then(|node| node.percent());
            eprint!("{} % ", percent.unwrap_or_default().min(100));
        }
    });
    run.into_ndjson()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let state = (agent, ProgressTree::new("answers"));
    let app = Router::new().route("/stream/llm", get(stream_llm));
    serve_and_get(app.with_state(state), "/stream/llm").await
}

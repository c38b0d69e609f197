//! Chunks in batches: ten at a time, or what there is after a fifth of a second.
use std::time::Duration;

use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;

    let run = agent.run_streamed("What does a context remember?");
    let mut batches = run.chunks_batched(10, Duration::from_millis(200));
    while let Some(batch) = batches.next_batch().await? {
        println!("{:>2} chunks: {:?}", batch.len(), batch.concat());
    }
    Ok(())
}

//! A conversation: the context remembers, the agent doesn't.
#![allow(clippy::print_stdout)] // printing is what an example does

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let ctx = Context::new();

    for question in [
        "What does a context remember?",
        "And what does a run give at its end?",
    ] {
        println!("\n> {question}");
        let chunks = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&chunks);
        let mut run = agent
            .run(question)
            .context(&ctx)
            .on_chunk(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
            })
            .stream();
        while let Some(chunk) = run.next_text().await? {
            print!("{chunk}");
        }
        println!("\n({} chunks)", chunks.load(Ordering::Relaxed));
    }
    println!("\nremembered: {} messages", ctx.messages().len());
    Ok(())
}

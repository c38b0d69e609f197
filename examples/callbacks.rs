//! A callback sees each chunk that the reader sees.
use std::sync::{Arc, Mutex};

use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;

    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let run = agent
        .run("What does dropping a run do?")
        .on_chunk(move |chunk| {
            let mut seen = seen.lock().expect("nobody panics while holding it");
            seen.push(chunk.len());
            println!("[chunk {}] {} bytes: {chunk:?}", seen.len(), chunk.len());
        });
    // Awaited or streamed, the callback is called all the same.
    let result = run.await?;

    let sizes = sizes.lock().expect("nobody panics while holding it");
    assert_eq!(sizes.iter().sum::<usize>(), result.output.len());
    println!(
        "{} chunks, {} bytes in all",
        sizes.len(),
        result.output.len()
    );
    Ok(())
}

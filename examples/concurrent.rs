//! Three agents at once, read as one stream in which each chunk has its label.
use mainstem::{merge, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into());
    let topics = [
        "What is an event?",
        "What is a context?",
        "How do I stop a run?",
    ];
    let mut runs = Vec::new();
    for (index, topic) in topics.into_iter().enumerate() {
        let agent = Agent::builder(mainstem::model(&address)?).build()?;
        runs.push((format!("agent {index}"), agent.run_streamed(topic)));
    }

    let mut merged = merge(runs).text();
    while let Some((label, chunk)) = merged.next_text().await {
        match chunk {
            Ok(chunk) => println!("{label}: {chunk:?}"),
            // One that fails leaves the others alone.
            Err(error) => println!("{label} failed: {error}"),
        }
    }
    for (label, result) in merged.results().await {
        println!("{label}: {} bytes in all", result?.output.len());
    }
    Ok(())
}

//! Output of a type: its JSON streams, and the run ends in the value.
use std::io::Write;

use mainstem::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A blog post.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct BlogPost {
    title: String,
    paragraphs: Vec<String>,
    tags: Vec<String>,
    minutes_to_read: u8,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let writer = Agent::builder(model).output::<BlogPost>().build()?;

    let mut run = writer.run_streamed("A blog post about streaming.");
    while let Some(json) = run.next_text().await? {
        print!("{json}");
        std::io::stdout().flush()?;
    }
    let post = run.await?.output;
    println!("\n\n«{}», {} minutes", post.title, post.minutes_to_read);
    Ok(())
}

//! Stopping a run from elsewhere, and keeping what was said.
use std::{io::Write, time::Duration};

use mainstem::{ErrorKind, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let ctx = Context::new();

    let mut run = agent
        .run("Tell me all about events.")
        .context(&ctx)
        .stream();
    let stop = run.stop_handle();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        stop.stop();
    });
    let error = loop {
        match run.next_text().await {
            Ok(Some(chunk)) => {
                print!("{chunk}");
                std::io::stdout().flush()?;
            }
            Ok(None) => anyhow::bail!("the answer was shorter than the patience"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    println!(
        "\n\n{error}; the context kept {} messages,",
        ctx.messages().len()
    );
    println!(
        "the last one partial: {}",
        ctx.messages().last().is_some_and(|last| last.partial)
    );
    Ok(())
}

//! Limits: on the output's size, and on the time that the model may keep us waiting.
use std::time::Duration;

use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let patience = TimeLimits::default()
        .first_event(Duration::from_secs(20))
        .between_events(Duration::from_secs(10));
    let agent = Agent::builder(model).time_limits(patience).build()?;

    let run = agent.run("Tell me all about runs.").max_output_bytes(100);
    let error = run.await.expect_err("the answer is longer than that");
    println!("{error}");
    let partial = error.partial().cloned().unwrap_or_default();
    println!("{} bytes are kept: {}", partial.text.len(), partial.text);
    assert!(partial.text.len() <= 100);
    Ok(())
}

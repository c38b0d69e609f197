//! Every event of a run, as its JSON.
use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).name("guide").build()?;

    let mut run = agent.run_streamed("What is an event?");
    while let Some(event) = run.next_event().await {
        match &event.kind {
            EventKind::TextDelta(delta) => println!("{} {:?}", event.place(), delta.text),
            _ => println!("{}", serde_json::to_string(&event)?),
        }
    }
    let result = run.await?;
    println!(
        "{} tokens, ended by {:?}",
        result.usage.total_tokens(),
        result.finish_reason
    );
    Ok(())
}

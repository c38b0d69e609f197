//! An output that doesn't fit: it is taken back, and the model is asked again.
use mainstem::{EventKind, prelude::*, test_util::ScriptedModel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Bird {
    name: String,
    eggs: u8,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A model that says `"about five"` where a number should be, and then does better.
    let model = ScriptedModel::new()
        .answer([r#"{"name": "jay", "#, r#""eggs": "#, r#""about five"}"#])
        .answer([r#"{"name": "jay", "#, r#""eggs": "#, "5}"]);
    let agent = Agent::builder(model.clone())
        .output::<Bird>()
        .output_attempts(2)
        .build()?;

    let mut run = agent.run_streamed("A bird, please.");
    while let Some(event) = run.next_event().await {
        match &event.kind {
            EventKind::JsonDelta(delta) => print!("{}", delta.text),
            EventKind::Retracted(retracted) => println!("\n[taken back: {}]", retracted.reason),
            _ => {}
        }
    }
    let bird = run.await?.output;
    println!("\n\nThe model was told:");
    for message in &model.requests()[1].messages {
        println!("  {:?}: {}", message.role, message.text());
    }
    println!("A {} lays {} eggs.", bird.name, bird.eggs);
    Ok(())
}

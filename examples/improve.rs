//! An answer is judged, and asked for again until it is good enough: live, with retraction.
use std::io::Write;

use futures::StreamExt;
use mainstem::{Evaluation, EventKind, prelude::*, test_util::ScriptedModel};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = ScriptedModel::new().answer(["Birds ", "fly."]).answer([
        "Jays ",
        "hide ",
        "acorns ",
        "for the winter.",
    ]);
    let verdicts = ScriptedModel::new()
        .answer([r#"{"score": 40, "feedback": "Name a species, and say what it does."}"#])
        .answer([r#"{"score": 92, "feedback": ""}"#]);
    let judge = Agent::builder(verdicts)
        .name("judge")
        .instructions("You judge sentences for a book on birds.")
        .output::<Evaluation>()
        .build()?;
    let writer = Agent::builder(model)
        .name("writer")
        .build()?
        .evaluated_by(judge)
        .attempts(3)
        .live();

    let mut run = writer.run_streamed("A sentence about birds");
    while let Some(event) = run.next().await {
        match &event.kind {
            EventKind::TextDelta(delta) => print!("{}", delta.text),
            EventKind::Evaluated(evaluated) => {
                let feedback = evaluated.feedback.as_deref().unwrap_or("It will do.");
                println!("\n  {} of 100: {feedback}", evaluated.score);
            }
            EventKind::Retracted(retracted) => println!("  taken back: {}", retracted.reason),
            _ => {}
        }
        std::io::stdout().flush()?;
    }
    let result = run.await?;
    println!("{} ({} requests)", result.output, result.usage.requests);
    Ok(())
}

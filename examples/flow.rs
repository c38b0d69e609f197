//! Functions and an agent in one flow, read as one stream.
use std::io::Write;

use mainstem::prelude::*;

/// State that the steps share, by name and type.
const TOPIC: Key<String> = Key::new("topic");

async fn analyze(ctx: RunContext, question: String) -> StepResult<String> {
    let topic = question.split(' ').next_back().unwrap_or_default();
    ctx.context()
        .set(&TOPIC, &topic.trim_end_matches('?').to_owned())?;
    Ok(question)
}

async fn format(ctx: RunContext, answer: String) -> StepResult<String> {
    let topic = ctx.context().get(&TOPIC)?.unwrap_or_default();
    Ok(format!(
        "{}: {} words",
        topic.to_uppercase(),
        answer.split_whitespace().count()
    ))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let writer = Agent::builder(model).instructions("Be brief.").build()?;
    let flow = Flow::new("guide")
        .step("analyze", analyze)
        .step("write", writer)
        .step("format", format);

    let mut run = flow.run_streamed("What is an event?");
    // Only what a step emits is text: here the agent's answer.
    while let Some(chunk) = run.next_text().await? {
        print!("{chunk}");
        std::io::stdout().flush()?;
    }
    // What a step gives goes to the next one; the last one's is the run's output.
    println!("\n\n{}", run.await?.output);
    Ok(())
}

//! A conversation: the context remembers, the agent doesn't.
use std::io::Write;

use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let ctx = Context::new();

    for question in ["What does a context remember?", "And what are threads for?"] {
        println!("\n> {question}");
        let mut run = agent.run(question).context(&ctx).stream();
        while let Some(chunk) = run.next_text().await? {
            print!("{chunk}");
            std::io::stdout().flush()?;
        }
        println!();
    }

    println!("\nThe context holds now, and the next run would read:");
    for message in &ctx.messages() {
        let text = message.text().replace('\n', " ");
        let text: String = text.chars().take(50).collect();
        println!("  {:?}: {text} …", message.role);
    }
    Ok(())
}

//! An agent, streamed.
use mainstem::prelude::*;
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let mut run = agent.run_streamed("How do I stop a run?");
    while let Some(chunk) = run.next_text().await? {
        print!("{chunk}");
        std::io::Write::flush(&mut std::io::stdout())?;
    }
    println!();
    Ok(())
}

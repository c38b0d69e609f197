//! Two experts at the same time, and an editor who makes one answer of both.
use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = |name: &str, instructions: &str| {
        let agent = Agent::builder(model.clone()).name(name);
        agent.instructions(instructions).build()
    };
    let expert = agent("expert", "Say what speaks for it, in two sentences.")?;
    let sceptic = agent("sceptic", "Say what speaks against it, in two sentences.")?;
    let editor = agent("editor", "Make one answer of both views.")?;

    // The views are a tuple: what the editor is asked is made of it, by type.
    let flow = Flow::new("experts")
        .parallel("views", (expert, sceptic))
        .step(
            "merge",
            editor
                .prompt(|(pro, con): &(String, String)| format!("For:\n{pro}\n\nAgainst:\n{con}")),
        );

    let mut run = flow.run_streamed("Should a flow be one stream?");
    while let Some(event) = run.next_event().await {
        if let Some(chunk) = event.text() {
            println!("{:<25} {chunk:?}", event.path);
        }
    }
    println!("\n{}", run.await?.output);
    Ok(())
}

//! An agent whose tools are an agent and a flow. What they say is shown beside its answer, not in it.
use mainstem::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = || mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()));
    let expert = Agent::builder(model()?)
        .name("expert")
        .instructions("You know everything about Mainstem. Answer in one sentence.")
        .build()?;
    let measure = Flow::new("measure")
        .step("words", |text: String| text.split_whitespace().count())
        .step("judge", |words: usize| match words {
            0..=5 => format!("{words} words: short"),
            words => format!("{words} words: long"),
        });

    let host = Agent::builder(model()?)
        .name("host")
        .instructions("Ask your tools, then sum up what they say.")
        .tool(expert.as_tool(
            "ask_expert",
            "Asks an expert about contexts, flows and agents.",
        ))
        .tool(step_tool::<String, _>(
            "measure_text",
            "Measures the length of a text.",
            measure,
        ))
        .max_turns(5)
        .build()?;

    for question in [
        "Ask the expert about contexts.",
        "Measure the text: jays are birds.",
    ] {
        println!("\n> {question}");
        let mut run = host.run_streamed(question);
        while let Some(event) = run.next_event().await {
            let path = &event.path;
            match &event.kind {
                EventKind::ToolCallReady(call) => println!("{path} calls {}", call.name),
                EventKind::StepFinished(step) if path.depth() > 1 => {
                    let output: String = step.output.as_str().chars().take(60).collect();
                    println!("{path} gave {output}");
                }
                _ => {}
            }
        }
        let result = run.await?;
        println!("{result}");
        println!("({} requests in all)", result.usage.requests);
    }
    Ok(())
}

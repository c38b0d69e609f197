//! A flow that draws itself: before it runs, and how far a run has come.
use mainstem::{EventKind, prelude::*};

async fn publish(text: String) -> StepResult<String> {
    Err(format!("nobody reads {} bytes", text.len()).into())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let writer = Agent::builder(model).name("writer").build()?;
    let flow = Flow::new("guide")
        .step("trim", |topic: String| topic.trim().to_owned())
        .parallel(
            "drafts",
            (writer, named("length", |topic: String| topic.len())),
        )
        .step("choose", |(text, _): (String, usize)| text)
        .step("publish", publish)
        .step("announce", |text: String| format!("New: {text}"));

    let diagram = flow.diagram();
    println!("{}", diagram.to_mermaid());

    let mut state = diagram.state();
    let mut run = flow.run_streamed(" What is an event? ");
    while let Some(event) = run.next_event().await {
        state.follow(&event);
        let ends = matches!(
            event.kind,
            EventKind::StepFinished(_) | EventKind::StepFailed(_)
        );
        if ends && let Some(done) = state.progress() {
            println!("{:3.0} % done after {}", done * 100.0, event.path);
        }
    }
    println!("\n{}", diagram.with_state(&state));
    if let Err(error) = run.await {
        println!("{:#}", anyhow::Error::from(error));
    }
    Ok(())
}

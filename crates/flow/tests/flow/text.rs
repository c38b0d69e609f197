//! What is text in a flow, and what isn't: row R9.

use mainstem_core::{
    Custom, EventKind, Json, Notice, Progress, Result, RunContext, StepResult, TextDelta,
    test_util::ScriptedModel,
};
use mainstem_flow::Flow;

use crate::common::{agent, collect, lines};

async fn speak(ctx: RunContext, text: String) -> StepResult<String> {
    ctx.emit(TextDelta::new("Looking … ")).await;
    let mut progress = Progress::new("pages", 1);
    progress.total = Some(2);
    ctx.emit(progress).await;
    ctx.emit(Notice::new("slow_shelf", "the shelf is slow today"))
        .await;
    ctx.emit(Custom::new("page", Json::new(&7)?)).await;
    Ok(text)
}

#[tokio::test]
async fn r9_only_what_a_step_emits_is_text() -> Result<()> {
    let model = ScriptedModel::new().answer(["Jays ", "sing."]);
    let flow = Flow::new("guide")
        .step("silent", |text: String| text.to_uppercase())
        .step("speak", speak)
        .step("write", agent("writer", &model))
        .step("after", |text: String| text.len());
    let mut run = flow.run_streamed("jays");
    let mut chunks = Vec::new();
    while let Some(chunk) = run.next_text().await? {
        chunks.push(chunk);
    }
    assert_eq!(chunks, ["Looking … ", "Jays ", "sing."]);
    assert_eq!(run.await?.output, 10);
    Ok(())
}

#[tokio::test]
async fn r9_a_function_emits_progress_notices_and_events_of_its_own() {
    let flow = Flow::new("guide").step("speak", speak);
    let events = collect(&mut flow.run_streamed("jays")).await;
    assert_eq!(
        lines(&events)[2..6],
        [
            "guide/speak says Looking … ",
            "guide/speak progress",
            "guide/speak notice",
            "guide/speak custom",
        ]
    );
    let custom = events.iter().find_map(|event| match &event.kind {
        EventKind::Custom(custom) => Some(custom),
        _ => None,
    });
    assert_eq!(custom.unwrap().data.as_str(), "7");
}

#[tokio::test]
async fn callbacks_see_what_the_reader_sees() -> Result<()> {
    let model = ScriptedModel::new().answer(["a", "b"]);
    let flow = Flow::new("guide")
        .step("speak", speak)
        .step("write", agent("w", &model));
    let (send, chunks) = std::sync::mpsc::channel();
    flow.run("x")
        .on_chunk(move |chunk| send.send(chunk.clone()).unwrap())
        .await?;
    assert_eq!(chunks.iter().collect::<Vec<_>>(), ["Looking … ", "a", "b"]);
    Ok(())
}

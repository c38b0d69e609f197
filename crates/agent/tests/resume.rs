//! An agent whose process died goes on.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures::StreamExt;
use mainstem_agent::Agent;
use mainstem_core::{
    Context, EventKind, MemoryStore, Result, RunId, Store, test_util::ScriptedModel,
};

/// Begins a run and drops it after these events.
async fn cut(agent: &Agent, store: &MemoryStore, events: usize) -> RunId {
    let mut run = agent.run("Which birds?").store(store.clone()).stream();
    for _ in 0..events {
        run.next().await.unwrap();
    }
    run.id().clone()
}

async fn texts(store: &MemoryStore, run: &RunId) -> Vec<String> {
    let log = store.read(run, None, usize::MAX).await.unwrap();
    let lines = log.iter().filter_map(|event| match &event.kind {
        EventKind::TextDelta(delta) => Some(format!("{}: {}", event.path, delta.text)),
        EventKind::Retracted(_) => Some(format!("{} is void", event.path)),
        _ => None,
    });
    lines.collect()
}

#[tokio::test]
async fn it_begins_again_by_default() -> Result<()> {
    let model = ScriptedModel::new().always(["Ja", "ys"]);
    let agent = Agent::builder(model).name("a").build()?;
    let store = MemoryStore::new();
    // The run's beginning, the step's, the turn's, and a piece.
    let run = cut(&agent, &store, 4).await;
    let context = Context::new();
    let result = agent
        .resume(&run)
        .store(store.clone())
        .context(&context)
        .await?;
    assert_eq!(result.output, "Jays");
    assert_eq!(
        texts(&store, &run).await,
        ["a: Ja", "a is void", "a#2: Ja", "a#2: ys"]
    );
    let messages: Vec<_> = context.messages().iter().map(|it| it.text()).collect();
    assert_eq!(messages, ["Which birds?", "Jays"]);
    Ok(())
}

#[tokio::test]
async fn it_goes_on_with_its_answer_if_that_is_wanted() -> Result<()> {
    let model = ScriptedModel::new()
        .answer(["Ja", "never read"])
        .answer(["ys", "."]);
    let agent = Agent::builder(model.clone())
        .name("a")
        .continue_interrupted()
        .build()?;
    let store = MemoryStore::new();
    let run = cut(&agent, &store, 4).await;
    let context = Context::new();
    let result = agent
        .resume(&run)
        .store(store.clone())
        .context(&context)
        .await?;
    assert_eq!(result.output, "Jays.");
    assert_eq!(texts(&store, &run).await, ["a: Ja", "a: ys", "a: ."]);
    let asked: Vec<_> = model.requests()[1]
        .messages
        .iter()
        .map(|it| it.text())
        .collect();
    assert_eq!(asked[..2], ["Which birds?", "Ja"]);
    assert!(
        asked[2].starts_with("Your answer was cut off."),
        "{asked:?}"
    );
    let messages: Vec<_> = context.messages().iter().map(|it| it.text()).collect();
    assert_eq!(messages, ["Which birds?", "Jays."]);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_was_over_isnt_asked_for_again() -> Result<()> {
    let model = ScriptedModel::new().answer(["Jays"]);
    let agent = Agent::builder(model.clone())
        .name("a")
        .continue_interrupted()
        .build()?;
    let store = MemoryStore::new();
    // All but the end of the step and the end of the run.
    let run = cut(&agent, &store, 5).await;
    let result = agent.resume(&run).store(store.clone()).await?;
    assert_eq!(result.output, "Jays");
    assert_eq!(model.requests().len(), 1);
    assert_eq!(result.usage.output_tokens, 1);
    Ok(())
}

#[tokio::test]
async fn checked_json_begins_again() -> Result<()> {
    let model = ScriptedModel::new().always(["[1,", "2]"]);
    let agent = Agent::builder(model).output::<Vec<u8>>();
    let agent = agent.name("a").continue_interrupted().build()?;
    let store = MemoryStore::new();
    let mut run = agent.run("Numbers?").store(store.clone()).stream();
    let id = run.id().clone();
    while run.next_text().await?.as_deref() != Some("[1,") {}
    drop(run);
    assert_eq!(agent.resume(&id).store(store.clone()).await?.output, [1, 2]);
    Ok(())
}

//! Row R12: what was delivered first, then one error that names the step; nothing runs twice.

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mainstem_core::{
    ErrorKind, ModelEvent, Result,
    test_util::{Script, ScriptedModel},
};
use mainstem_flow::{Flow, with};

use crate::common::{agent, collect, texts};

async fn count(calls: Arc<AtomicUsize>, text: String) -> mainstem_core::StepResult<String> {
    calls.fetch_add(1, Ordering::SeqCst);
    Ok(text)
}

#[tokio::test]
async fn r12_an_error_names_the_step_and_nothing_runs_twice() {
    let calls = Arc::new(AtomicUsize::new(0));
    let broken =
        ScriptedModel::new().script(Script::new().event(ModelEvent::Text("half".into())).fail(
            mainstem_core::Error::new(ErrorKind::Model, "the line is dead"),
        ));
    let flow = Flow::new("guide")
        .step("count", with(Arc::clone(&calls), count))
        .step("write", agent("writer", &broken))
        .step("again", with(Arc::clone(&calls), count));
    let mut run = flow.run_streamed("jays");
    let events = collect(&mut run).await;
    assert_eq!(texts(&events), ["half"]);
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(error.step().unwrap().to_string(), "guide/write");
    assert_eq!(error.partial().unwrap().text, "half");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(broken.requests().len(), 1);
}

#[tokio::test]
async fn r12_a_functions_error_keeps_its_cause() {
    let flow = Flow::new("guide").step("parse", async |text: String| {
        let number: u8 = text.parse()?;
        Ok(number)
    });
    let error = flow.run("jay").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `guide/parse`: the step's function failed"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "invalid digit found in string"
    );
}

#[tokio::test]
async fn r12_anyhow_keeps_its_context() {
    use anyhow::Context as _;
    let flow = Flow::new("guide").step("parse", async |text: String| {
        let number = text.parse::<u8>().context("reading the number")?;
        Ok(number)
    });
    let error = flow.run("jay").await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "reading the number");
}

#[tokio::test]
async fn two_steps_of_one_name_are_refused_before_anything_runs() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let flow = Flow::new("guide")
        .step("count", with(Arc::clone(&calls), count))
        .step("count", with(Arc::clone(&calls), count));
    let error = flow.run("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`count`"), "{error}");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    Ok(())
}

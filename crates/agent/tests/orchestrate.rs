//! Outputs that tell how the work went.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures::StreamExt;
use mainstem_agent::{Agent, Orchestration, OrchestrationStatus};
use mainstem_core::{ErrorKind, EventKind, Result, test_util::ScriptedModel};
use serde_json::json;

const DONE: &str =
    r#"{"status": "completed", "result": [1, 2], "reasoning": "Counted.", "next_hint": null}"#;
const FAILED: &str =
    r#"{"status": "failed", "result": null, "reasoning": "No eggs.", "next_hint": "look again"}"#;

fn counter(model: ScriptedModel) -> Agent<Orchestration<Vec<u8>>> {
    let agent = Agent::builder(model).orchestrated::<Vec<u8>>();
    agent.output_attempts(2).build().unwrap()
}

#[tokio::test]
async fn it_streams_as_json_and_ends_in_the_value() -> Result<()> {
    let model = || ScriptedModel::new().answer([&DONE[..20], &DONE[20..]]);
    let mut run = counter(model()).run_streamed("Count.");
    let mut text = String::new();
    while let Some(piece) = run.next_text().await? {
        text.push_str(&piece);
    }
    assert_eq!(text, DONE);
    let done = run.await?.output;
    assert_eq!(done, Orchestration::completed(vec![1, 2], "Counted."));
    assert_eq!(counter(model()).run("Count.").await?.output, done);
    Ok(())
}

#[tokio::test]
async fn a_status_of_failed_is_an_output_and_can_be_an_error() -> Result<()> {
    let model = ScriptedModel::new().answer([FAILED]);
    let failed = counter(model).run("Count.").await?.output;
    assert_eq!(failed.status, OrchestrationStatus::Failed);
    assert_eq!(failed.next_hint.as_deref(), Some("look again"));
    let error = failed.into_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert_eq!(error.code(), Some("not_completed"));
    assert_eq!(error.upstream().unwrap().message(), "No eggs.");
    assert!(!error.to_string().contains("eggs"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_doesnt_fit_is_asked_for_again() -> Result<()> {
    for wrong in [
        r#"{"status": "done"}"#,
        r#"{"status": "completed", "reasoning": "", "next_hint": null}"#,
        r#"{"status": "completed", "result": ["x"]}"#,
    ] {
        let model = ScriptedModel::new().answer([wrong]).answer([DONE]);
        let agent = counter(model);
        let events: Vec<_> = agent.run_streamed("Count.").collect().await;
        let retracted = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Retracted(_)));
        assert_eq!(retracted.count(), 1, "{wrong}");
        let EventKind::RunFinished(finished) = &events.last().unwrap().kind else {
            panic!("{wrong}");
        };
        let output: Orchestration<Vec<u8>> = finished.output.to()?;
        assert_eq!(output.result, Some(vec![1, 2]));
    }
    Ok(())
}

#[tokio::test]
async fn the_model_is_told_what_the_fields_are() -> Result<()> {
    let model = ScriptedModel::new().answer([DONE]);
    counter(model.clone()).run("Count.").await?;
    let request = &model.requests()[0];
    let schema = request.output.as_ref().unwrap().schema.as_value();
    let fields: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["status", "result", "reasoning", "next_hint"]);
    assert_eq!(schema["required"], json!(["status", "reasoning"]));
    assert_eq!(
        schema["description"],
        "How the work went, and what should be next."
    );
    Ok(())
}

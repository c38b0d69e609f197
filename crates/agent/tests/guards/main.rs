//! What guards see of inputs and answers, and what becomes of those that they refuse.
#![allow(clippy::unwrap_used, clippy::panic)]

mod input;
mod resume;
mod rewriting;
mod streaming;
mod whole;

use futures::StreamExt;
use mainstem_agent::{Agent, AgentBuilder};
use mainstem_core::{
    Error, EventKind, Run, RunStream,
    test_util::{Script, ScriptedModel},
};
use serde::Serialize;

/// A model that gives these pieces, and an agent on it.
fn agent<const N: usize>(pieces: [&'static str; N]) -> AgentBuilder {
    Agent::builder(ScriptedModel::new().answer(pieces))
}

fn agent_of(script: Script) -> AgentBuilder {
    Agent::builder(ScriptedModel::new().script(script))
}

/// The output that was shown, piece by piece, and how the run ended.
async fn seen<T: Serialize + Send + 'static>(run: Run<T>) -> (Vec<String>, Result<T, Error>) {
    let mut run: RunStream<T> = run.stream();
    let mut shown = Vec::new();
    while let Some(event) = run.next().await {
        match &event.kind {
            EventKind::TextDelta(delta) => shown.push(delta.text.to_string()),
            EventKind::JsonDelta(delta) => shown.push(delta.text.to_string()),
            EventKind::Retracted(_) => shown.push("<".to_owned()),
            _ => {}
        }
    }
    (shown, run.await.map(|result| result.output))
}

/// The error of a refusal: its message, and the partial text.
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (String, String) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), mainstem_core::ErrorKind::Refused, "{error:?}");
    assert_eq!(error.code(), Some("guard_refused"), "{error:?}");
    assert_eq!(error.step().unwrap().to_string(), "agent");
    let partial = error.partial().unwrap().text.to_string();
    (error.message().to_owned(), partial)
}

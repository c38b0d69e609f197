//! Agents that call tools.
#![allow(clippy::unwrap_used, clippy::panic)]

mod approvals;
mod arguments;
mod calls;
mod choices;
mod conversations;
mod random;
mod resume;
mod steps;

use mainstem_agent::{FunctionTool, tool_fn};
use mainstem_core::{
    Error, Event, EventKind, Message, Part, Role, RunContext, RunStream, StepError, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

/// Adds; fails for sums above 100.
fn add() -> FunctionTool {
    tool_fn("add", "Adds.", async |args: Add| match args.a + args.b {
        sum if sum > 100 => Err(StepError::from("that is too much for me")),
        sum => Ok(sum),
    })
}

/// Says what it does.
fn loud() -> FunctionTool {
    async fn say(ctx: RunContext, args: Add) -> StepResult<String> {
        ctx.emit(mainstem_core::TextDelta::new("hm, let me see"))
            .await;
        ctx.emit(mainstem_core::Progress::new("adding", 1)).await;
        Ok(format!("{} it is", args.a + args.b))
    }
    tool_fn("loud", "Adds loudly.", say)
}

/// The events as lines: kind and path.
async fn lines<T: Serialize + Send + 'static>(mut run: RunStream<T>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = run.next_event().await {
        lines.push(line(&event));
    }
    lines
}

fn line(event: &Event) -> String {
    format!("{} {}", event.path, event.kind.name())
}

/// What the model was told of its calls.
fn told(messages: &[Message]) -> Vec<String> {
    let parts = messages.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| match part {
            Part::ToolResult(result) if result.is_error => Some(format!("! {}", result.output)),
            Part::ToolResult(result) => Some(result.output.to_string()),
            _ => None,
        })
        .collect()
}

/// The roles, with the number of parts.
fn shape(messages: &[Message]) -> Vec<(Role, usize)> {
    let shape = |message: &Message| (message.role, message.parts.len());
    messages.iter().map(shape).collect()
}

fn result_of(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::ToolResult(result) => Some(match (&result.output, &result.error) {
            (Some(output), _) => format!("{}: {}", event.path, output.as_str()),
            (None, error) => format!("{}: ! {}", event.path, error.as_ref().unwrap().message),
        }),
        _ => None,
    }
}

fn kind_and_code(error: &Error) -> (mainstem_core::ErrorKind, Option<&str>) {
    (error.kind(), error.code())
}

//! The loop of an agent.

use futures::StreamExt;
use mainstem_core::{Error, ErrorKind, ModelRequest, Result, RunContext, TimedStream};

use crate::{agent::Parts, answer::Answer, memory::Memory};

/// Asks the model, passes its answer on piece by piece, and remembers it.
///
/// If this is dropped or fails on the way, the [`Answer`] records what there was.
pub(crate) async fn drive<T>(agent: &Parts<T>, ctx: RunContext, input: String) -> Result<T> {
    check(agent, &input)?;
    let (memory, messages) = Memory::begin(&ctx, agent.thread.as_ref(), input);

    let mut request = ModelRequest::new(messages);
    request.instructions = agent.instructions.clone();
    request.output = agent.output.clone();
    request.settings = ctx.settings().clone().or(&agent.settings);

    let limits = ctx.time_limits().unwrap_or(agent.time_limits);
    let mut events = TimedStream::new(agent.model.stream(request), limits);
    let mut answer = Answer::begin(agent.model.id(), agent.output.as_ref(), ctx, memory);
    while let Some(event) = events.next().await {
        answer.take(event).await?;
    }
    answer.end(agent.read).await
}

fn check<T>(agent: &Parts<T>, input: &str) -> Result<()> {
    if input.trim().is_empty() && !agent.allow_empty_input {
        return Err(Error::new(
            ErrorKind::Input,
            "the input is empty; give some text, or build the agent with `allow_empty_input`",
        ));
    }
    match agent.max_input_bytes {
        Some(max) if input.len() > max => Err(Error::new(
            ErrorKind::Input,
            format!(
                "the input is {} bytes long; the agent takes {max} at most: raise its \
                 `max_input_bytes`",
                input.len()
            ),
        )),
        _ => Ok(()),
    }
}

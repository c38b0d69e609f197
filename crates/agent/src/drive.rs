//! The loop of an agent.

use futures::StreamExt;
use mainstem_core::{Error, ErrorKind, Message, ModelRequest, Result, RunContext, TimedStream};
use tracing::Instrument as _;

use crate::{
    agent::Parts,
    answer::Answer,
    attempts::{Attempts, Failure},
    chat_span::ChatSpan,
    memory::Memory,
};

/// Asks the model, passes its answer on piece by piece, and remembers it; asks again, where that is
/// allowed.
///
/// If this is dropped or fails on the way, the [`Answer`] records what there was.
pub(crate) async fn drive<T>(agent: &Parts<T>, ctx: RunContext, input: String) -> Result<T> {
    check(agent, &input)?;
    let (memory, messages) = Memory::begin(&ctx, agent.thread.as_ref(), input);

    let mut request = ModelRequest::new(messages);
    request.instructions = agent.instructions.clone();
    request.output = agent.output.clone();
    request.settings = ctx.settings().clone().or(&agent.settings);

    let said = agent.continues().then(|| ctx.take_said()).flatten();
    let mut said = match said {
        Some(said) if said.is_over => return complete(agent, &memory, &said.text),
        Some(said) => {
            request.go_on(&*said.text);
            said.text
        }
        None => String::new(),
    };
    let mut attempts = Attempts::new(agent.output_attempts);
    loop {
        let next = attempts.has_another().then(|| request.clone());
        let mut answer = Answer::begin(agent, ctx.clone(), memory.clone());
        answer.continue_from(std::mem::take(&mut said));
        let misfit = match ask(agent, request, &mut answer).await {
            Ok(output) => return Ok(output),
            Err(Failure::Failed(error)) => return Err(error),
            Err(Failure::Misfit(misfit)) => misfit,
        };
        attempts.add(answer.text(), *misfit);
        let is_final = next.is_some() && !answer.can_be_void().await;
        let Some(next) = next.filter(|_| !is_final) else {
            return Err(attempts.into_error(agent.model.id(), is_final));
        };
        answer.void(attempts.reason()).await;
        request = next;
        attempts.complain(&mut request);
    }
}

/// Ends with what the model had said to its end before the run was resumed.
fn complete<T>(agent: &Parts<T>, memory: &Memory, said: &str) -> Result<T> {
    let output = (agent.read)(said).map_err(|error| {
        let message = "what the model had said before can't be read";
        Error::new(ErrorKind::Output, message).with_source(error)
    })?;
    memory.add_answer(Message::assistant(said));
    Ok(output)
}

/// One attempt, in a span of its own. The model's stream is gone when this returns.
async fn ask<T>(
    agent: &Parts<T>,
    request: ModelRequest,
    answer: &mut Answer,
) -> Result<T, Failure> {
    let mut span = ChatSpan::begin(agent.model.id(), &request, answer.traces());
    let inside = span.get();
    let asked = attempt(agent, request, answer, &mut span)
        .instrument(inside)
        .await;
    span.end(answer, asked.as_ref().err());
    asked
}

async fn attempt<T>(
    agent: &Parts<T>,
    mut request: ModelRequest,
    answer: &mut Answer,
    span: &mut ChatSpan,
) -> Result<T, Failure> {
    request.recall = answer.recall();
    answer.open(agent.token_counter.clone(), &request)?;
    let limits = answer.time_limits().unwrap_or(agent.time_limits);
    let mut events = TimedStream::new(agent.model.stream(request), limits);
    while let Some(event) = events.next().await {
        span.note(&event);
        answer.take(event).await?;
        if !answer.wants_more() {
            break;
        }
    }
    drop(events);
    answer.end(agent.read).await
}

fn check<T>(agent: &Parts<T>, input: &str) -> Result<()> {
    if input.trim().is_empty() && !agent.allow_empty_input {
        return Err(Error::new(
            ErrorKind::Input,
            "the input is empty; give some text, or build the agent with `allow_empty_input`",
        ));
    }
    let is_longer = |length: u64, unit: &str, max: u64| {
        let message = format!(
            "the input is {length} {unit} long; the agent takes {max} at most: raise its \
             `max_input_{unit}`"
        );
        Err(Error::new(ErrorKind::Input, message))
    };
    match agent.max_input_bytes {
        Some(max) if input.len() > max => {
            return is_longer(input.len() as u64, "bytes", max as u64);
        }
        _ => {}
    }
    let (Some(max), Some(counter)) = (agent.max_input_tokens, &agent.token_counter) else {
        return Ok(());
    };
    match counter.count(input) {
        tokens if tokens > max => is_longer(tokens, "tokens", max),
        _ => Ok(()),
    }
}

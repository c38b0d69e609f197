//! One answer of the model, and further attempts at it.

use futures::StreamExt;
use mainstem_core::{
    Error, ErrorKind, Message, Model, ModelRequest, ModelStream, Result, RunContext, StepScope,
    TimedStream,
};
use tracing::Instrument as _;

use crate::{
    Agent,
    answer::Answer,
    attempts::{Attempts, Failure},
    chat_span::ChatSpan,
    memory::Memory,
};

/// Asks until there is an answer that fits, as often as that is allowed; gives the output, if the answer is
/// one and no calls of tools.
///
/// `said` is what the model had said before. If this is dropped or fails on the way, the [`Answer`] records
/// what there was. What is large is in boxes: each call on the way down would hold it twice.
pub(crate) async fn ask<T>(
    agent: &Agent<T>,
    ctx: &RunContext,
    memory: &Memory,
    mut request: Box<ModelRequest>,
    mut said: String,
) -> Result<(Option<T>, Box<Answer>)> {
    let parts = agent.parts();
    let mut attempts = Attempts::new(parts.output_attempts);
    loop {
        let next = attempts.has_another().then(|| request.clone());
        let mut answer = Box::new(Answer::begin(parts, ctx.clone(), memory.clone()));
        answer.continue_from(std::mem::take(&mut said));
        let misfit = match ask_once(agent, request, &mut answer).await {
            Ok(output) => return Ok((output, answer)),
            Err(Failure::Failed(error)) => return Err(error),
            Err(Failure::Misfit(misfit)) => misfit,
        };
        attempts.add(answer.text(), *misfit);
        let is_final = next.is_some() && !answer.can_be_void().await;
        let Some(next) = next.filter(|_| !is_final) else {
            return Err(attempts.into_error(parts.model.id(), is_final));
        };
        answer.void(attempts.reason()).await;
        request = next;
        attempts.complain(&mut request);
    }
}

/// One attempt, in a span of its own. The model's stream is gone when this returns.
async fn ask_once<T>(
    agent: &Agent<T>,
    request: Box<ModelRequest>,
    answer: &mut Answer,
) -> Result<Option<T>, Failure> {
    let mut span = ChatSpan::begin(agent.model(), &request, answer.traces());
    let inside = span.get();
    let asked = attempt(agent, request, answer, &mut span)
        .instrument(inside)
        .await;
    if let Err(Failure::Failed(_)) = &asked {
        answer.withhold();
    }
    span.end(answer, asked.as_ref().err());
    asked
}

async fn attempt<T>(
    agent: &Agent<T>,
    mut request: Box<ModelRequest>,
    answer: &mut Answer,
    span: &mut ChatSpan,
) -> Result<Option<T>, Failure> {
    let parts = agent.parts();
    request.recall = answer.recall();
    answer.open(parts.token_counter.clone(), &request)?;
    let limits = answer.time_limits().unwrap_or(parts.time_limits);
    let mut events = TimedStream::new(send(&*parts.model, request), limits);
    while let Some(event) = events.next().await {
        span.note(&event);
        answer.take(event).await?;
        if !answer.wants_more() {
            break;
        }
    }
    drop(events);
    // Apart, so that it takes no room while the answer streams.
    Box::pin(answer.end(agent)).await
}

/// Apart, so that the request's box is gone while its answer streams.
fn send(model: &dyn Model, request: Box<ModelRequest>) -> ModelStream {
    model.stream(*request)
}

/// A turn of an agent with tools: a step of its own, so that it isn't taken again when the run is resumed.
/// What it gives is the model's message, with its calls.
pub(crate) async fn take_turn<T: Send + 'static>(
    agent: &Agent<T>,
    ctx: &RunContext,
    memory: &Memory,
    number: u32,
    request: Box<ModelRequest>,
) -> Result<Message> {
    let (agent, memory) = (agent.clone(), memory.clone());
    let turn = StepScope::new("turn", "turn").index(number);
    ctx.perform(turn, move |ctx| async move {
        let (_, mut answer) = ask(&agent, &ctx, &memory, request, String::new()).await?;
        Ok(answer.take_message())
    })
    .await
}

/// The output in a message of the model that is over.
pub(crate) fn output_of<T>(agent: &Agent<T>, said: &str) -> Result<T> {
    let text = match &agent.parts().output {
        None => said.to_owned(),
        Some(output) => {
            let mut reading = agent.parts().reading(output);
            // It was judged when it arrived.
            let _ = reading.feed(said);
            let _ = reading.finish();
            reading.document(said).to_owned()
        }
    };
    agent.read(&text).map_err(|error| {
        let message = "what the model had said before can't be read";
        Error::new(ErrorKind::Output, message).with_source(error)
    })
}

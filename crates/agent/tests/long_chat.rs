//! A turn of a chat costs what is sent, however many turns came before it.
#![allow(clippy::unwrap_used)]

use std::alloc::System;

use mainstem_agent::Agent;
use mainstem_core::{
    Context, FinishReason, Message, Model, ModelEvent, ModelRequest, ModelStream, Part, Result,
    Usage,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Answers, and keeps nothing of what it is asked.
struct Short;

impl Model for Short {
    fn id(&self) -> &str {
        "short"
    }

    fn stream(&self, _request: ModelRequest) -> ModelStream {
        ModelStream::from_events([
            ModelEvent::Text("Jays.".into()),
            ModelEvent::Usage(Usage::new(1, 1)),
            ModelEvent::Finished(FinishReason::Stop),
        ])
    }
}

/// What one turn takes of the heap, after so many others.
async fn turn_after(turns: usize) -> Result<Stats> {
    let ctx = Context::new();
    for _ in 0..turns {
        ctx.add_user_message("Which?");
        ctx.add_message(Message::assistant("Jays."));
    }
    let agent = Agent::builder(Short).build()?;
    agent.run("Which?").context(&ctx).await?;
    let region = Region::new(HEAP);
    let result = agent.run("Which?").context(&ctx).await?;
    let stats = region.change();
    assert_eq!(result.messages.len(), 2, "its own, and none before them");
    assert_eq!(ctx.messages().len(), 2 * turns + 4);
    Ok(stats)
}

#[tokio::test]
async fn the_10_000th_turn_costs_what_the_100th_does_and_what_is_sent() -> Result<()> {
    let (few, many) = (turn_after(100).await?, turn_after(10_000).await?);
    let more = 2 * (10_000 - 100);
    // A message that is sent is one piece of the heap, its list of parts, and one entry of the request.
    assert_eq!(many.allocations, few.allocations + more);
    assert_eq!(many.deallocations, few.deallocations + more);
    let sent = size_of::<Message>() + size_of::<Part>();
    let bytes = many.bytes_allocated - few.bytes_allocated;
    assert_eq!(bytes, more * sent, "{many:?} {few:?}");
    Ok(())
}

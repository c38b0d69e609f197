//! What an agent's answers use, and the limits that they are held to.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures::StreamExt;
use mainstem_agent::{Agent, AgentBuilder};
use mainstem_core::{
    Context, Cost, Error, ErrorKind, Event, EventKind, FinishReason, MemoryStore, ModelEvent,
    NextAttempt, Price, Prices, Result, RoughTokens, Store, TokenCounter, Usage, UsageLimits,
    test_util::{Script, ScriptedModel},
};

/// A token a byte, so that each can be told.
struct Bytes;

impl TokenCounter for Bytes {
    fn count(&self, text: &str) -> u64 {
        text.len() as u64
    }
}

fn text(text: &str) -> ModelEvent {
    ModelEvent::Text(text.into())
}

fn stop() -> ModelEvent {
    ModelEvent::Finished(FinishReason::Stop)
}

fn estimated(input: u64, output: u64) -> Usage {
    let mut usage = Usage::new(input, output);
    usage.estimated = true;
    usage
}

fn asked(script: Script) -> AgentBuilder {
    Agent::builder(ScriptedModel::new().script(script)).token_counter(Bytes)
}

/// What the events of a run say was used, in their order.
async fn used(agent: &Agent) -> Vec<(String, Usage)> {
    let events: Vec<Event> = agent.run_streamed("Which?").collect().await;
    let usage = events.iter().filter_map(|event| {
        let usage = match &event.kind {
            EventKind::TurnFinished(turn) => turn.usage,
            EventKind::StepFinished(step) => step.usage,
            EventKind::RunFinished(run) => run.usage,
            EventKind::RunFailed(run) => run.partial.as_ref()?.usage,
            _ => return None,
        };
        Some((event.kind.name().to_owned(), usage))
    });
    usage.collect()
}

#[tokio::test]
async fn an_answer_without_usage_is_estimated_everywhere_alike() -> Result<()> {
    let answer = || {
        Script::new()
            .event(ModelEvent::Reasoning("Hm".into()))
            .event(text("Jays"))
            .event(stop())
    };
    // "Which?" is six bytes, in a message of four, and three for the answer.
    let expected = estimated(13, 6);
    let agent = asked(answer()).build()?;
    let all =
        ["turn_finished", "step_finished", "run_finished"].map(|it| (it.to_owned(), expected));
    assert_eq!(used(&agent).await, all);
    assert_eq!(
        asked(answer()).build()?.run("Which?").await?.usage,
        expected
    );

    let rough = Agent::builder(ScriptedModel::new().script(answer())).build()?;
    assert_eq!(rough.run("Which?").await?.usage, estimated(9, 2));
    Ok(())
}

#[tokio::test]
async fn a_broken_answer_without_usage_is_estimated() -> Result<()> {
    let cut = Script::new().event(text("Ja"));
    let failed = cut.clone().fail(Error::new(ErrorKind::Model, "503"));
    for script in [cut, failed] {
        let error = asked(script).build()?.run("Which?").await.unwrap_err();
        assert_eq!(error.partial().unwrap().usage, estimated(13, 2));
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_dropped_is_estimated() -> Result<()> {
    let ctx = Context::new();
    let agent = asked(Script::new().event(text("Ja")).stall()).build()?;
    let mut run = agent.run("Which?").context(&ctx).stream();
    assert_eq!(run.next_text().await?.unwrap(), "Ja");
    drop(run);
    assert_eq!(ctx.usage(), estimated(13, 2));
    Ok(())
}

#[tokio::test]
async fn what_the_provider_says_counts_and_nothing_is_guessed() -> Result<()> {
    let script = Script::new()
        .event(text("Ja"))
        .event(ModelEvent::Usage(Usage::new(9, 9)))
        .fail(Error::new(ErrorKind::Truncated, "cut"));
    let error = asked(script).build()?.run("Which?").await.unwrap_err();
    assert_eq!(error.partial().unwrap().usage, Usage::new(9, 9));

    let refused = Script::new().fail(Error::new(ErrorKind::Model, "401"));
    let error = asked(refused).build()?.run("Which?").await.unwrap_err();
    assert_eq!(
        error.partial().unwrap().usage,
        Usage::new(0, 0),
        "it didn't begin"
    );
    Ok(())
}

#[tokio::test]
async fn the_conversation_and_the_instructions_count_as_sent() -> Result<()> {
    let ctx = Context::new();
    ctx.add_user_message("Name a bird.");
    ctx.add_message(mainstem_core::Message::assistant("Jay."));
    let agent = asked(Script::new().event(text("!")).event(stop()))
        .instructions("Be short.")
        .build()?;
    let result = agent.run("Another").context(&ctx).await?;
    let words = "Name a bird.".len() + "Jay.".len() + "Another".len() + "Be short.".len();
    assert_eq!(result.usage, estimated(words as u64 + 4 * 4 + 3, 1));
    Ok(())
}

#[tokio::test]
async fn an_answer_is_cut_off_where_it_passes_a_limit() -> Result<()> {
    let script = ["Ja", "ys", ", ", "wrens"]
        .into_iter()
        .fold(Script::new(), |script, piece| script.event(text(piece)));
    let ctx = Context::new();
    let agent = asked(script.event(stop())).build()?;
    let limits = UsageLimits::new().output_tokens(5);
    let run = agent.run("Which?").context(&ctx).usage_limits(limits);
    let mut stream = run.stream();
    let mut read = String::new();
    let error = loop {
        match stream.next_text().await {
            Ok(piece) => read.push_str(&piece.unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Limit, Some("usage_limit"))
    );
    assert_eq!(read, "Jays");
    let partial = error.partial().unwrap();
    assert_eq!((&*partial.text, partial.usage), ("Jays", estimated(13, 6)));
    assert!(ctx.messages().last().unwrap().partial);
    Ok(())
}

#[tokio::test]
async fn a_whole_answer_that_passed_a_limit_fails_with_all_of_it() -> Result<()> {
    let model = ScriptedModel::new().always(["Ja", "ys"]);
    let agent = Agent::builder(model).build()?;
    let limits = UsageLimits::new().output_tokens(1);
    let error = agent.run("Which?").usage_limits(limits).await.unwrap_err();
    assert_eq!(
        error.message(),
        "the run's limit of 1 tokens of output is reached: 2 were used; raise it by \
         `UsageLimits::output_tokens`"
    );
    let partial = error.partial().unwrap();
    assert_eq!((&*partial.text, partial.usage), ("Jays", Usage::new(3, 2)));
    assert_eq!(partial.finish_reason, Some(FinishReason::Stop));
    Ok(())
}

#[tokio::test]
async fn a_request_that_has_no_room_doesnt_go_out() -> Result<()> {
    let model = ScriptedModel::new().always(["Jays"]);
    let agent = Agent::builder(model.clone()).token_counter(Bytes).build()?;
    let limits = UsageLimits::new().input_tokens(12);
    let error = agent.run("Which?").usage_limits(limits).await.unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    assert_eq!(error.partial().unwrap().usage, Usage::default());
    assert!(model.requests().is_empty());
    let limits = UsageLimits::new().input_tokens(13);
    agent.run("Which?").usage_limits(limits).await?;
    Ok(())
}

#[tokio::test]
async fn attempts_at_an_output_count_together() -> Result<()> {
    let model = ScriptedModel::new().always(["no"]);
    let agent = Agent::builder(model.clone())
        .output::<u8>()
        .output_attempts(5)
        .build()?;
    let limits = UsageLimits::new().requests(2);
    let error = agent
        .run("How many?")
        .usage_limits(limits)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    assert_eq!(model.requests().len(), 2);
    assert_eq!(error.partial().unwrap().usage.requests, 2);
    Ok(())
}

#[tokio::test]
async fn each_model_of_an_answer_is_priced_as_itself() -> Result<()> {
    let cut = Error::new(ErrorKind::Truncated, "cut");
    let next = NextAttempt::new(&cut, Usage::new(1_000_000, 0)).by("cheap");
    let script = || {
        Script::new()
            .event(text("Ja"))
            .event(ModelEvent::NextAttempt(next.clone().into()))
            .event(text("ys"))
            .event(ModelEvent::Usage(Usage::new(1_000_000, 100_000)))
            .event(stop())
    };
    let prices = Prices::new().model("scripted", Price::per_million(5.0, 30.0));
    let both = prices.clone().model("cheap", Price::per_million(0.5, 2.0));
    let result = asked(script()).build()?.run("Which?").prices(both).await?;
    assert_eq!(result.output, "Jays");
    assert_eq!(result.cost, Some(Cost::from(5.0 + 0.5 + 0.2)));
    let models: Vec<_> = result.usage_by_model.iter().map(|it| &*it.model).collect();
    assert_eq!(models, ["cheap", "scripted"]);

    let run = asked(script()).build()?.run("Which?").prices(prices);
    let error = run
        .usage_limits(UsageLimits::new().cost(100.0))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("no_price"));
    assert!(
        error.message().contains("model `cheap`"),
        "{}",
        error.message()
    );
    assert_eq!(error.partial().unwrap().text, "Ja");
    Ok(())
}

#[tokio::test]
async fn a_continued_answer_is_estimated_with_what_it_was_given_to_go_on_from() -> Result<()> {
    let cut = Error::new(ErrorKind::Truncated, "cut");
    let script = |next: NextAttempt| {
        Script::new()
            .event(text("Ja"))
            .event(ModelEvent::NextAttempt(next.into()))
            .event(text("ys!"))
            .event(stop())
    };
    let used = Usage::new(50, 1);
    for (next, rest) in [
        (NextAttempt::new(&cut, used), estimated(13 + 2, 5)),
        (NextAttempt::new(&cut, used).void(), estimated(13, 3)),
    ] {
        let result = asked(script(next)).build()?.run("Which?").await?;
        assert_eq!(result.usage, [used, rest].into_iter().sum());
    }
    Ok(())
}

#[tokio::test]
async fn another_attempt_that_has_no_room_ends_the_answer() -> Result<()> {
    let cut = Error::new(ErrorKind::Truncated, "the answer was cut");
    let script = Script::new()
        .event(text("Ja"))
        .event(ModelEvent::NextAttempt(
            NextAttempt::new(&cut, Usage::new(50, 1)).into(),
        ))
        .event(text("ys"))
        .event(stop());
    let run = asked(script).build()?.run("Which?");
    let error = run
        .usage_limits(UsageLimits::new().requests(1))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the answer was cut");
    let partial = error.partial().unwrap();
    assert_eq!((&*partial.text, partial.usage), ("Ja", Usage::new(50, 1)));
    Ok(())
}

#[tokio::test]
async fn r14_an_input_of_too_many_tokens_is_refused() -> Result<()> {
    let model = ScriptedModel::new().always(["Jays"]);
    let agent = |most| {
        let builder = Agent::builder(model.clone()).token_counter(Bytes);
        builder.max_input_tokens(most).build()
    };
    agent(6)?.run("Which?").await?;
    let error = agent(5)?.run("Which?").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(
        error.message(),
        "the input is 6 tokens long; the agent takes 5 at most: raise its `max_input_tokens`"
    );
    assert_eq!(model.requests().len(), 1);
    let error = Agent::builder(model)
        .max_input_tokens(5)
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`token_counter`"));
    Ok(())
}

/// Each way of running, and with a context's limit or the run's own.
#[tokio::test]
async fn a_typed_agent_and_a_streamed_one_are_limited_alike() -> Result<()> {
    let model = ScriptedModel::new().always(["[1,", " 2]"]);
    let agent = Agent::builder(model)
        .output::<Vec<u8>>()
        .token_counter(RoughTokens)
        .build()?;
    let limits = UsageLimits::new().total_tokens(20);
    let awaited = agent
        .run("Two numbers.")
        .usage_limits(limits)
        .await
        .unwrap_err();
    let ctx = Context::new();
    ctx.set_usage_limits(limits);
    let mut run = agent.run("Two numbers.").context(&ctx).stream();
    let events: Vec<_> = run.by_ref().collect().await;
    let streamed = run.await.unwrap_err();
    assert!(matches!(
        events.last().unwrap().kind,
        EventKind::RunFailed(_)
    ));
    assert_eq!(awaited.code(), streamed.code());
    assert_eq!(awaited.partial(), streamed.partial());
    Ok(())
}

#[tokio::test]
async fn a_resumed_run_counts_what_it_used_before() -> Result<()> {
    let cut = Error::new(ErrorKind::Truncated, "cut");
    let next = NextAttempt::new(&cut, Usage::new(10, 1)).by("other");
    let script = Script::new()
        .event(ModelEvent::NextAttempt(next.into()))
        .event(text("Jays"))
        .event(ModelEvent::Usage(Usage::new(20, 2)))
        .event(stop());
    let agent = Agent::builder(ScriptedModel::new().script(script))
        .name("a")
        .build()?;
    let store = MemoryStore::new();
    let ctx = Context::new();
    let mut stream = agent
        .run("Which?")
        .store(store.clone())
        .context(&ctx)
        .stream();
    // It dies when its answer is whole, and nobody was told that the step is.
    while !matches!(
        stream.next().await.unwrap().kind,
        EventKind::TurnFinished(_)
    ) {}
    let run = stream.id().clone();
    drop(stream);
    let before = ctx.usage();
    assert_eq!((before.requests, before.total_tokens()), (2, 33));
    let again = |limits: UsageLimits| {
        let resumed = agent.resume(&run).store(store.clone()).context(&ctx);
        resumed.usage_limits(limits)
    };
    let error = again(UsageLimits::new().requests(2)).await.unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    assert_eq!(error.partial().unwrap().usage.requests, 2);
    assert_eq!(ctx.usage(), before, "the context has counted it");
    let log = store.read(&run, None, usize::MAX).await?;
    assert!(matches!(log.last().unwrap().kind, EventKind::RunFailed(_)));
    Ok(())
}

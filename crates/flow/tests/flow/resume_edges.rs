//! Runs that go on at unlikely places, and whose functions do unlikely things.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mainstem_agent::Agent;
use mainstem_core::{
    Context, Durability, ErrorKind, Event, EventKind, MemoryStore, Message, ModelEvent, NewRun,
    Outcome, Question, Result, RunContext, StepResult, Store, TextDelta, Usage,
    test_util::{Script, ScriptedModel},
};
use mainstem_flow::{Flow, Retry, named, retry, with};

use crate::common::{agent, lines};

async fn log(store: &MemoryStore) -> Vec<Event> {
    store.read(&"r".into(), None, usize::MAX).await.unwrap()
}

/// A store with the first events of a run `r`, whose process died then.
async fn died_after(events: &[Event]) -> MemoryStore {
    let store = MemoryStore::new();
    let epoch = store.create(NewRun::new("r", "f")).await.unwrap();
    store
        .append(&"r".into(), epoch, events.to_vec(), Durability::Power)
        .await
        .unwrap();
    store
}

async fn whole<I, O>(flow: &Flow<I, O>, input: I) -> Vec<Event>
where
    I: mainstem_flow::StepValue,
    O: mainstem_flow::StepValue,
{
    let store = MemoryStore::new();
    let _ = flow.run(input).id("r").store(store.clone()).await;
    log(&store).await
}

#[tokio::test]
async fn a_run_that_has_its_end_but_wasnt_closed_has_ended() {
    let flow = Flow::new("f").step("a", |n: u8| n);
    let events = whole(&flow, 1).await;
    let store = died_after(&events).await;
    let error = flow.resume("r").store(store.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(log(&store).await, events);
}

#[tokio::test]
async fn a_step_of_a_function_that_is_done_again_changes_the_context_once() -> Result<()> {
    async fn work(ctx: RunContext, n: u8) -> StepResult<u8> {
        ctx.step("inner", "function", |ctx| async move {
            ctx.context().main().add(Message::user("once"));
            ctx.emit(TextDelta::new("said")).await;
            Ok(())
        })
        .await?;
        Ok(n)
    }
    let flow = Flow::new("f").step("work", work);
    let events = whole(&flow, 1).await;
    let texts = |context: &Context| {
        let messages = context.messages();
        messages
            .iter()
            .filter(|it| **it == Message::user("once"))
            .count()
    };
    for cut in 1..events.len() {
        let store = died_after(&events[..cut]).await;
        let context = Context::new();
        flow.resume("r")
            .store(store.clone())
            .context(&context)
            .await?;
        assert_eq!(texts(&context), 1, "cut at {cut}");
        let left = crate::common::effective(&log(&store).await);
        assert_eq!(left, crate::common::effective(&events), "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_found_in_a_function_that_begins_again_is_used_once() -> Result<()> {
    async fn work(ctx: RunContext, agents: Vec<Agent>, text: String) -> StepResult<String> {
        let mut out = String::new();
        for (i, agent) in agents.iter().enumerate() {
            out += &ctx.run(format!("k{i}"), agent, text.clone()).await?;
        }
        Ok(out)
    }
    let model = ScriptedModel::new().always(["jay"]);
    let agents = vec![agent("a", &model), agent("b", &model)];
    let flow = Flow::new("f")
        .step("work", with(agents, work))
        .step("end", |text: String| text);
    let events = whole(&flow, "x".to_owned()).await;
    // An answer whose step didn't end is asked for again, and both count.
    let is_lost = |events: &[Event]| {
        let last = events.last().map(|event| &event.kind);
        u64::from(matches!(last, Some(EventKind::TurnFinished(_))))
    };
    for cut in 2..events.len() {
        let store = died_after(&events[..cut]).await;
        let lost = is_lost(&events[..cut]);
        let result = flow.resume("r").store(store.clone()).await?;
        assert_eq!(result.usage.requests, 2 + lost, "cut at {cut}");
        let again = log(&store).await.len();
        for second in cut + 1..again {
            let store = died_after(&events[..cut]).await;
            let mut stream = flow.resume("r").store(store.clone()).stream();
            let asked = model.requests().len();
            for _ in cut..second {
                stream.next().await;
            }
            drop(stream);
            let was_asked = model.requests().len() > asked;
            let lost = lost + is_lost(&log(&store).await) * u64::from(was_asked);
            let result = flow.resume("r").store(store).await?;
            assert_eq!(result.usage.requests, 2 + lost, "cut at {cut} and {second}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_question_on_a_branch_of_a_function_suspends_the_run() {
    let flow = Flow::new("f").step("work", async |ctx: RunContext, _: u8| {
        let branch = ctx.branch(0, ctx.context().clone());
        Ok(branch.ask::<bool>("go", "Go?").await?)
    });
    let run = flow.run(1).store(MemoryStore::new()).outcome();
    let outcome = tokio::time::timeout(Duration::from_secs(9), run).await;
    assert!(
        matches!(outcome, Ok(Ok(Outcome::Suspended(_)))),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_of_another_task_suspends_the_run() {
    let flow = Flow::new("f").step("work", async |ctx: RunContext, _: u8| {
        let asks = tokio::spawn(async move { ctx.ask::<bool>("go", "Go?").await });
        Ok(asks.await??)
    });
    let run = flow.run(1).store(MemoryStore::new()).outcome();
    let outcome = tokio::time::timeout(Duration::from_secs(9), run).await;
    assert!(
        matches!(outcome, Ok(Ok(Outcome::Suspended(_)))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_question_in_a_step_of_a_function_isnt_its_failure() -> Result<()> {
    let flow = Flow::new("f").step("work", async |ctx: RunContext, _: u8| {
        let asked = ctx
            .step("inner", "function", |ctx| async move {
                ctx.ask::<bool>("go", "Go?").await
            })
            .await;
        Ok(asked.unwrap_or(false))
    });
    let outcome = flow.run(1).store(MemoryStore::new()).outcome().await?;
    assert!(matches!(outcome, Outcome::Suspended(_)), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn another_version_that_doesnt_say_that_it_goes_along_is_refused() -> Result<()> {
    let flow = |version: &'static str| {
        Flow::new("f")
            .version(version)
            .ask::<bool>("go", |_: &u8| Question::new("Go on?"))
    };
    let store = MemoryStore::new();
    let Outcome::Suspended(asked) = flow("1").run(1).store(store.clone()).outcome().await? else {
        panic!("it asks");
    };
    let asked = asked.answer("go", &true)?;
    let error = flow("2").resume(&asked).store(store.clone()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    flow("2")
        .compatible_with("1")
        .resume(&asked)
        .store(store)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_run_that_goes_on_tells_the_messages_of_all_of_it() -> Result<()> {
    let flow = Flow::new("f").step("a", |text: String| text + "!");
    let events = whole(&flow, "x".to_owned()).await;
    for cut in 1..events.len() {
        let store = died_after(&events[..cut]).await;
        let result = flow.resume("r").store(store).await?;
        assert_eq!(result.messages.len(), 2, "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_is_free_once_a_run_was_stopped_before_its_work() -> Result<()> {
    let context = Context::new();
    let flow = Flow::new("f").step("a", |text: String| text + "!");
    let mut stream = flow
        .run("x")
        .store(MemoryStore::new())
        .context(&context)
        .stream();
    assert!(matches!(
        stream.next().await.unwrap().kind,
        EventKind::RunStarted(_)
    ));
    stream.stop();
    while stream.next().await.is_some() {}
    let next = flow.run("x").context(&context);
    let next = tokio::time::timeout(Duration::from_secs(1), next.into_future()).await;
    assert!(next.is_ok());
    drop(stream);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_losers_of_a_race_used_counts_when_it_goes_on() -> Result<()> {
    let quick = ScriptedModel::new().always(["jay"]);
    async fn two(ctx: RunContext, agents: (Agent, u64), text: String) -> StepResult<String> {
        let text = ctx.run("k", &agents.0, text).await?;
        tokio::time::sleep(Duration::from_secs(agents.1)).await;
        Ok(text)
    }
    let one = |secs| with((agent("a", &quick), secs), two);
    let flow = Flow::new("f")
        .race("race", (named("slow", one(9)), named("fast", one(1))))
        .step("end", |text: String| text);
    let events = whole(&flow, "x".to_owned()).await;
    let finished = events.iter().find_map(|event| match &event.kind {
        EventKind::RunFinished(it) => Some(it.usage.requests),
        _ => None,
    });
    assert_eq!(finished, Some(2));
    let is_decided = |event: &Event| matches!(event.kind, EventKind::Decided(_));
    let decided = events.iter().position(is_decided).unwrap();
    // Also when it was won before, whatever of it is in the log.
    for cut in decided - 2..events.len() {
        let store = died_after(&events[..cut]).await;
        let result = flow.resume("r").store(store.clone()).await?;
        assert_eq!(result.usage.requests, 2, "cut at {cut}");
        let by_model: u64 = result
            .usage_by_model
            .iter()
            .map(|it| it.usage.requests)
            .sum();
        assert_eq!(by_model, 2, "cut at {cut}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_was_retracted_in_a_race_never_wins_it() -> Result<()> {
    // The loser is a flow whose steps have all finished but which hasn't told its own end.
    let inner =
        |name: &'static str| Flow::<u8>::new(name).step("x", async |_: RunContext, n: u8| Ok(n));
    let flow = Flow::new("f").race("race", (inner("left"), inner("right")));
    let events = whole(&flow, 1).await;
    for cut in 1..events.len() {
        let store = died_after(&events[..cut]).await;
        flow.resume("r").store(store.clone()).await?;
        let events = log(&store).await;
        let winner = events.iter().find_map(|event| match &event.kind {
            EventKind::Decided(it) => Some(it.value.as_str().to_owned()),
            _ => None,
        });
        let path = format!("f/race[{}]", winner.unwrap());
        assert!(
            !events.iter().any(|event| event.path.as_str() == path
                && matches!(event.kind, EventKind::Retracted(_))),
            "cut at {cut}: {:#?}",
            lines(&events)
        );
    }
    Ok(())
}

#[tokio::test]
async fn reasoning_that_was_cut_off_isnt_mixed_with_that_of_the_next_answer() -> Result<()> {
    let script = |words: &[&'static str]| {
        let mut script = Script::new();
        for word in words {
            script = script.event(ModelEvent::Reasoning((*word).into()));
        }
        script
            .event(ModelEvent::Text("jay".into()))
            .event(ModelEvent::Usage(Usage::new(1, 1)))
            .event(ModelEvent::Finished(mainstem_core::FinishReason::Stop))
    };
    let model = ScriptedModel::new()
        .script(script(&["one", "two"]))
        .script(script(&["three", "four"]));
    let agent = Agent::builder(model)
        .name("a")
        .continue_interrupted()
        .build()?;
    let flow = Flow::new("f").step("a", agent);
    let store = MemoryStore::new();
    let mut stream = flow.run("x").id("r").store(store.clone()).stream();
    while let Some(event) = stream.next().await {
        if matches!(&event.kind, EventKind::ReasoningDelta(_)) {
            break;
        }
    }
    drop(stream);
    flow.resume("r").store(store.clone()).await?;
    let events = log(&store).await;
    let left = crate::common::effective(&events);
    let thoughts: Vec<_> = left["f/a"]
        .iter()
        .filter(|it| it.contains("reasoning_delta"))
        .collect();
    assert_eq!(thoughts.len(), 2, "{left:#?}");
    assert!(thoughts[0].contains("three"), "{thoughts:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_tried_again_in_a_function_that_begins_again() -> Result<()> {
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let inner = Flow::<u8>::new("inner").step(
        "again",
        retry(
            Retry::attempts(3),
            named("x", move |n: u8| -> StepResult<u8> {
                match counted.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(mainstem_core::Error::new(ErrorKind::Timeout, "late").into()),
                    _ => Ok(n),
                }
            }),
        ),
    );
    let flow = Flow::new("f").step(
        "work",
        with(inner, async |ctx: RunContext, inner: Flow<u8>, n: u8| {
            let n = ctx.run("k", &inner, n).await?;
            Ok(ctx.run("k2", &inner, n).await?)
        }),
    );
    let events = whole(&flow, 1).await;
    for cut in 1..events.len() {
        count.store(0, Ordering::SeqCst);
        let store = died_after(&events[..cut]).await;
        let result = flow.resume("r").store(store.clone()).await?;
        assert_eq!(result.output, 1, "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_came_first_stays() -> Result<()> {
    let flow = Flow::new("f")
        .ask::<bool>("go", |_: &u8| Question::new("Go on?"))
        .ask::<bool>("on", |_: &(u8, bool)| Question::new("And on?"));
    let store = MemoryStore::new();
    let run = flow.run(1).store(store.clone()).outcome();
    let asked = run.await?.suspended().unwrap();
    let context = Context::new();
    let turn = flow.run(9).context(&context).store(store.clone()).stream();
    let late = flow
        .resume(asked.clone().answer("go", &false)?)
        .context(&context)
        .store(store.clone());
    drop(turn);
    let first = flow.resume(asked.answer("go", &true)?).store(store.clone());
    first.outcome().await?;
    let error = late.outcome().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn joined_sub_runs_change_the_context_once() -> Result<()> {
    async fn add(ctx: RunContext, text: &'static str) -> StepResult<u8> {
        ctx.context().main().add(Message::user(text));
        tokio::time::sleep(Duration::from_secs(1)).await;
        ctx.context().main().add(Message::user(text));
        Ok(1)
    }
    async fn work(ctx: RunContext, _: u8) -> StepResult<u8> {
        let a = Flow::<u8>::new("a").step("x", async |ctx: RunContext, _: u8| add(ctx, "a").await);
        let b = Flow::<u8>::new("b").step("x", async |ctx: RunContext, _: u8| add(ctx, "b").await);
        let (a, b) = futures::join!(ctx.run("a", &a, 1), ctx.run("b", &b, 1));
        Ok(a? + b?)
    }
    let flow = Flow::new("f").step("work", work);
    let context = Context::new();
    flow.run(1).context(&context).await?;
    let expected = context.messages().len();
    let events = whole(&flow, 1).await;
    for cut in 2..events.len() {
        let store = died_after(&events[..cut]).await;
        let context = Context::new();
        flow.resume("r")
            .store(store.clone())
            .context(&context)
            .await?;
        assert_eq!(context.messages().len(), expected, "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_stopped_while_it_waits_for_its_turn_has_begun() -> Result<()> {
    let flow = Flow::new("f").step("wait", async |_: u8| {
        std::future::pending::<()>().await;
        Ok(1_u8)
    });
    let context = Context::new();
    let mut first = flow.run(1).context(&context).stream();
    first.next_event().await.unwrap();
    first.next_event().await.unwrap();
    let run = flow.run(2).context(&context).store(MemoryStore::new());
    let mut second = run.stream();
    assert!(futures::poll!(std::pin::pin!(second.next_event())).is_pending());
    second.stop();
    let mut names = Vec::new();
    while let Some(event) = second.next_event().await {
        names.push(event.kind.name().to_owned());
    }
    assert_eq!(names, ["run_started", "run_cancelled"]);
    Ok(())
}

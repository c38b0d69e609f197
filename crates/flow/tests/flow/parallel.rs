//! Branches: they interleave, are bounded, and stop together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mainstem_core::{
    ErrorKind, EventKind, Result, RunContext, StepError, StepResult, TextDelta,
    test_util::{Script, ScriptedModel},
};
use mainstem_core::{FinishReason, ModelEvent};
use mainstem_flow::{Flow, at_most, named, with};
use tokio::time::Instant;

use crate::common::{agent, asked, asks, both_ways, collect, lines, texts};

/// Ten pieces in half a second.
fn slow(letter: &str) -> ScriptedModel {
    let mut script = Script::new();
    for _ in 0..10 {
        script = script
            .wait(Duration::from_millis(50))
            .event(ModelEvent::Text(letter.into()));
    }
    ScriptedModel::new().script(script.event(ModelEvent::Finished(FinishReason::Stop)))
}

#[tokio::test(start_paused = true)]
async fn r8_two_branches_of_half_a_second_take_half_a_second_and_interleave() -> Result<()> {
    let flow = Flow::new("duet").parallel(
        "views",
        (agent("expert", &slow("e")), agent("sceptic", &slow("s"))),
    );
    let start = Instant::now();
    let mut run = flow.run_streamed("jays");
    let mut text = String::new();
    while let Some(chunk) = run.next_text().await? {
        text.push_str(&chunk);
    }
    assert_eq!(start.elapsed(), Duration::from_millis(500));
    assert_eq!(text, "es".repeat(10));
    assert_eq!(run.await?.output, ("e".repeat(10), "s".repeat(10)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_branch_after_the_other_is_said_whole() -> Result<()> {
    let branches = (agent("expert", &slow("e")), agent("sceptic", &slow("s")));
    let flow = Flow::new("duet").parallel("views", at_most(1, branches));
    let mut run = flow.run_streamed("jays");
    let mut text = String::new();
    while let Some(chunk) = run.next_text().await? {
        text.push_str(&chunk);
    }
    assert_eq!(text, "e".repeat(10) + &"s".repeat(10));
    Ok(())
}

#[tokio::test]
async fn r8_events_of_branches_carry_the_branch() {
    let model = ScriptedModel::new().answer(["x"]);
    let flow = Flow::new("guide").parallel(
        "views",
        (
            agent("expert", &model),
            named("size", |text: String| text.len()),
        ),
    );
    let events = collect(&mut flow.run_streamed("jays")).await;
    let lines = lines(&events);
    for line in [
        "guide/views starts parallel",
        "guide/views[0]/expert starts agent",
        "guide/views[0]/expert says x",
        "guide/views[1]/size starts function",
        "guide/views[1]/size gives 4",
        r#"guide/views gives ["x",4]"#,
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
    }
}

/// Counts how many are inside at once.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

async fn stay(gauge: Arc<Gauge>, n: u64) -> StepResult<u64> {
    let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
    gauge.most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    gauge.now.fetch_sub(1, Ordering::SeqCst);
    Ok(n)
}

#[tokio::test(start_paused = true)]
async fn at_most_bounds_how_many_run_at_once() -> Result<()> {
    for (bound, time) in [(1, 800), (3, 300), (8, 100), (100, 100)] {
        let gauge = Arc::new(Gauge::default());
        let branch = || with(Arc::clone(&gauge), stay);
        let branches = (
            branch(),
            branch(),
            branch(),
            branch(),
            branch(),
            branch(),
            branch(),
            branch(),
        );
        let flow = Flow::new("crowd").parallel("all", at_most(bound, branches));
        let start = Instant::now();
        let output = flow.run(5u64).await?.output;
        assert_eq!(output, (5, 5, 5, 5, 5, 5, 5, 5));
        assert_eq!(gauge.most.load(Ordering::SeqCst), bound.min(8));
        assert_eq!(start.elapsed(), Duration::from_millis(time), "{bound}");
    }
    Ok(())
}

#[tokio::test]
async fn at_most_none_is_refused() {
    let flow = Flow::new("f").parallel("p", at_most(0, (|n: u8| n, |n: u8| n)));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.step().unwrap().to_string(), "f/p");
}

#[tokio::test(start_paused = true)]
async fn a_failing_branch_keeps_what_was_delivered_stops_its_siblings_and_names_its_path() {
    let calls = Arc::new(AtomicUsize::new(0));
    let fails = with(
        Arc::clone(&calls),
        async |ctx: RunContext, calls: Arc<AtomicUsize>, _: String| {
            calls.fetch_add(1, Ordering::SeqCst);
            ctx.emit(TextDelta::new("half ")).await;
            tokio::time::sleep(Duration::from_millis(220)).await;
            Err::<String, _>(StepError::from("the line is dead"))
        },
    );
    let after = Arc::new(AtomicUsize::new(0));
    let flow = Flow::new("duet")
        .parallel(
            "views",
            (agent("expert", &slow("e")), named("broken", fails)),
        )
        .step(
            "never",
            with(
                Arc::clone(&after),
                async |after: Arc<AtomicUsize>, both: (String, String)| {
                    after.fetch_add(1, Ordering::SeqCst);
                    Ok(both.0)
                },
            ),
        );
    let start = Instant::now();
    let mut run = flow.run_streamed("jays");
    let events = collect(&mut run).await;
    assert_eq!(start.elapsed(), Duration::from_millis(220));

    let mut shown = texts(&events);
    shown.sort_unstable();
    assert_eq!(shown, ["e", "e", "e", "e", "half "]);
    let failed: Vec<_> = lines(&events)
        .into_iter()
        .filter(|line| line.contains("fails"))
        .collect();
    assert_eq!(
        failed,
        [
            "duet/views[1]/broken fails step",
            "duet/views fails step",
            "duet fails step",
            "run fails step",
        ]
    );
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Step);
    assert_eq!(error.step().unwrap().to_string(), "duet/views[1]/broken");
    // What both had said stays, in the error too.
    assert_eq!(error.partial().unwrap().text, "eeeehalf ");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(after.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_slow_reader_holds_all_branches_back() {
    let count = Arc::new(AtomicUsize::new(0));
    let chatty = || {
        with(
            Arc::clone(&count),
            async |ctx: RunContext, count: Arc<AtomicUsize>, _: u8| {
                for _ in 0..1000 {
                    ctx.emit(TextDelta::new("x")).await;
                    count.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            },
        )
    };
    let flow = Flow::new("f").parallel("p", (chatty(), chatty(), chatty()));
    let mut run = flow.run_streamed(1u8);
    for _ in 0..10 {
        run.next_text().await.unwrap();
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(count.load(Ordering::SeqCst) <= 10);
}

#[tokio::test]
async fn chatty_branches_take_turns() {
    let say = |letter: &'static str| {
        named(
            letter,
            with(
                letter,
                async |ctx: RunContext, letter: &'static str, _: u8| {
                    for _ in 0..300 {
                        ctx.emit(TextDelta::new(letter)).await;
                    }
                    Ok(())
                },
            ),
        )
    };
    let flow = Flow::new("f").parallel("p", (say("a"), say("b"), say("c")));
    let events = collect(&mut flow.run_streamed(1u8)).await;
    let text = texts(&events).concat();
    for letter in ["a", "b", "c"] {
        let places: Vec<_> = text.match_indices(letter).map(|(at, _)| at).collect();
        assert_eq!(places.len(), 300);
        let widest = places.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert_eq!(widest, Some(3), "{letter}");
    }
    let finished = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::StepFinished(_)));
    assert_eq!(finished.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn when_a_branch_is_suspended_the_others_end_first_unless_one_fails() {
    let ended = Arc::new(AtomicUsize::new(0));
    let slow = with(
        Arc::clone(&ended),
        async |ended: Arc<AtomicUsize>, n: u8| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ended.fetch_add(1, Ordering::SeqCst);
            if n == 0 {
                return Err("zero is bad".into());
            }
            Ok(n)
        },
    );
    let flow = Flow::<u8>::new("f").parallel("p", (asks::<u8>("first"), slow, asks::<u8>("last")));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(asked(&error), ["first", "last"]);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    let error = flow.run(0u8).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/p[1]/function");
}

#[tokio::test]
async fn a_list_of_steps_runs_in_parallel_too_unless_it_is_empty() -> Result<()> {
    let times = |factor: u32| named(format!("times {factor}"), move |n: u32| n * factor);
    let flow = Flow::<u32>::new("f").parallel("p", (1..4).map(times).collect::<Vec<_>>());
    let (events, output) = both_ways(&flow, 7).await?;
    assert_eq!(output, [7, 14, 21]);
    assert!(lines(&events).contains(&"f/p[2]/times 3 gives 21".to_owned()));
    let flow = Flow::<u32>::new("f").parallel("p", (0..0).map(times).collect::<Vec<_>>());
    assert_eq!(
        flow.check().unwrap_err().to_string(),
        "step `f/p`: there are no branches; give a step or more"
    );
    Ok(())
}

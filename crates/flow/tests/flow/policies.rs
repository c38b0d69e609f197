//! Retry, time limit, fallback, weight: what a reader sees of them, and how they compose.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mainstem_core::{
    Context, Error, ErrorKind, Event, EventKind, Key, MemoryStore, Result, RunContext, Step,
    StepError, StepResult, Store, TextDelta,
};
use mainstem_flow::{Flow, Retry, fallback, named, retry, time_limit, weighted, with};
use tokio::time::Instant;

use crate::common::{asked, asks, both_ways, collect, lines};

const SEEN: Key<u32> = Key::new("seen");
const SECOND: Duration = Duration::from_secs(1);

/// How often it fails, and how often it was called.
type Fails = (u32, Arc<AtomicU32>);

/// Says which attempt it is, writes it into the context, and fails so many times.
async fn flaky(ctx: RunContext, (times, calls): Fails, _: u8) -> StepResult<u32> {
    let attempt = calls.fetch_add(1, Ordering::SeqCst) + 1;
    // What an attempt that failed wrote is gone.
    assert_eq!(ctx.context().get(&SEEN)?, None);
    ctx.context().set(&SEEN, &attempt)?;
    ctx.emit(TextDelta::new(format!("try {attempt}"))).await;
    if attempt <= times {
        return Err("not yet".into());
    }
    Ok(attempt)
}

fn fails(times: u32) -> Fails {
    (times, Arc::default())
}

fn quick(attempts: u32) -> Retry {
    Retry::attempts(attempts)
        .backoff(SECOND, 60 * SECOND)
        .jitter(0.0)
}

#[tokio::test(start_paused = true)]
async fn a_step_is_tried_again_after_a_retraction_and_a_wait() -> Result<()> {
    let flow = Flow::<u8>::new("f").step("write", retry(quick(3), with(fails(2), flaky)));
    let ctx = Context::new();
    let start = Instant::now();
    let mut run = flow.run(1u8).context(&ctx).stream();
    let events: Vec<_> = lines(&collect(&mut run).await)
        .into_iter()
        .filter(|line| !line.contains(": time "))
        .collect();
    assert_eq!(
        events[1..],
        [
            "f/write starts retry",
            "f/write/flaky starts function",
            "f/write/flaky says try 1",
            "f/write/flaky fails step",
            r#"f/write decides again[1]: loop {"attempt":2,"wait_ms":1000,"spent_ms":1000}"#,
            "f/write retracts: attempt 1 failed: the step's function failed",
            "f/write/flaky#2 starts function",
            "f/write/flaky#2 says try 2",
            "f/write/flaky#2 fails step",
            r#"f/write decides again[2]: loop {"attempt":3,"wait_ms":2000,"spent_ms":3000}"#,
            "f/write retracts: attempt 2 failed: the step's function failed",
            "f/write/flaky#3 starts function",
            "f/write/flaky#3 says try 3",
            "f/write/flaky#3 gives 3",
            "f/write gives 3",
            "f gives 3",
            "run gives 3",
        ]
    );
    assert_eq!(start.elapsed(), 3 * SECOND);
    assert_eq!(run.await?.output, 3);
    assert_eq!(ctx.get(&SEEN)?, Some(3));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_stands() -> Result<()> {
    let flow = Flow::<u8>::new("f").step("write", retry(2, with(fails(9), flaky)));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/write/flaky#2");
    let short = quick(9).within(4 * SECOND);
    let start = Instant::now();
    let flow = Flow::<u8>::new("f").step("write", retry(short, with(fails(9), flaky)));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/write/flaky#3");
    assert_eq!(start.elapsed(), 3 * SECOND);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_no_other_attempt_mends_isnt_tried_again() {
    let count = Arc::new(AtomicU32::new(0));
    let step = with(
        Arc::clone(&count),
        async |count: Arc<AtomicU32>, asks_first: bool| {
            count.fetch_add(1, Ordering::SeqCst);
            if asks_first {
                return asks("ok")(asks_first);
            }
            Err(StepError::terminal("never"))
        },
    );
    let flow = Flow::<bool>::new("f").step("r", retry(3, step));
    let error = flow.run(false).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/r/function");
    assert_eq!(asked(&flow.run(true).await.unwrap_err()), ["ok"]);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_asks_for_is_waited_for() -> Result<()> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let step = with(
        Arc::clone(&times),
        async |times: Arc<Mutex<Vec<Instant>>>, n: u8| {
            let mut times = times.lock().unwrap();
            times.push(Instant::now());
            if times.len() == 1 {
                let busy = Error::new(ErrorKind::Model, "the model answered 429");
                return Err(busy.retryable(true).with_retry_after(77 * SECOND).into());
            }
            Ok(n)
        },
    );
    let flow = Flow::<u8>::new("f").step("r", retry(quick(2), step));
    flow.run(1u8).await?;
    let times = times.lock().unwrap();
    assert_eq!(times[1] - times[0], 77 * SECOND);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_text_isnt_given_another_beginning() -> Result<()> {
    let flow = Flow::<u8>::new("f").step("write", retry(3, with(fails(1), flaky)));
    let mut run = flow.run_streamed(1u8);
    assert_eq!(run.next_text().await?.unwrap(), "try 1");
    let error = run.next_text().await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/write/flaky");
    let expected = "not tried again, for its text was already given to a reader that can't take it \
                    back; read events";
    assert!(error.message().ends_with(expected), "{error}");

    let other = fallback(with(fails(1), flaky), |_: u8| 7u32);
    let flow = Flow::<u8>::new("f").step("write", other);
    let mut run = flow.run_streamed(1u8);
    assert_eq!(run.next_text().await?.unwrap(), "try 1");
    let error = run.next_text().await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/write[0]/flaky");
    assert!(
        error.message().contains("the other step wasn't done"),
        "{error}"
    );
    // Whoever reads events gets the other attempt, and who has no attempts left no excuse.
    let flow = Flow::<u8>::new("f").step("write", retry(2, with(fails(9), flaky)));
    let error = flow.run(1u8).await.unwrap_err();
    assert!(!error.message().contains("again"), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn another_step_is_done_when_the_first_fails() -> Result<()> {
    let flow = Flow::<u8>::new("f").step(
        "write",
        fallback(with(fails(9), flaky), named("plain", |n: u8| u32::from(n))),
    );
    let ctx = Context::new();
    let mut run = flow.run(7u8).context(&ctx).stream();
    let events = collect(&mut run).await;
    assert_eq!(
        lines(&events)[1..10],
        [
            "f/write starts fallback",
            "f/write[0]/flaky starts function",
            "f/write[0]/flaky says try 1",
            "f/write[0]/flaky fails step",
            r#"f/write decides takes: branch "other""#,
            "f/write retracts: the step failed: the step's function failed",
            "f/write[1]/plain starts function",
            "f/write[1]/plain gives 7",
            "f/write gives 7",
        ]
    );
    assert_eq!(run.await?.output, 7);
    assert_eq!(ctx.get(&SEEN)?, None);

    let flow = Flow::<u8>::new("f").step("write", fallback(with(fails(0), flaky), |_: u8| 9u32));
    let ctx = Context::new();
    assert_eq!(flow.run(1u8).context(&ctx).await?.output, 1);
    assert_eq!(ctx.get(&SEEN)?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_fallback_passes_on_its_last_failure_and_any_suspension() {
    let no = |_: u8| -> StepResult<u8> { Err("no".into()) };
    let flow = Flow::<u8>::new("f").step("b", fallback(no, no));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/b[1]/function");
    let flow = Flow::<u8>::new("f").step("b", fallback(asks::<u8>("ok"), no));
    assert_eq!(asked(&flow.run(1u8).await.unwrap_err()), ["ok"]);
    let chain = fallback(no, fallback(no, named("third", |n: u8| n + 2)));
    let flow = Flow::<u8>::new("f").step("b", chain);
    assert_eq!(flow.run(1u8).await.unwrap().output, 3);
}

/// Takes as many seconds as the number says.
async fn slow(seconds: u64) -> StepResult<u64> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_stops_a_step_that_takes_too_long() -> Result<()> {
    let flow = Flow::<u64>::new("f").step("s", time_limit(5 * SECOND, slow));
    assert_eq!(both_ways(&flow, 4).await?.1, 4);
    let start = Instant::now();
    let mut run = flow.run_streamed(60u64);
    let events = collect(&mut run).await;
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert_eq!(
        lines(&events)[1..],
        [
            "f/s starts function",
            "f/s fails timeout",
            "f fails timeout",
            "run fails timeout"
        ]
    );
    let error = run.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `f/s`: the step took longer than its limit of 5s; allow more time"
    );
    assert!(error.is_retryable());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_limit_inside_of_a_retry_is_for_each_attempt_and_outside_for_all() {
    let each = retry(quick(3), time_limit(5 * SECOND, slow));
    let flow = Flow::<u64>::new("f").step("s", each);
    let start = Instant::now();
    let error = flow.run(60u64).await.unwrap_err();
    assert_eq!(start.elapsed(), (5 + 1 + 5 + 2 + 5) * SECOND);
    assert_eq!(error.step().unwrap().to_string(), "f/s/slow#3");

    let all = time_limit(8 * SECOND, retry(quick(3), time_limit(5 * SECOND, slow)));
    let flow = Flow::<u64>::new("f").step("s", all);
    let start = Instant::now();
    let error = flow.run(60u64).await.unwrap_err();
    assert_eq!(start.elapsed(), 8 * SECOND);
    assert_eq!(error.step().unwrap().to_string(), "f/s");
}

#[tokio::test]
async fn weights_are_told_with_the_step() {
    let flow = Flow::<u8>::new("f")
        .step("light", |n: u8| n)
        .step("heavy", weighted(9, retry(2, |n: u8| n)));
    let events = collect(&mut flow.run_streamed(1u8)).await;
    let started: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::StepStarted(started) => Some((started.weight, started.total)),
            _ => None,
        })
        .collect();
    assert_eq!(
        started,
        [
            (Some(10), Some(10)),
            (None, None),
            (Some(9), Some(1)),
            (None, None)
        ]
    );
}

#[test]
fn plans_say_what_the_policies_are() {
    let flow = Flow::<u64>::new("f").step(
        "s",
        time_limit(8 * SECOND, retry(quick(3), time_limit(SECOND, slow))),
    );
    let plan = flow.plan();
    assert_eq!(
        plan.inside[0].detail.as_deref(),
        Some("up to 3 attempts, within 8s")
    );
    assert_eq!(
        plan.inside[0].inside[0].detail.as_deref(),
        Some("within 1s")
    );
}

#[test]
fn no_attempts_are_refused() {
    let flow = Flow::<u64>::new("f").step("s", retry(0, slow));
    assert_eq!(
        flow.check().unwrap_err().to_string(),
        "step `f/s`: `retry` allows no attempt; give 1 or more"
    );
    let deep = Flow::<u64>::new("f").step(
        "s",
        fallback(slow, weighted(2, time_limit(SECOND, retry(0, slow)))),
    );
    let error = deep.check().unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/s[1]/retry");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_cut_off_is_none_of_those_allowed() -> Result<()> {
    let calls = fails(3);
    let step = with(calls.clone(), flaky);
    let flow = Flow::<u8>::new("f").step("write", retry(quick(3), step));
    let store = MemoryStore::new();
    let mut run = flow.run(1u8).store(store.clone()).stream();
    let id = run.id().clone();
    while run.next().await.unwrap().text().is_none() {}
    drop(run);
    assert_eq!(calls.1.load(Ordering::SeqCst), 1);

    let mut run = flow.resume(id).store(store).stream();
    let events: Vec<_> = lines(&collect(&mut run).await)
        .into_iter()
        .filter(|line| line.contains("flaky") || line.contains("again["))
        .collect();
    assert_eq!(
        events,
        [
            "f/write/flaky retracts: the run was interrupted; the step begins again",
            "f/write/flaky#2 starts function",
            "f/write/flaky#2 says try 2",
            "f/write/flaky#2 fails step",
            r#"f/write decides again[1]: loop {"attempt":3,"wait_ms":1000,"spent_ms":1000}"#,
            "f/write/flaky#3 starts function",
            "f/write/flaky#3 says try 3",
            "f/write/flaky#3 fails step",
            r#"f/write decides again[2]: loop {"attempt":4,"wait_ms":2000,"spent_ms":3000}"#,
            "f/write/flaky#4 starts function",
            "f/write/flaky#4 says try 4",
            "f/write/flaky#4 gives 4",
        ]
    );
    assert_eq!(run.await?.output, 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn until_when_to_wait_is_decided_once() -> Result<()> {
    let step = with(fails(1), flaky);
    let flow = Flow::<u8>::new("f").step("write", retry(quick(2), step));
    let store = MemoryStore::new();
    let mut run = flow.run(1u8).store(store.clone()).stream();
    let id = run.id().clone();
    let is_wait =
        |event: &Event| matches!(&event.kind, EventKind::Decided(it) if it.key == "wait[1]");
    while !is_wait(&run.next().await.unwrap()) {}
    drop(run);

    let resumed = flow.resume(id.clone()).store(store.clone()).await?;
    assert_eq!(resumed.output, 2);
    let log = store.read(&id, None, usize::MAX).await?;
    assert_eq!(log.iter().filter(|event| is_wait(event)).count(), 1);
    Ok(())
}

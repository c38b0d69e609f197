//! Loops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mainstem_core::{
    ErrorKind, Result, RunContext, StepResult, TextDelta, test_util::ScriptedModel,
};
use mainstem_flow::{Flow, named, up_to, with};

use crate::common::{agent, asked, asks, both_ways, collect, lines};

#[tokio::test]
async fn a_loop_ends_with_the_first_round_whose_value_the_condition_holds_of() -> Result<()> {
    let double = named("double", |n: u32| n * 2);
    let flow = Flow::<u32>::new("f").repeat("grow", up_to(9, double).until(|n: &u32| *n > 10));
    let (events, output) = both_ways(&flow, 3).await?;
    assert_eq!(output, 12);
    assert_eq!(
        lines(&events)[1..9],
        [
            "f/grow starts repeat",
            "f/grow[0]/double starts function",
            "f/grow[0]/double gives 6",
            "f/grow decides until[0]: loop false",
            "f/grow[1]/double starts function",
            "f/grow[1]/double gives 12",
            "f/grow decides until[1]: loop true",
            "f/grow gives 12",
        ]
    );
    // Also a value that is good already has a round.
    assert_eq!(flow.run(11u32).await?.output, 22);
    Ok(())
}

#[tokio::test]
async fn agents_write_and_judge_in_a_loop() -> Result<()> {
    let model = ScriptedModel::new()
        .answer(["bad"])
        .answer(["no"])
        .answer(["good"])
        .answer(["yes"]);
    let judge = agent("judge", &model).prompt(|draft: &String| format!("Is it good? {draft}"));
    let round = Flow::<(String, bool)>::new("round")
        .step("topic", |(text, _): (String, bool)| text)
        .step("write", agent("writer", &model))
        .parallel("both", (judge, named("draft", |draft: String| draft)))
        .step("verdict", |(verdict, draft): (String, String)| {
            (draft, verdict == "yes")
        });
    let flow = Flow::<(String, bool)>::new("f").repeat(
        "refine",
        up_to(3, round).until(|(_, good): &(String, bool)| *good),
    );
    let output = flow.run(("jays".to_owned(), false)).await?.output;
    assert_eq!(output.0, "good");
    Ok(())
}

#[tokio::test]
async fn a_loop_that_reaches_its_bound_is_an_error_or_keeps_the_last_value() -> Result<()> {
    let rounds = || up_to(3, |n: u32| n + 1).until(|n: &u32| *n > 100);
    let flow = Flow::<u32>::new("f").repeat("grow", rounds());
    let error = flow.run(0u32).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(
        error.to_string(),
        "step `f/grow`: the loop's condition held after none of 3 rounds; allow more by `up_to`, \
         or take the last value by `or_keep_last`"
    );
    let flow = Flow::<u32>::new("f").repeat("grow", rounds().or_keep_last());
    assert_eq!(both_ways(&flow, 0).await?.1, 3);
    Ok(())
}

#[tokio::test]
async fn loops_nest() -> Result<()> {
    let inner = Flow::<u32>::new("inner").repeat(
        "ones",
        up_to(10, |n: u32| n + 1).until(|n: &u32| n.is_multiple_of(3)),
    );
    let flow = Flow::<u32>::new("f").repeat(
        "threes",
        up_to(10, inner).until(|n: &u32| n.is_multiple_of(9)),
    );
    let (events, output) = both_ways(&flow, 1).await?;
    assert_eq!(output, 9);
    let deep = "f/threes[2]/inner/ones[1]/function gives 8";
    assert!(lines(&events).contains(&deep.to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_rounds_failure_and_its_suspension_end_the_loop() {
    let calls = Arc::new(AtomicU32::new(0));
    let second = |calls: Arc<AtomicU32>, n: u32| -> StepResult<u32> {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(n),
            _ => Err("enough".into()),
        }
    };
    let body = with(Arc::clone(&calls), second);
    let flow = Flow::<u32>::new("f").repeat("r", up_to(9, body).until(|_: &u32| false));
    let error = flow.run(0u32).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/r[1]/function");
    assert_eq!(calls.load(Ordering::SeqCst), 2);

    let flow = Flow::<u32>::new("f").repeat("r", up_to(9, asks("ok")).until(|_: &u32| false));
    assert_eq!(asked(&flow.run(0u32).await.unwrap_err()), ["ok"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_begins_no_other_round() {
    let calls = Arc::new(AtomicU32::new(0));
    let body = with(
        Arc::clone(&calls),
        async |ctx: RunContext, calls: Arc<AtomicU32>, n: u32| {
            calls.fetch_add(1, Ordering::SeqCst);
            ctx.emit(TextDelta::new("round ")).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(n)
        },
    );
    let flow = Flow::<u32>::new("f").repeat("r", up_to(9, body).until(|_: &u32| false));
    let mut run = flow.run_streamed(0u32);
    run.next_text().await.unwrap();
    run.next_text().await.unwrap();
    drop(run);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn no_rounds_are_refused() {
    let flow = Flow::<u32>::new("f").repeat("r", up_to(0, |n: u32| n).until(|_: &u32| true));
    let mut run = flow.run_streamed(1u32);
    let events = collect(&mut run).await;
    assert_eq!(lines(&events)[1..], ["f fails config", "run fails config"]);
    let error = run.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `f/r`: the loop has no rounds; give `up_to` at least 1"
    );
}

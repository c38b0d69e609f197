//! Steps that compete.

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mainstem_core::{Context, ErrorKind, Key, Result, RunContext, StepResult, TextDelta};
use mainstem_flow::{Flow, named, with};
use tokio::time::Instant;

use crate::common::{asked, asks, both_ways, collect, lines};

const WHO: Key<u64> = Key::new("who");

/// Says something, takes that many seconds, and gives them; more than a minute is a failure.
async fn runs(ctx: RunContext, seconds: u64, _: u8) -> StepResult<u64> {
    ctx.emit(TextDelta::new("go")).await;
    ctx.context().set(&WHO, &seconds)?;
    tokio::time::sleep(Duration::from_secs(seconds % 60)).await;
    if seconds > 60 {
        return Err("it fell".into());
    }
    Ok(seconds)
}

fn race(seconds: [u64; 3]) -> Flow<u8, u64> {
    let [a, b, c] = seconds;
    Flow::new("f").race(
        "fastest",
        (
            named("hare", with(a, runs)),
            named("tortoise", with(b, runs)),
            named("jay", with(c, runs)),
        ),
    )
}

#[tokio::test(start_paused = true)]
async fn the_first_to_finish_wins_and_what_the_others_said_is_taken_back() -> Result<()> {
    let ctx = Context::new();
    let start = Instant::now();
    let mut run = race([9, 3, 5]).run(1u8).context(&ctx).stream();
    let events = collect(&mut run).await;
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(
        lines(&events)[1..],
        [
            "f/fastest starts race",
            "f/fastest[0]/hare starts function",
            "f/fastest[1]/tortoise starts function",
            "f/fastest[2]/jay starts function",
            "f/fastest[0]/hare says go",
            "f/fastest[1]/tortoise says go",
            "f/fastest[2]/jay says go",
            "f/fastest[1]/tortoise gives 3",
            "f/fastest[0] retracts: another step won the race",
            "f/fastest[2] retracts: another step won the race",
            "f/fastest decides winner: winner 1",
            "f/fastest gives 3",
            "f gives 3",
            "run gives 3",
        ]
    );
    assert_eq!(run.await?.output, 3);
    assert_eq!(ctx.get(&WHO)?, Some(3));
    assert_eq!(both_ways(&race([4, 4, 1]), 1).await?.1, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_text_fails_if_a_loser_had_spoken() -> Result<()> {
    let race = race([9, 3, 5]);
    let mut run = race.run_streamed(1u8);
    run.next_text().await?;
    let error = loop {
        match run.next_text().await {
            Ok(text) => assert_eq!(text.unwrap(), "go"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Retracted);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_is_out_and_if_all_fail_so_does_the_race() -> Result<()> {
    assert_eq!(both_ways(&race([61, 3, 62]), 1).await?.1, 3);
    let error = race([63, 61, 62]).run(1u8).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `f/fastest`: all that raced have failed: `fastest[0]/hare`, `fastest[1]/tortoise`, \
         `fastest[2]/jay`"
    );
    let last = error.source().unwrap().to_string();
    assert!(last.contains("f/fastest[0]/hare"), "{last}");
    assert!(error.is_retryable());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_is_suspended_waits_for_the_others() -> Result<()> {
    let calls = Arc::new(AtomicU32::new(0));
    let slow = with(Arc::clone(&calls), async |calls: Arc<AtomicU32>, n: u8| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        calls.fetch_add(1, Ordering::SeqCst);
        if n == 0 {
            return Err("no".into());
        }
        Ok(n)
    });
    let flow = Flow::<u8>::new("f").race("r", (asks::<u8>("first"), slow, asks::<u8>("last")));
    assert_eq!(flow.run(3u8).await?.output, 3);
    assert_eq!(asked(&flow.run(0u8).await.unwrap_err()), ["first", "last"]);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_has_won_is_found_again() -> Result<()> {
    let calls = Arc::new(AtomicU32::new(0));
    let step = || {
        with(Arc::clone(&calls), async |calls: Arc<AtomicU32>, n: u8| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(u64::from(9 - call))).await;
            Ok(n + u8::try_from(call)?)
        })
    };
    let inner = Flow::<u8>::new("in").race("r", (step(), step())).step(
        "fail",
        with(Arc::clone(&calls), |calls: Arc<AtomicU32>, n: u8| {
            if calls.fetch_add(1, Ordering::SeqCst) == 2 {
                return Err("not yet".into());
            }
            StepResult::Ok(n)
        }),
    );
    let journal = mainstem_core::MemoryJournal::new();
    let run = || inner.run(10u8).journal(journal.clone());
    run().await.unwrap_err();
    assert_eq!(run().await?.output, 11);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    Ok(())
}

#[tokio::test]
async fn a_list_of_steps_races_too_unless_it_is_empty() -> Result<()> {
    let step = |n: u8| n + 1;
    let flow = Flow::<u8>::new("f").race("r", vec![step, step]);
    assert_eq!(flow.run(1u8).await?.output, 2);
    let flow = Flow::<u8>::new("f").race("r", vec![step; 0]);
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `f/r`: nobody takes part in the race; give a step or more"
    );
    Ok(())
}

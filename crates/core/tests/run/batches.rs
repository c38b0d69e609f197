//! Text in batches, under a clock that stands still until all wait.

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{Error, Run, RunContext, RunStream, Text};
use tokio::time::{Instant, sleep};

use crate::common::{broken, say, text};

const SECOND: Duration = Duration::from_secs(1);

/// Says a letter after each of the waits; at once, where there is none.
fn paced(waits: &'static [u32]) -> RunStream<()> {
    Run::new("paced", move |ctx: RunContext| async move {
        for wait in waits {
            if *wait > 0 {
                sleep(SECOND * *wait).await;
            }
            ctx.emit(text("x")).await;
        }
        Ok(())
    })
    .stream()
}

/// The sizes of the batches, and when each came.
async fn batches(stream: RunStream<()>, n: usize, delay: Duration) -> Vec<(usize, u64)> {
    let start = Instant::now();
    stream
        .chunks_batched(n, delay)
        .map(|batch| (batch.unwrap().len(), start.elapsed().as_secs()))
        .collect()
        .await
}

#[tokio::test(start_paused = true)]
async fn r16_a_batch_is_given_when_it_is_full() {
    let full = batches(paced(&[1, 1, 1, 1]), 2, SECOND * 60).await;
    assert_eq!(full, [(2, 2), (2, 4)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_batch_has_what_is_left() {
    let rest = batches(paced(&[0, 0, 0, 1, 1]), 3, SECOND * 60).await;
    assert_eq!(rest, [(3, 0), (2, 2)]);
}

#[tokio::test(start_paused = true)]
async fn r16_a_batch_waits_no_longer_than_its_delay_from_the_first_piece_on() {
    // Pieces at 5, 7, 9 and 14 seconds.
    let late = batches(paced(&[5, 2, 2, 5]), 10, SECOND * 3).await;
    assert_eq!(late, [(2, 8), (1, 12), (1, 14)]);
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_empty_however_long_nothing_comes() {
    let lonely = batches(paced(&[100, 100]), 10, SECOND).await;
    assert_eq!(lonely, [(1, 101), (1, 200)]);
    assert_eq!(batches(paced(&[]), 10, SECOND).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_late_reader_gets_a_batch_at_once() {
    let mut stream = paced(&[0, 0, 0]).chunks_batched(2, SECOND);
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 2);
    sleep(SECOND * 60).await;
    let start = Instant::now();
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_due_is_not_filled_up() {
    let mut stream = paced(&[0, 2, 0, 0]).chunks_batched(10, SECOND);
    assert!(futures::poll!(stream.next()).is_pending());
    // The first piece waits; when the reader comes back, the other three are there at once.
    sleep(SECOND * 60).await;
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 2);
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 2);
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_comes_after_the_batch_before_it() {
    let run = Run::<()>::new("fails", |ctx: RunContext| async move {
        say(ctx, &["a", "b", "c"]).await?;
        Err(broken())
    });
    let mut stream = run.stream().chunks_batched(2, SECOND);
    let mut next = async || -> Option<Result<Vec<Text>, Error>> { stream.next().await };
    assert_eq!(next().await.unwrap().unwrap(), ["a", "b"]);
    assert_eq!(next().await.unwrap().unwrap(), ["c"]);
    assert_eq!(next().await.unwrap().unwrap_err().status(), Some(503));
    assert!(next().await.is_none());
    assert!(next().await.is_none());
    assert_eq!(stream.await.unwrap_err().status(), Some(503));
}

#[tokio::test(start_paused = true)]
async fn awaited_it_gives_the_result() {
    let run = Run::new("says", |ctx| say(ctx, &["a", "b", "c"]));
    let mut stream = run.stream().chunks_batched(2, SECOND);
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 2);
    assert_eq!(stream.await.unwrap().output, "abc");
}

#[test]
#[should_panic(expected = "at least one chunk")]
fn batches_of_nothing_are_refused() {
    let run = Run::new("says", |ctx| say(ctx, &["a"]));
    drop(run.stream().chunks_batched(0, SECOND));
}

//! What readers cost in memory.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::alloc::System;

use futures::{FutureExt, StreamExt, future::BoxFuture};
use mainstem_core::{Json, Result, RunContext, Step, TextDelta};
use mainstem_serve::{ReadFrom, Served, SessionLimits, Sessions, StartOptions};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const READERS: usize = 2000;
const RUNS: usize = 1000;

/// Says something, then waits for ever.
struct Talker;

impl Step<usize> for Talker {
    type Output = ();

    fn name(&self) -> &str {
        "talk"
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, pieces: usize) -> BoxFuture<'static, Result<()>> {
        async move {
            for _ in 0..pieces {
                ctx.emit(TextDelta::new(
                    "one hundred jays are blue, and ten are not ",
                ))
                .await;
            }
            std::future::pending().await
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_reader_that_waits_for_more_costs_less_than_a_kilobyte() {
    let sessions = Sessions::builder()
        .served(Served::new(Talker))
        .build()
        .unwrap();
    let options = StartOptions::new().detached();
    let pieces = Json::new(&500).unwrap();
    let session = sessions.start("talk", pieces, options).await.unwrap();
    while sessions.stats().events < 502 {
        tokio::task::yield_now().await;
    }
    let mut readers = Vec::with_capacity(READERS);
    let region = Region::new(ALLOCATOR);
    for _ in 0..READERS {
        let mut reader = session.read(ReadFrom::Start).await.unwrap();
        let mut count = 0;
        while let Some(event) = reader.next().now_or_never() {
            event.unwrap().unwrap();
            count += 1;
        }
        assert_eq!(count, 502);
        readers.push(reader);
    }
    let change = region.change();
    let heap = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    // The readers themselves lie in a vector that was there before.
    let each = usize::try_from(heap).unwrap() / READERS + size_of_val(&readers[0]);
    println!(
        "a reader: {each} bytes, {} of them inline",
        size_of_val(&readers[0])
    );
    assert!(each < 1024, "{each}");
    assert_eq!(sessions.stats().readers, READERS as u64);
}

#[tokio::test]
async fn a_piece_of_text_in_a_log_costs_little_more_than_its_text() {
    const PIECES: usize = 20_000;
    let sessions = Sessions::builder()
        .served(Served::new(Talker))
        .build()
        .unwrap();
    let options = StartOptions::new().detached();
    let region = Region::new(ALLOCATOR);
    let pieces = Json::new(&PIECES).unwrap();
    sessions.start("talk", pieces, options).await.unwrap();
    while sessions.stats().events < PIECES as u64 + 2 {
        tokio::task::yield_now().await;
    }
    let change = region.change();
    let heap = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    let each = usize::try_from(heap).unwrap() / PIECES;
    println!("a piece of 43 bytes: {each} bytes, the run and its newest events among them");
    assert!(each < 110, "{each}");
}

#[tokio::test]
async fn a_run_that_waits_for_its_model_costs_a_few_kilobytes() {
    let limits = SessionLimits::new().runs_per_owner(RUNS).runs(RUNS);
    let sessions = Sessions::builder()
        .served(Served::new(Talker))
        .limits(limits)
        .build()
        .unwrap();
    let pieces = Json::new(&0).unwrap();
    let mut started = Vec::with_capacity(RUNS);
    let region = Region::new(ALLOCATOR);
    for _ in 0..RUNS {
        let options = StartOptions::new().detached();
        let session = sessions.start("talk", pieces.clone(), options).await;
        started.push(session.unwrap().id().clone());
    }
    while sessions.stats().events < 2 * RUNS as u64 {
        tokio::task::yield_now().await;
    }
    let change = region.change();
    let heap = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    let each = usize::try_from(heap).unwrap() / RUNS;
    println!("a run: {each} bytes, its log in memory among them");
    assert!(each < 12_000, "{each}");
}

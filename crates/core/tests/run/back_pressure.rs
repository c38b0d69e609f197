//! The steps wait for the reader, and no waiting step is forgotten.

use std::task::Poll;

use futures::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use mainstem_core::{Run, RunContext};
use tokio::sync::oneshot;

use crate::common::{Counter, collect, names, poll_once, read_ready, text, texts};

#[test]
fn a_body_is_at_most_two_events_ahead_of_its_reader() {
    let emitted = Counter::default();
    let count = emitted.clone();
    let run = Run::new("eager", |ctx: RunContext| async move {
        for _ in 0..1000 {
            ctx.emit(text("x")).await;
            count.add();
        }
        Ok(())
    });
    let mut stream = run.stream();
    assert_eq!(emitted.get(), 0, "nothing happens before it is polled");
    let mut read = 0;
    while let Poll::Ready(Some(_)) = poll_once(&mut stream) {
        read += 1;
        assert!(emitted.get() <= read + 2, "{} of {read}", emitted.get());
    }
    assert_eq!((read, emitted.get()), (1002, 1000));
}

/// On one thread: with a run that never lets go of it, the other task would never be polled.
#[tokio::test]
async fn a_run_that_always_has_something_to_say_lets_others_have_their_turn() {
    const MANY: u32 = 100_000;
    let turn = Counter::default();
    let other = tokio::spawn({
        let turn = turn.clone();
        async move { turn.add() }
    });
    let run = Run::new("talk", |ctx: RunContext| async move {
        let mut said = 0;
        while turn.get() == 0 && said < MANY {
            ctx.emit(text("x")).await;
            said += 1;
        }
        Ok(said)
    });
    assert!(run.await.unwrap().output < MANY);
    other.await.unwrap();
}

#[test]
fn a_thousand_branches_are_together_one_event_ahead() {
    let emitted = Counter::default();
    let count = emitted.clone();
    let run = Run::new("wide", |ctx: RunContext| async move {
        let branches: FuturesUnordered<_> = (0..1000)
            .map(|_| {
                let (ctx, count) = (ctx.clone(), count.clone());
                async move {
                    ctx.emit(text("x")).await;
                    count.add();
                }
            })
            .collect();
        branches.collect::<Vec<_>>().await;
        Ok(())
    });
    let mut stream = run.stream();
    let mut read = 0;
    while let Poll::Ready(Some(_)) = poll_once(&mut stream) {
        read += 1;
        assert!(emitted.get() <= read, "{} of {read}", emitted.get());
    }
    assert_eq!((read, emitted.get()), (1002, 1000));
}

#[tokio::test]
async fn an_emit_that_is_dropped_while_it_waits_leaves_the_slot_to_others() {
    let run = Run::new("impatient", |ctx: RunContext| async move {
        ctx.emit(text("first")).await;
        // The slot is full now: this one waits, in the queue's first place, and is dropped.
        let mut lost = Box::pin(ctx.emit(text("lost")));
        assert!(futures::poll!(&mut lost).is_pending());
        let mut second = Box::pin(ctx.emit(text("second")));
        assert!(futures::poll!(&mut second).is_pending());
        drop(lost);
        second.await;
        ctx.emit(text("third")).await;
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(texts(&events), ["first", "second", "third"]);
}

#[tokio::test]
async fn an_emit_that_is_dropped_with_its_turn_in_hand_hands_it_on() {
    let (read_one, was_read) = oneshot::channel::<()>();
    let run = Run::new("impatient", |ctx: RunContext| async move {
        ctx.emit(text("first")).await;
        let mut lost = Box::pin(ctx.emit(text("lost")));
        assert!(futures::poll!(&mut lost).is_pending());
        let mut second = Box::pin(ctx.emit(text("second")));
        assert!(futures::poll!(&mut second).is_pending());
        // By now the reader has taken the first event, and the turn is the lost one's.
        was_read.await.unwrap();
        drop(lost);
        second.await;
        Ok(())
    });
    let mut stream = run.stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "first");
    assert!(poll_once(&mut stream).is_pending());
    read_one.send(()).unwrap();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "second");
    stream.await.unwrap();
}

#[tokio::test]
async fn branches_that_lose_a_race_over_and_over_block_nobody() {
    let run = Run::new("races", |ctx: RunContext| async move {
        let racers = (0..8).map(|_| {
            let ctx = ctx.clone();
            async move {
                for _ in 0..50 {
                    let emit = ctx.emit(text("x"));
                    let again = ctx.emit(text("x"));
                    futures::pin_mut!(emit, again);
                    futures::future::select(emit, again).await;
                }
            }
        });
        join_all(racers).await;
        ctx.emit(text("last")).await;
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(texts(&events).last(), Some(&"last"));
    // Of each pair, the one that came first to the queue was emitted, and the other dropped there.
    assert_eq!(texts(&events).len(), 8 * 50 + 1);
}

#[tokio::test]
async fn an_aborted_task_that_waited_blocks_nobody() {
    let run = Run::new("abort", |ctx: RunContext| async move {
        ctx.emit(text("first")).await;
        let waiting = tokio::spawn({
            let ctx = ctx.clone();
            async move {
                ctx.emit(text("second")).await;
                ctx.emit(text("lost")).await;
                std::future::pending::<()>().await;
            }
        });
        let last = ctx.emit(text("last"));
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        last.await;
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(texts(&events).first(), Some(&"first"));
    assert_eq!(texts(&events).last(), Some(&"last"));
}

#[tokio::test]
async fn an_emit_after_the_end_returns_at_once() {
    let (sender, receiver) = oneshot::channel();
    let run = Run::new("leaks", |ctx: RunContext| async move {
        sender.send(ctx).unwrap();
        Ok(())
    });
    let mut stream = run.stream();
    collect(&mut stream).await;
    let ctx = receiver.await.unwrap();
    assert!(ctx.emit(text("late")).now_or_never().is_some());
    drop(stream);
    assert!(ctx.emit(text("later")).now_or_never().is_some());
}

#[tokio::test]
async fn an_emit_of_a_task_returns_when_the_run_is_dropped() {
    let (sender, receiver) = oneshot::channel();
    let run = Run::new("leaks", |ctx: RunContext| async move {
        ctx.emit(text("fills the slot")).await;
        sender.send(ctx).unwrap();
        std::future::pending::<()>().await;
        Ok(())
    });
    let mut stream = run.stream();
    // `RunStarted`, then the text is in the slot.
    assert!(poll_once(&mut stream).is_ready());
    assert!(poll_once(&mut stream).is_ready());
    let ctx = receiver.await.unwrap();
    let emit = tokio::spawn(async move {
        ctx.emit(text("waits")).await;
        ctx.emit(text("for nothing")).await;
    });
    tokio::task::yield_now().await;
    assert!(!emit.is_finished());
    drop(stream);
    emit.await.unwrap();
}

#[tokio::test]
async fn work_that_nothing_woke_is_left_alone_however_often_the_reader_polls() {
    let (polls, (wake, woken)) = (Counter::default(), oneshot::channel::<()>());
    let polled = polls.clone();
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.emit(text("a")).await;
        let count = std::future::poll_fn(move |_| {
            polled.add();
            Poll::<()>::Pending
        });
        let woken = std::pin::pin!(woken);
        futures::future::select(woken, std::pin::pin!(count)).await;
        Ok(())
    });
    let mut stream = run.stream();
    assert_eq!(
        names(&read_ready(&mut stream)),
        ["run_started", "text_delta"]
    );
    for _ in 0..9 {
        assert!(poll_once(&mut stream).is_pending());
    }
    assert_eq!(polls.get(), 1);
    wake.send(()).unwrap();
    assert_eq!(names(&read_ready(&mut stream)), ["run_finished"]);
}

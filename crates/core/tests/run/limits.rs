//! Limits of size and of time.

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    Bytes, ErrorInfo, ErrorKind, Event, EventKind, JsonDelta, Partial, ReasoningDelta,
    RefusalDelta, Run, RunContext, RunStream, ToolCallDelta, Usage,
};
use tokio::{sync::oneshot, time::sleep};

use crate::common::{Dropped, collect, names, read_ready, say, text, texts};

const SECOND: Duration = Duration::from_secs(1);

fn failure(events: &[Event]) -> &ErrorInfo {
    match &events.last().unwrap().kind {
        EventKind::RunFailed(failed) => &failed.error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn r16_output_up_to_the_limit_is_shown_and_the_piece_beyond_it_is_not() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let run = Run::new("long", |ctx: RunContext| async move {
        let _guard = guard;
        ctx.record_partial(Partial::new("äbc", Usage::default(), None));
        say(ctx, &["äb", "c", "d", "e"]).await
    });
    let mut stream = run.max_output_bytes(4).stream();
    let events = collect(&mut stream).await;
    assert_eq!(texts(&events), ["äb", "c"]);
    assert_eq!(failure(&events).kind, ErrorKind::Limit);
    assert!(failure(&events).message.contains("4 bytes"));
    assert!(dropped.is());
    assert_eq!(stream.await.unwrap_err().partial().unwrap().text, "äbc");
}

#[tokio::test]
async fn output_of_exactly_the_limit_is_fine() {
    let run = Run::new("fits", |ctx| say(ctx, &["ab", "cd"])).max_output_bytes(4);
    assert_eq!(run.await.unwrap().output, "abcd");
}

#[tokio::test]
async fn all_that_is_said_counts() {
    let body = |last: &'static str| {
        move |ctx: RunContext| async move {
            ctx.emit(ReasoningDelta::new("r")).await;
            ctx.emit(RefusalDelta::new("n")).await;
            ctx.emit(ToolCallDelta::new("call-1", "{}")).await;
            ctx.emit(Bytes::new(vec![1, 2, 3].into())).await;
            ctx.emit(JsonDelta::new("[]")).await;
            ctx.emit(text(last)).await;
            Ok(())
        }
    };
    let fits = Run::new("fits", body("a")).max_output_bytes(10);
    fits.await.unwrap();
    let error = Run::new("long", body("ab")).max_output_bytes(10).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
    for limit in 0..9 {
        let cut = Run::new("long", body("")).max_output_bytes(limit).await;
        assert_eq!(cut.unwrap_err().kind(), ErrorKind::Limit, "{limit}");
    }
}

#[tokio::test]
async fn a_body_that_ends_without_its_last_piece_has_not_finished() {
    let run = Run::new("sly", |ctx: RunContext| async move {
        let too_long = std::pin::pin!(ctx.emit(text("too long")));
        assert!(futures::poll!(too_long).is_pending());
        Ok("too long".to_owned())
    });
    let events = collect(&mut run.max_output_bytes(3).stream()).await;
    assert_eq!(failure(&events).kind, ErrorKind::Limit);
}

#[tokio::test]
async fn a_task_that_passes_the_limit_is_not_left_hanging() {
    let (sender, receiver) = oneshot::channel();
    let run = Run::<()>::new("task", |ctx: RunContext| async move {
        sender.send(ctx).unwrap();
        std::future::pending().await
    });
    let mut stream = run.max_output_bytes(3).stream();
    assert_eq!(read_ready(&mut stream).len(), 1);
    let ctx = receiver.await.unwrap();
    let emit = tokio::spawn(async move {
        ctx.emit(text("too long")).await;
        ctx.emit(text("x")).await;
    });
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    emit.await.unwrap();
}

/// Says one piece, then takes its time.
fn slow(seconds: u32, dropped: &Dropped) -> Run<()> {
    let guard = dropped.guard();
    Run::new("slow", move |ctx: RunContext| async move {
        let _guard = guard;
        ctx.emit(text("a")).await;
        ctx.record_partial(Partial::new("a", Usage::default(), None));
        sleep(SECOND * seconds).await;
        ctx.emit(text("b")).await;
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_limit_ends_a_run_and_keeps_the_partial_output() {
    let dropped = Dropped::default();
    let start = tokio::time::Instant::now();
    let mut stream = slow(10, &dropped).wall_clock_limit(SECOND * 5).stream();
    let events = collect(&mut stream).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(texts(&events), ["a"]);
    assert_eq!(failure(&events).kind, ErrorKind::Timeout);
    assert!(failure(&events).message.contains("5s"));
    assert!(dropped.is());
    assert_eq!(stream.await.unwrap_err().partial().unwrap().text, "a");
}

#[tokio::test(start_paused = true)]
async fn a_run_within_its_wall_clock_limit_finishes() {
    let dropped = Dropped::default();
    slow(4, &dropped)
        .wall_clock_limit(SECOND * 5)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_counts_the_readers_time_too() {
    let dropped = Dropped::default();
    let mut stream = slow(7, &dropped).wall_clock_limit(SECOND * 5).stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
    sleep(SECOND * 4).await;
    // A second is left, and the body wants three.
    let start = tokio::time::Instant::now();
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed().as_secs(), 1);
}

async fn late_reader(stream: &mut RunStream<()>) {
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
    assert_eq!(read_ready(stream).len(), 0);
    sleep(SECOND * 60).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_after_the_limit_finds_the_run_over() {
    let dropped = Dropped::default();
    let mut stream = slow(3, &dropped).wall_clock_limit(SECOND * 5).stream();
    late_reader(&mut stream).await;
    let events: Vec<_> = read_ready(&mut stream);
    assert_eq!(names(&events), ["run_failed"]);
    assert!(dropped.is());
}

#[tokio::test(start_paused = true)]
async fn work_that_always_has_something_to_say_meets_its_wall_clock_limit() {
    let run = Run::<()>::new("chatty", |ctx: RunContext| async move {
        loop {
            ctx.emit(text("a")).await;
        }
    });
    let mut stream = run.wall_clock_limit(SECOND * 5).stream();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
        assert!(events.len() < 10, "the limit isn't met");
        tokio::time::advance(SECOND).await;
    }
    assert_eq!(failure(&events).kind, ErrorKind::Timeout);
    assert_eq!(texts(&events).len(), 4);
}

/// In real time, which goes on by itself.
#[tokio::test]
async fn a_reader_that_never_pauses_meets_the_limit_too() {
    let run = Run::<()>::new("endless", |ctx: RunContext| async move {
        loop {
            ctx.emit(text("x")).await;
        }
    });
    let run = run.wall_clock_limit(std::time::Duration::from_millis(30));
    let error = tokio::time::timeout(SECOND * 20, run)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("wall_clock_limit"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_context_counts_by_the_wall_clock() {
    let ctx = mainstem_core::Context::new();
    let mut holder = Run::<()>::new("holds", |_| std::future::pending())
        .context(&ctx)
        .stream();
    assert_eq!(read_ready(&mut holder).len(), 1);
    let waiting = Run::new("waits", |_| async { Ok(()) })
        .context(&ctx)
        .wall_clock_limit(SECOND);
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::Timeout);
}

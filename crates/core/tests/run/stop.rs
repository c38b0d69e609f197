//! Stopping a run: by a handle, by a callback, by dropping it.

use std::{sync::Arc, thread, time::Duration};

use futures::{FutureExt, StreamExt, executor::block_on};
use mainstem_core::{
    CancelledBy, ErrorKind, Event, EventKind, Partial, Run, RunContext, RunStream, StopHandle,
    Usage,
};
use tokio::sync::oneshot;

use crate::common::{
    Dropped, LateHandle, collect, is_over, names, poll_once, read_ready, text, texts,
};

/// Emits one piece, then waits for ever, holding a guard.
fn stuck(dropped: &Dropped) -> RunStream<()> {
    let guard = dropped.guard();
    Run::new("stuck", |ctx: RunContext| async move {
        let _guard = guard;
        ctx.emit(text("a")).await;
        std::future::pending().await
    })
    .stream()
}

#[test]
fn dropping_the_stream_drops_the_body_though_a_stop_handle_lives() {
    let dropped = Dropped::default();
    let mut stream = stuck(&dropped);
    let handle = stream.stop_handle();
    assert_eq!(read_ready(&mut stream).len(), 2);
    assert!(!dropped.is());
    drop(stream);
    assert!(dropped.is());
    handle.stop();
}

#[test]
fn dropping_a_run_that_was_never_polled_drops_the_body() {
    let dropped = Dropped::default();
    drop(stuck(&dropped));
    assert!(dropped.is());
}

#[test]
fn dropping_each_kind_of_view_drops_the_body() {
    let views: [fn(RunStream<()>); 3] = [
        |stream| drop(stream.text()),
        |stream| drop(stream.chunks_batched(2, std::time::Duration::MAX)),
        |stream| drop(IntoFuture::into_future(stream)),
    ];
    for view in views {
        let dropped = Dropped::default();
        view(stuck(&dropped));
        assert!(dropped.is());
    }
}

#[test]
fn stop_drops_the_body_before_it_returns_though_nobody_polls() {
    let dropped = Dropped::default();
    let mut stream = stuck(&dropped);
    read_ready(&mut stream);
    let handle = stream.stop_handle();
    thread::spawn(move || handle.stop()).join().unwrap();
    assert!(dropped.is());
    let events = read_ready(&mut stream);
    assert_eq!(names(&events), ["run_cancelled"]);
    assert!(is_over(&mut stream));
}

#[tokio::test]
async fn stop_wakes_a_reader_that_waits() {
    let dropped = Dropped::default();
    let mut stream = stuck(&dropped);
    let handle = stream.stop_handle();
    let (waits, is_waiting) = oneshot::channel();
    let reader = tokio::spawn(async move {
        assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
        assert!(futures::poll!(stream.next()).is_pending());
        waits.send(()).unwrap();
        stream.next_text().await
    });
    is_waiting.await.unwrap();
    handle.stop();
    assert!(dropped.is());
    let error = reader.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn a_second_stop_changes_nothing() {
    let dropped = Dropped::default();
    let mut stream = stuck(&dropped);
    read_ready(&mut stream);
    stream.stop_handle().stop_by(CancelledBy::Disconnect);
    stream.stop();
    let events = read_ready(&mut stream);
    stream.stop();
    assert_eq!(names(&events), ["run_cancelled"]);
    assert!(
        matches!(&events[0].kind, EventKind::RunCancelled(end) if end.by == CancelledBy::Disconnect)
    );
    assert!(is_over(&mut stream));
}

#[test]
fn a_run_stopped_before_its_first_poll_starts_and_is_cancelled() {
    let dropped = Dropped::default();
    let mut stream = stuck(&dropped);
    stream.stop();
    assert!(dropped.is());
    let events = block_on(collect(&mut stream));
    assert_eq!(names(&events), ["run_started", "run_cancelled"]);
}

#[tokio::test]
async fn a_stop_after_the_end_changes_nothing() {
    let mut stream = Run::new("done", |_| async { Ok(7) }).stream();
    let handle = stream.stop_handle();
    collect(&mut stream).await;
    handle.stop();
    assert!(is_over(&mut stream));
    assert_eq!(stream.await.unwrap().output, 7);
    handle.stop();
}

#[tokio::test]
async fn a_callback_can_stop_the_run_and_the_reader_has_what_it_saw() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let handle = LateHandle::default();
    let in_callback = Arc::clone(&handle);
    let was_dropped = dropped.clone();
    let run = Run::new("stopped", |ctx: RunContext| async move {
        let _guard = guard;
        for piece in ["a", "b", "c", "d"] {
            ctx.emit(text(piece)).await;
        }
        Ok(())
    })
    .on_event(move |event| {
        if event.text().is_some_and(|text| *text == "b") {
            in_callback.get().unwrap().stop();
            assert!(
                was_dropped.is(),
                "the body is dropped before `stop` returns"
            );
        }
    });
    let mut stream = run.stream();
    handle.set(stream.stop_handle()).unwrap();
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        ["run_started", "text_delta", "text_delta", "run_cancelled"]
    );
    assert_eq!(texts(&events), ["a", "b"]);
}

#[tokio::test]
async fn a_body_can_stop_its_own_run() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let handle = LateHandle::default();
    let in_body = Arc::clone(&handle);
    let run = Run::<()>::new("own", |ctx: RunContext| async move {
        let _guard = guard;
        ctx.emit(text("a")).await;
        in_body.get().unwrap().stop();
        ctx.emit(text("b")).await;
        std::future::pending().await
    });
    let mut stream = run.stream();
    handle.set(stream.stop_handle()).unwrap();
    let events = collect(&mut stream).await;
    assert!(dropped.is());
    assert_eq!(texts(&events), ["a"]);
    assert_eq!(names(&events).last(), Some(&"run_cancelled"));
}

#[test]
fn what_was_in_the_slot_comes_before_the_end() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let (sender, mut receiver) = oneshot::channel();
    let run = Run::<()>::new("late", |ctx: RunContext| async move {
        let _guard = guard;
        sender.send(ctx).unwrap();
        std::future::pending().await
    });
    let mut stream = run.stream();
    assert_eq!(names(&read_ready(&mut stream)), ["run_started"]);
    let ctx = receiver.try_recv().unwrap();
    let emitted = ctx.emit(text("in the slot")).now_or_never();
    assert!(emitted.is_some());
    stream.stop();
    assert!(dropped.is());
    let events = read_ready(&mut stream);
    assert_eq!(names(&events), ["text_delta", "run_cancelled"]);
    assert!(events[0].seq < events[1].seq);
}

#[tokio::test]
async fn a_cancelled_run_keeps_the_partial_output_of_its_steps() {
    struct Keep(RunContext, &'static str);
    impl Drop for Keep {
        fn drop(&mut self) {
            let partial = Partial::new(self.1, Usage::default(), None);
            self.0.record_partial(partial);
        }
    }
    let run = Run::<()>::new("two", |ctx: RunContext| async move {
        let branch = |name: &'static str, said: &'static str| {
            ctx.step(name, "agent", move |ctx| async move {
                let _keep = Keep(ctx.clone(), said);
                ctx.record_usage(Usage::new(4, 2));
                ctx.emit(text(said)).await;
                std::future::pending::<mainstem_core::Result<()>>().await
            })
        };
        futures::future::try_join(branch("b", "second"), branch("a", "first, ")).await?;
        Ok(())
    });
    let mut stream = run.stream();
    let before = read_ready(&mut stream);
    assert_eq!(texts(&before).len(), 2);
    stream.stop();
    let after = read_ready(&mut stream);
    let EventKind::RunCancelled(end) = &after[0].kind else {
        panic!("{after:?}")
    };
    let partial = end.partial.clone().unwrap();
    assert_eq!(partial.text, "first, second", "in the order of their paths");
    assert_eq!(partial.usage.total_tokens(), 12);
    assert_eq!(stream.await.unwrap_err().partial(), Some(&*partial));
}

/// The body is stopped in the middle of a poll on another thread.
#[test]
fn a_stop_during_a_poll_takes_effect_before_that_poll_returns() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let (entered, is_polled) = std::sync::mpsc::channel::<()>();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let run = Run::<()>::new("busy", |ctx: RunContext| async move {
        let _guard = guard;
        entered.send(()).unwrap();
        may_go_on.recv().unwrap();
        ctx.emit(text("in the slot")).await;
        std::future::pending().await
    });
    let mut stream = run.stream();
    let handle: StopHandle = stream.stop_handle();
    let was_dropped = dropped.clone();
    let reader = thread::spawn(move || {
        assert!(poll_once(&mut stream).is_ready());
        let polled = poll_once(&mut stream);
        assert!(polled.is_ready());
        assert!(was_dropped.is());
        read_ready(&mut stream)
    });
    is_polled.recv().unwrap();
    handle.stop();
    assert!(!dropped.is(), "it is being polled");
    go_on.send(()).unwrap();
    assert_eq!(names(&reader.join().unwrap()), ["run_cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_ends_its_open_steps_without_a_word_of_each() {
    let run = || {
        Run::<()>::new("r", |ctx: RunContext| async move {
            ctx.step("outer", "flow", |ctx| async move {
                ctx.step("done", "function", |_| async { Ok(()) }).await?;
                ctx.step("open", "agent", |_| std::future::pending()).await
            })
            .await
        })
    };
    let expected = |end| {
        [
            " run_started",
            "outer step_started",
            "outer/done step_started",
            "outer/done step_finished",
            "outer/open step_started",
            end,
        ]
    };
    let lines = |events: &[Event]| -> Vec<_> {
        events
            .iter()
            .map(|event| format!("{} {}", event.path, event.kind.name()))
            .collect()
    };
    let mut stopped = run().stream();
    let mut events = read_ready(&mut stopped);
    stopped.stop();
    events.extend(read_ready(&mut stopped));
    assert_eq!(lines(&events), expected(" run_cancelled"));
    let mut late = run().wall_clock_limit(Duration::from_secs(1)).stream();
    let events = collect(&mut late).await;
    assert_eq!(lines(&events), expected(" run_failed"));
}

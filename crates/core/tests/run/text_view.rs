//! The text alone: `next_text` and `text`.

use futures::StreamExt;
use mainstem_core::{
    Context, ErrorKind, EventKind, JsonDelta, MemoryStore, Notice, ReasoningDelta, RefusalDelta,
    Result, Retracted, Run, RunContext, Store,
};

use crate::common::{Dropped, Shared, broken, check_stream, is_over, log_of, names, say, text};

fn failing() -> Run<()> {
    Run::new("fails", |ctx: RunContext| async move {
        say(ctx, &["a", "b"]).await?;
        Err(broken())
    })
}

/// Takes back what it said before, unless it said nothing.
fn retracting(said: &'static str, dropped: &Dropped) -> Run<()> {
    let guard = dropped.guard();
    Run::new("retracts", move |ctx: RunContext| async move {
        let _guard = guard;
        let since = ctx.next_place();
        ctx.emit(ReasoningDelta::new("hm")).await;
        ctx.emit(text(said)).await;
        ctx.emit(Retracted::new(since, "another attempt")).await;
        ctx.emit(text("new")).await;
        Ok(())
    })
}

#[tokio::test]
async fn next_text_gives_the_text_of_text_and_json_and_nothing_else() {
    let run = Run::new("mixed", |ctx: RunContext| async move {
        ctx.emit(ReasoningDelta::new("hm")).await;
        ctx.emit(text("a")).await;
        ctx.emit(RefusalDelta::new("no")).await;
        ctx.emit(text("")).await;
        ctx.emit(Notice::new("n", "n")).await;
        ctx.emit(JsonDelta::new("")).await;
        ctx.emit(JsonDelta::new(r#"{"b""#)).await;
        ctx.step("s", "function", |_| async { Ok("the output is no text") })
            .await?;
        Ok(1)
    });
    let mut stream = run.stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
    assert_eq!(stream.next_text().await.unwrap().unwrap(), r#"{"b""#);
    assert_eq!(stream.next_text().await.unwrap(), None);
    assert_eq!(stream.next_text().await.unwrap(), None);
    assert_eq!(stream.await.unwrap().output, 1);
}

#[tokio::test]
async fn next_text_fails_after_all_pieces_and_goes_on_failing() {
    let mut stream = failing().stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "b");
    for _ in 0..2 {
        assert_eq!(stream.next_text().await.unwrap_err().status(), Some(503));
    }
    assert_eq!(stream.await.unwrap_err().status(), Some(503));
}

#[tokio::test]
async fn a_run_whose_text_became_void_fails_in_its_log_as_for_its_reader() {
    let (dropped, store, seen) = (Dropped::default(), MemoryStore::new(), Shared::default());
    let see = seen.clone();
    let run = retracting("old", &dropped).id("r").store(store.clone());
    let mut stream = run.on_event(move |event| see.push(event.clone())).stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "old");
    for _ in 0..2 {
        let error = stream.next_text().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Retracted);
        assert!(error.partial().is_some());
        assert!(dropped.is(), "the body is gone at once");
    }
    assert!(is_over(&mut stream));
    assert_eq!(stream.await.unwrap_err().kind(), ErrorKind::Retracted);

    let events = seen.get();
    check_stream(&events);
    assert_eq!(
        names(&events),
        [
            "run_started",
            "reasoning_delta",
            "text_delta",
            "retracted",
            "run_failed"
        ]
    );
    let EventKind::RunFailed(failed) = &events[4].kind else {
        panic!("{:?}", events[4])
    };
    assert_eq!(failed.error.kind, ErrorKind::Retracted);
    assert_eq!(log_of(&store, &"r".into()).await, events);
    let closed = store.reopen(&"r".into()).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Store);
}

#[tokio::test]
async fn a_run_that_ends_with_a_retraction_has_not_finished_for_a_reader_of_text() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let since = ctx.next_place();
        ctx.emit(text("old")).await;
        ctx.emit(Retracted::new(since, "again")).await;
        Ok(())
    });
    let mut stream = run.stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "old");
    let error = stream.next_text().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retracted);
}

/// Shows text in branch 0 of `guide/views`, in the step `a`; retracts something of a path then.
///
/// `later`: what is retracted begins after the text.
async fn meets(path: &'static str, later: bool) -> Result<()> {
    let run = Run::new("r", move |ctx: RunContext| async move {
        let first = ctx.next_place();
        let retract = async |ctx: &RunContext| {
            let since = if later { ctx.next_place() } else { first };
            if ctx.path().as_str() == path {
                ctx.emit(Retracted::new(since, "again")).await;
            }
        };
        let context = Context::new;
        ctx.step("guide", "flow", |ctx| async move {
            let retract = &retract;
            ctx.step("views", "parallel", |ctx| async move {
                for (index, name) in [(0, "a"), (0, "b"), (1, "a")] {
                    let branch = ctx.branch(index, context());
                    let step = branch.step(name, "agent", |ctx| async move {
                        if (index, name) == (0, "a") {
                            ctx.emit(text("shown")).await;
                        }
                        retract(&ctx).await;
                        Ok(())
                    });
                    step.await?;
                }
                retract(&ctx.branch(0, context())).await;
                retract(&ctx.branch(1, context())).await;
                retract(&ctx).await;
                Ok(())
            })
            .await?;
            retract(&ctx).await;
            Ok(())
        })
        .await
    });
    let mut stream = run.stream();
    while stream.next_text().await?.is_some() {}
    stream.await.map(drop)
}

#[tokio::test]
async fn only_a_retraction_of_text_that_was_shown_takes_it_back() {
    let covers = ["guide", "guide/views", "guide/views[0]", "guide/views[0]/a"];
    for path in covers {
        let error = meets(path, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Retracted, "{path}");
        meets(path, true).await.unwrap();
    }
    for path in ["guide/views[0]/b", "guide/views[1]", "guide/views[1]/a"] {
        meets(path, false).await.unwrap();
    }
}

#[tokio::test]
async fn a_step_that_finished_can_still_be_retracted_within_the_one_around_it() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let since = ctx.next_place();
        ctx.step("write", "agent", |ctx| say(ctx, &["draft"]))
            .await?;
        ctx.step("judge", "function", |_| async { Ok(3) }).await?;
        ctx.branch(0, Context::new()).emit(text("-")).await;
        ctx.emit(Retracted::new(since, "the judge wants another"))
            .await;
        Ok(())
    });
    let mut stream = run.stream();
    let mut pieces = Vec::new();
    let error = loop {
        match stream.next_text().await {
            Ok(piece) => pieces.extend(piece),
            Err(error) => break error,
        }
    };
    assert_eq!(pieces, ["draft", "-"]);
    assert_eq!(error.kind(), ErrorKind::Retracted);
}

#[tokio::test]
async fn a_reader_that_gave_up_gets_nothing_more_whoever_still_emits() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let run = Run::<()>::new("leaks", |ctx: RunContext| async move {
        sender.send(ctx.clone()).unwrap();
        let since = ctx.next_place();
        ctx.emit(text("old")).await;
        ctx.emit(Retracted::new(since, "another attempt")).await;
        std::future::pending().await
    })
    .on_chunk(|_| {});
    let mut stream = run.stream();
    stream.next_text().await.unwrap();
    stream.next_text().await.unwrap_err();
    let ctx = receiver.await.unwrap();
    assert!(is_over(&mut stream));
    ctx.emit(text("of another task")).await;
    assert!(is_over(&mut stream));
    assert_eq!(
        stream.next_text().await.unwrap_err().kind(),
        ErrorKind::Retracted
    );
}

#[tokio::test]
async fn a_retraction_before_any_text_is_nothing_to_a_text_view() {
    let dropped = Dropped::default();
    let mut stream = retracting("", &dropped).stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "new");
    assert_eq!(stream.next_text().await.unwrap(), None);
    stream.await.unwrap();
}

#[tokio::test]
async fn a_reader_of_events_outlives_a_retraction() {
    let dropped = Dropped::default();
    let mut stream = retracting("old", &dropped).stream();
    while stream.next().await.is_some() {}
    stream.await.unwrap();
}

#[tokio::test]
async fn the_text_stream_ends_with_the_failure() {
    let mut stream = failing().stream().text();
    assert_eq!(stream.next().await.unwrap().unwrap(), "a");
    assert_eq!(stream.next().await.unwrap().unwrap(), "b");
    assert_eq!(
        stream.next().await.unwrap().unwrap_err().status(),
        Some(503)
    );
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
    assert_eq!(stream.await.unwrap_err().status(), Some(503));

    let dropped = Dropped::default();
    let stream = retracting("old", &dropped).stream().text();
    let items: Vec<_> = stream.collect().await;
    assert_eq!(items.len(), 2);
    let error = items[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retracted);
}

#[tokio::test]
async fn the_text_stream_of_a_finished_run_just_ends_and_gives_the_result() {
    let run = Run::new("says", |ctx| say(ctx, &["a", "b"]));
    let mut stream = run.stream().text();
    let pieces: Vec<_> = stream.by_ref().map(Result::unwrap).collect().await;
    assert_eq!(pieces, ["a", "b"]);
    assert_eq!(stream.await.unwrap().output, "ab");
}

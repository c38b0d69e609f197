//! The text alone: `next_text` and `text`.

use futures::StreamExt;
use mainstem_core::{
    ErrorKind, JsonDelta, Notice, ReasoningDelta, RefusalDelta, Retracted, Run, RunContext,
};

use crate::common::{Dropped, broken, is_over, say, text};

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
async fn next_text_gives_up_when_text_that_it_gave_is_void() {
    let dropped = Dropped::default();
    let mut stream = retracting("old", &dropped).stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "old");
    for _ in 0..2 {
        let error = stream.next_text().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Retracted);
        assert!(dropped.is(), "the body is gone at once");
    }
    assert!(is_over(&mut stream));
    assert_eq!(stream.await.unwrap_err().kind(), ErrorKind::Retracted);
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

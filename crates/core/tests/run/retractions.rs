//! Readers that can't take text back: what breaks them, and how their run ends then.

use std::sync::{Arc, Mutex};

use mainstem_core::{ErrorKind, EventKind, MemoryStore, Result, Retracted, Run, RunContext};

use crate::common::{Dropped, log_of, names, text, write};

/// A branch says something and takes it back; the other says something before and after.
async fn branches(ctx: RunContext, takes_back: u32) -> Result<()> {
    let [left, right] = [0, 1].map(|index| ctx.branch(index, ctx.context().clone()));
    left.emit(text("left ")).await;
    let since = ctx.next_place();
    right.emit(text("right ")).await;
    let taken = if takes_back == 0 { &left } else { &right };
    taken.emit(Retracted::new(since, "again")).await;
    left.emit(text("more")).await;
    Ok(())
}

fn run(takes_back: u32) -> Run<()> {
    Run::new("r", move |ctx| async move {
        ctx.step("views", "parallel", |ctx| branches(ctx, takes_back))
            .await
    })
}

#[tokio::test]
async fn what_was_said_elsewhere_or_before_breaks_nobody() {
    // Left has said nothing since.
    let mut stream = run(0).stream();
    let mut read = String::new();
    while let Some(chunk) = stream.next_text().await.unwrap() {
        read.push_str(&chunk);
    }
    assert_eq!(read, "left right more");

    let heard = Arc::new(Mutex::new(String::new()));
    let hear = Arc::clone(&heard);
    run(0)
        .on_chunk(move |chunk| hear.lock().unwrap().push_str(chunk))
        .await
        .unwrap();
    assert_eq!(*heard.lock().unwrap(), "left right more");
}

#[tokio::test]
async fn text_that_was_shown_and_is_void_fails_the_run_in_the_log_too() {
    let (store, dropped) = (MemoryStore::new(), Dropped::default());
    let guard = dropped.guard();
    let body = |ctx: RunContext| async move {
        let _guard = guard;
        let work = ctx.step("views", "parallel", |ctx| branches(ctx, 1));
        work.await
    };
    let mut stream = Run::new("r", body).id("r").store(store.clone()).stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "left ");
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "right ");
    let error = stream.next_text().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retracted);
    assert!(error.partial().is_some());
    assert!(dropped.is());
    assert_eq!(
        stream.next_text().await.unwrap_err().kind(),
        ErrorKind::Retracted
    );
    assert_eq!(stream.await.unwrap_err().kind(), ErrorKind::Retracted);
    let log = log_of(&store, &"r".into()).await;
    assert_eq!(
        names(&log)[2..],
        ["text_delta", "text_delta", "retracted", "run_failed"]
    );
}

/// What a step may take back that comes after another one, and what the run may.
async fn asks(ctx: RunContext) -> Result<[bool; 5]> {
    ctx.step("before", "function", |ctx| async move {
        write(&ctx, &["[1,"]).await;
        Ok(())
    })
    .await?;
    let since = ctx.next_place();
    let can = ctx.step("writer", "agent", |ctx| async move {
        let untouched = ctx.can_retract().await;
        let attempt = ctx.next_place();
        write(&ctx, &["2,"]).await;
        let own = ctx.can_retract_since(ctx.path(), attempt).await;
        let next = ctx.next_place();
        let later = ctx.can_retract_since(ctx.path(), next).await;
        Ok([untouched, own, later])
    });
    let [untouched, own, later] = can.await?;
    let around = ctx.can_retract_since(ctx.path(), since).await;
    let whole = ctx.can_retract().await;
    Ok([untouched, own, later, around, whole])
}

#[tokio::test]
async fn a_step_can_take_back_what_was_not_given_for_good() {
    let all = [true; 5];
    assert_eq!(Run::new("r", asks).await.unwrap().output, all);
    let mut stream = Run::new("r", asks).on_event(|_| {}).stream();
    while stream.next_event().await.is_some() {}
    assert_eq!(stream.await.unwrap().output, all);

    let given = [true, false, true, false, false];
    let result = Run::new("r", asks).on_chunk(|_| {}).await.unwrap();
    assert_eq!(result.output, given);

    let mut stream = Run::new("r", asks).stream();
    while stream.next_text().await.unwrap().is_some() {}
    assert_eq!(stream.await.unwrap().output, given);

    let mut items = Run::new("r", asks).stream().items::<u8>("");
    assert_eq!(items.next_item().await.unwrap(), Some(1));
    // The second step's JSON is another document, and no list.
    assert!(items.next_item().await.is_err());
    let items_given = [true, true, true, true, false];
    assert_eq!(items.await.unwrap().output, items_given);
}

#[tokio::test]
async fn what_one_reader_was_given_breaks_no_other() {
    let heard = Arc::new(Mutex::new(0));
    let hear = Arc::clone(&heard);
    let mut stream = run(1)
        .on_chunk(move |_| *hear.lock().unwrap() += 1)
        .stream();
    // It reads events until there was text that is void later.
    while !matches!(
        stream.next_event().await.unwrap().kind,
        EventKind::TextDelta(delta) if &*delta.text == "right "
    ) {}
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "more");
    assert_eq!(stream.next_text().await.unwrap(), None);
    assert_eq!(*heard.lock().unwrap(), 2, "the callback is called no more");
}

//! Readers that can't take text back: what breaks them, and how their run ends then.

use std::sync::{Arc, Mutex};

use mainstem_core::{ErrorKind, MemoryStore, Result, Retracted, Run, RunContext};

use crate::common::{Dropped, log_of, names, text};

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

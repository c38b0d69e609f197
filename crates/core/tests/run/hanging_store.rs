//! A store that doesn't answer: a run that is to end doesn't wait for it for ever.

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{ErrorKind, EventKind, Run, RunContext};
use tokio::time::{Instant, timeout};

use crate::common::{Call, Dropped, TestStore, collect, log_of, names, read_ready, say, text};

/// Emits, and would go on for ever; the store takes the first `taken` events.
fn talker(store: &TestStore, taken: usize, dropped: &Dropped) -> Run<()> {
    store.gate.add_permits(taken);
    let guard = dropped.guard();
    Run::new("talker", |ctx: RunContext| async move {
        let _guard = guard;
        loop {
            ctx.emit(text("x")).await;
        }
    })
    .id("r")
    .store(store.clone())
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_run_whose_store_hangs() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let mut stream = talker(&store, 2, &dropped).stream();
    assert_eq!(
        names(&read_ready(&mut stream)),
        ["run_started", "text_delta"]
    );
    let start = Instant::now();
    stream.stop();
    assert!(dropped.is(), "the work goes at once");
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    let log = log_of(&store, &"r".into()).await;
    assert_eq!(
        names(&log),
        ["run_started", "text_delta"],
        "the log goes on where it was"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_store_that_is_slow() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let mut stream = talker(&store, 2, &dropped).stream();
    read_ready(&mut stream);
    stream.stop();
    assert_eq!(read_ready(&mut stream).len(), 0);
    tokio::time::advance(Duration::from_secs(3)).await;
    store.gate.add_permits(9);
    assert_eq!(
        names(&read_ready(&mut stream)),
        ["text_delta", "run_cancelled"]
    );
    let log = log_of(&store, &"r".into()).await;
    assert_eq!(names(&log).last(), Some(&"run_cancelled"));
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_runs_while_the_store_hangs() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let start = Instant::now();
    let run = talker(&store, 2, &dropped).wall_clock_limit(Duration::from_secs(2));
    let mut stream = run.stream();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    assert_eq!(names(&events), ["run_started", "text_delta", "run_failed"]);
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    assert!(dropped.is());
    let EventKind::RunFailed(failed) = &events[2].kind else {
        panic!("{:?}", events[2])
    };
    assert_eq!(failed.error.code.as_deref(), Some("not_logged"));
    let error = stream.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Store, Some("not_logged"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_wakes_a_reader_that_waits_for_the_store() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let stream = talker(&store, 2, &dropped).stream();
    let handle = stream.stop_handle();
    let start = Instant::now();
    let reader = tokio::spawn(async move { stream.await.unwrap_err() });
    tokio::task::yield_now().await;
    handle.stop();
    assert_eq!(reader.await.unwrap().kind(), ErrorKind::Store);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_passes_while_the_store_is_slow_is_the_end_in_the_log() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let run = talker(&store, 2, &dropped).wall_clock_limit(Duration::from_secs(2));
    let mut stream = run.stream();
    let mut events = read_ready(&mut stream);
    assert!(
        timeout(Duration::from_secs(4), stream.next())
            .await
            .is_err()
    );
    assert!(dropped.is(), "the work goes when the limit passes");
    store.gate.add_permits(9);
    events.extend(read_ready(&mut stream));
    assert_eq!(
        names(&events),
        ["run_started", "text_delta", "text_delta", "run_failed"]
    );
    assert_eq!(log_of(&store, &"r".into()).await, events);
    let error = stream.await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Timeout, None));
}

#[tokio::test(start_paused = true)]
async fn the_time_is_for_all_that_is_left_and_not_for_each_event() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let mut stream = talker(&store, 2, &dropped).stream();
    read_ready(&mut stream);
    stream.stop();
    let start = Instant::now();
    assert!(
        timeout(Duration::from_secs(4), stream.next())
            .await
            .is_err()
    );
    store.gate.add_permits(1);
    assert_eq!(names(&read_ready(&mut stream)), ["text_delta"]);
    // Now the store hangs with the end, and has a second left.
    assert_eq!(stream.await.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_in_the_log_is_shown_though_closing_hangs() {
    let store = TestStore::open().that_hangs(Call::Close);
    let run = Run::new("r", |ctx| say(ctx, &["a"])).id("r");
    let mut stream = run.store(store.clone()).stream();
    let start = Instant::now();
    let events = collect(&mut stream).await;
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(names(&events).last(), Some(&"run_finished"));
    assert_eq!(log_of(&store, &"r".into()).await, events);
    assert_eq!(stream.await.unwrap().output, "a");
}

#[tokio::test(start_paused = true)]
async fn the_end_itself_is_waited_for_no_longer() {
    let store = TestStore::gated();
    store.gate.add_permits(1);
    let run = Run::new("r", |_| async { Ok(7) }).store(store.clone());
    let start = Instant::now();
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_isnt_to_end_waits_for_its_store() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let mut stream = talker(&store, 2, &dropped).stream();
    read_ready(&mut stream);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(read_ready(&mut stream).len(), 0);
    store.gate.add_permits(100);
    stream.stop();
    let events = read_ready(&mut stream);
    assert_eq!(names(&events).last(), Some(&"run_cancelled"));
}

//! A store that fails ends the run, and nothing is shown that it doesn't have.

use futures::StreamExt;
use mainstem_core::{Epoch, ErrorKind, Event, EventKind, MemoryStore, Run, RunContext, Store};
use tokio::sync::oneshot;

use crate::common::{
    Call, Counter, Dropped, TestStore, collect, is_over, log_of, names, poll_once, read_ready, say,
    text,
};

fn talker(store: TestStore, dropped: &Dropped) -> Run<String> {
    let guard = dropped.guard();
    Run::new("talker", |ctx: RunContext| async move {
        let _guard = guard;
        say(ctx, &["a", "b", "c"]).await
    })
    .id("r")
    .store(store)
}

/// Runs with a store of which a call fails; gives the events that were shown.
async fn run_with_failing(call: Call) -> Vec<Event> {
    let (store, dropped, seen) = (
        TestStore::failing(call),
        Dropped::default(),
        Counter::default(),
    );
    let see = seen.clone();
    let run = talker(store.clone(), &dropped).on_event(move |_| see.add());
    let mut stream = run.stream();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        if event.is_end() {
            assert!(
                dropped.is(),
                "{call:?}: the body is gone before the end is shown"
            );
        }
        events.push(event);
    }
    assert_eq!(seen.get(), events.len(), "{call:?}");
    assert!(is_over(&mut stream));
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(error.message(), "the disk is full");
    let (end, shown) = events.split_last().unwrap();
    let EventKind::RunFailed(failed) = &end.kind else {
        panic!("{call:?}: {end:?}")
    };
    assert_eq!(failed.error.kind, ErrorKind::Store);
    assert_eq!(failed.error.code.as_deref(), Some("not_logged"));
    if call != Call::Create {
        let log = log_of(&store, &"r".into()).await;
        assert!(log.starts_with(shown), "{call:?}: {:?}", names(shown));
    }
    events
}

#[tokio::test]
async fn a_log_that_cannot_be_created_fails_the_run_before_anything_is_shown() {
    let events = run_with_failing(Call::Create).await;
    assert_eq!(names(&events), ["run_failed"]);
}

#[tokio::test]
async fn an_append_that_fails_ends_the_run_and_its_event_is_not_shown() {
    let all = ["run_started", "text_delta", "text_delta", "text_delta"];
    for k in 1..=5 {
        let events = run_with_failing(Call::Append(k)).await;
        let mut expected = all[..k - 1].to_vec();
        expected.push("run_failed");
        assert_eq!(names(&events), expected, "append {k}");
    }
}

#[tokio::test]
async fn a_log_that_has_its_end_and_cannot_be_closed_is_what_the_reader_saw() {
    let store = TestStore::failing(Call::Close);
    let mut stream = talker(store.clone(), &Dropped::default()).stream();
    let events = collect(&mut stream).await;
    assert_eq!(names(&events).last(), Some(&"run_finished"));
    assert_eq!(stream.await.unwrap().output, "abc");
    assert_eq!(log_of(&store, &"r".into()).await, events);
}

#[tokio::test]
async fn the_epoch_that_the_store_gives_is_that_of_all_events() {
    let store = TestStore::open().that_begins_with(Epoch(3));
    let run = Run::new("r", |ctx: RunContext| async move {
        let since = ctx.next_place();
        say(ctx, &["a"]).await?;
        Ok(since)
    });
    let mut stream = run.id("r").store(store.clone()).stream();
    let events: Vec<_> = stream.by_ref().collect().await;
    assert_eq!(
        names(&events),
        ["run_started", "text_delta", "run_finished"]
    );
    assert!(events.iter().all(|event| event.epoch == Epoch(3)));
    assert_eq!(log_of(&store, &"r".into()).await, events);
    assert_eq!(stream.await.unwrap().output, events[1].place());
}

#[tokio::test]
async fn a_run_whose_id_is_taken_fails_with_a_conflict_and_leaves_the_log_alone() {
    let store = MemoryStore::new();
    let run = || {
        Run::new("r", |ctx| say(ctx, &["a"]))
            .id("r")
            .store(store.clone())
    };
    let first = collect(&mut run().stream()).await;
    let mut second = run().stream();
    let mut events = Vec::new();
    while let Some(event) = second.next().await {
        events.push(event);
    }
    assert_eq!(names(&events), ["run_failed"]);
    assert_eq!(second.await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(log_of(&store, &"r".into()).await, first);
}

#[tokio::test]
async fn a_run_that_was_fenced_off_ends_with_the_conflict() {
    let store = MemoryStore::new();
    let run = Run::new("r", |ctx| say(ctx, &["a", "b"]));
    let mut stream = run.id("r").store(store.clone()).stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
    store.reopen(&"r".into()).await.unwrap();
    let error = stream.next_text().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let log = log_of(&store, &"r".into()).await;
    assert_eq!(names(&log), ["run_started", "text_delta"]);
}

#[tokio::test]
async fn what_another_task_emits_after_the_failure_is_not_shown() {
    let store = TestStore::gated().that_fails(Call::Append(2));
    store.gate.add_permits(1);
    let (sender, receiver) = oneshot::channel();
    let run = Run::<()>::new("leaks", |ctx: RunContext| async move {
        sender.send(ctx.clone()).unwrap();
        ctx.emit(text("a")).await;
        std::future::pending().await
    });
    let mut stream = run.store(store.clone()).stream();
    assert_eq!(names(&read_ready(&mut stream)), ["run_started"]);
    let ctx = receiver.await.unwrap();
    // It waits for the slot, which the piece whose append is about to fail still has.
    let emit = tokio::spawn(async move { ctx.emit(text("b")).await });
    tokio::task::yield_now().await;
    assert!(poll_once(&mut stream).is_pending());
    store.gate.add_permits(1);
    let mut events = vec![stream.next().await.unwrap()];
    emit.await.unwrap();
    events.extend(read_ready(&mut stream));
    assert_eq!(names(&events), ["run_failed"]);
}

#[tokio::test]
async fn a_stop_while_the_store_is_at_work_takes_effect_once_it_is_done() {
    let (store, dropped) = (TestStore::gated(), Dropped::default());
    let mut stream = talker(store.clone(), &dropped).stream();
    store.gate.add_permits(1);
    assert_eq!(read_ready(&mut stream).len(), 1);
    assert!(poll_once(&mut stream).is_pending());
    stream.stop();
    assert!(dropped.is(), "the body is gone at once");
    assert!(poll_once(&mut stream).is_pending());
    store.gate.add_permits(9);
    let events = read_ready(&mut stream);
    assert_eq!(names(&events), ["text_delta", "run_cancelled"]);
    assert_eq!(log_of(&store, &"r".into()).await.len(), 3);
}

//! Runs that wait for a person.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use mainstem_core::{
    Answer, ErrorKind, EventKind, MemoryStore, RunContext, RunQuery, RunStatus, TextDelta,
};
use mainstem_serve::{ReadFrom, Served, Session, Sessions, StartOptions, code};
use mainstem_store::SqliteStore;

use crate::support::*;

/// Asks whether to pay, and counts how often it has paid.
fn cashier(paid: &Arc<AtomicUsize>) -> Served {
    let paid = Arc::clone(paid);
    Served::new(step("pay", move |ctx: RunContext, price: u32| {
        let paid = Arc::clone(&paid);
        async move {
            ctx.emit(TextDelta::new("well… ")).await;
            let may: bool = ctx.ask("approve", format!("Pay {price} €?")).await?;
            if may {
                paid.fetch_add(1, Ordering::SeqCst);
            }
            Ok(may)
        }
    }))
}

async fn asked(sessions: &Sessions) -> (Session, mainstem_core::Place, mainstem_core::Text) {
    let options = StartOptions::new();
    let session = sessions.start("pay", json(7), options).await.unwrap();
    let events = all(session.attach(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    let last = events.last().unwrap();
    let EventKind::RunSuspended(suspended) = &last.kind else {
        panic!("{events:?}");
    };
    (session, last.place(), suspended.requests[0].id.clone())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_answered_goes_on_under_its_id() {
    let paid = Arc::default();
    let sessions = builder().served(cashier(&paid)).build().unwrap();
    let (session, last, ask) = asked(&sessions).await;
    assert!(!session.is_under_way());
    assert_eq!(session.state().await.unwrap().status, RunStatus::Suspended);
    assert_eq!(sessions.stats().runs_suspended, 1);

    for (answer, kind) in [
        (Answer::new("other", json(true)), ErrorKind::NotFound),
        (Answer::new(ask.clone(), json("maybe")), ErrorKind::Value),
    ] {
        let error = session.answer(vec![answer]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(session.state().await.unwrap().status, RunStatus::Suspended);
        assert_eq!(sessions.stats().runs, 0);
    }
    let yes = || vec![Answer::new(ask.clone(), json(true))];
    let (one, other) = tokio::join!(session.answer(yes()), session.answer(yes()));
    let refused = match (one, other) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        both => panic!("{both:?}"),
    };
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(session.ended().await.unwrap().status, RunStatus::Finished);
    assert_eq!(paid.load(Ordering::SeqCst), 1);

    let rest = all(session.read(ReadFrom::After(last)).await.unwrap())
        .await
        .unwrap();
    assert_eq!(rest[0].kind.name(), "run_resumed");
    assert_eq!(end(&rest), "run_finished");
    // Late, it is one piece.
    let late = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    let ends = late.iter().filter(|event| event.is_end()).count();
    assert_eq!((ends, end(&late).as_str()), (1, "run_finished"));
    let error = session.answer(yes()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_run_may_go_on_attached_to_who_answered() {
    let paid = Arc::default();
    let strings = Strings::new();
    let waits = strings.clone();
    let served = Served::new(step("wait", move |ctx: RunContext, _: u32| {
        let talk = waits.clone();
        async move {
            let _: bool = ctx.ask("go", "Go on?").await?;
            talk.wait().await;
            Ok(1)
        }
    }));
    let sessions = builder()
        .served(cashier(&paid))
        .served(served)
        .build()
        .unwrap();
    let options = StartOptions::new().detached();
    let session = sessions.start("wait", json(1), options).await.unwrap();
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    let mut ask = None;
    while let Some(event) = reader.next().await {
        if let EventKind::RunSuspended(it) = event.unwrap().kind {
            ask = Some(it.requests[0].id.clone());
        }
    }
    let yes = vec![Answer::new(ask.unwrap(), json(true))];
    let attached = session.answer_attached(yes).await.unwrap();
    assert!(!attached.is_detached() && attached.is_under_way());
    // What came before is in the store, what comes is at hand: it is one piece.
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    let mut names = Vec::new();
    while let Some(Some(event)) = reader.next().now_or_never() {
        names.push(event.unwrap().kind.name().to_owned());
        tokio::task::yield_now().await;
    }
    assert_eq!(names[..2], ["run_started", "step_started"]);
    let resumed = names.iter().position(|name| name == "run_resumed");
    assert!(resumed.is_some_and(|at| at > 1), "{names:?}");
    assert!(!names.contains(&"run_suspended".to_owned()), "{names:?}");
    drop(attached);
    assert_eq!(session.ended().await.unwrap().status, RunStatus::Cancelled);
}

#[tokio::test]
async fn another_process_may_answer() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("runs.db"))
        .await
        .unwrap();
    let paid = Arc::default();
    let here = builder()
        .served(cashier(&paid))
        .store(store.clone())
        .build()
        .unwrap();
    let (session, last, ask) = asked(&here).await;
    let yes = || vec![Answer::new(ask.clone(), json(true))];

    let stranger = builder().store(store.clone()).build().unwrap();
    let seen = stranger.open(session.id()).await.unwrap();
    let error = seen.answer(yes()).await.unwrap_err();
    assert_eq!(error.code(), Some(code::NOT_SERVED));

    let next = builder()
        .served(cashier(&paid))
        .store(store)
        .build()
        .unwrap();
    let seen = next.open(session.id()).await.unwrap();
    seen.answer(yes()).await.unwrap();
    seen.ended().await.unwrap();
    // The first process reads on.
    let rest = all(session.read(ReadFrom::After(last)).await.unwrap())
        .await
        .unwrap();
    assert_eq!(end(&rest), "run_finished");
    assert_eq!(paid.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_can_be_cancelled() {
    let paid = Arc::default();
    let sessions = builder().served(cashier(&paid)).build().unwrap();
    let (session, last, ask) = asked(&sessions).await;
    let state = session.cancel().await.unwrap();
    assert_eq!(state.status, RunStatus::Cancelled);
    assert!(state.closed);
    assert_eq!(session.cancel().await.unwrap(), state);
    let rest = all(session.read(ReadFrom::After(last)).await.unwrap())
        .await
        .unwrap();
    assert_eq!(end(&rest), "cancelled by cancel");
    let yes = vec![Answer::new(ask, json(true))];
    let error = session.answer(yes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(paid.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn in_memory_only_so_many_runs_wait() {
    let paid = Arc::default();
    let sessions = builder().served(cashier(&paid)).build().unwrap();
    let wait = async || {
        let options = StartOptions::new().detached();
        let session = sessions.start("pay", json(7), options).await.unwrap();
        let state = session.ended().await.unwrap();
        assert_eq!(state.status, RunStatus::Suspended);
        session
    };
    let (answered, _, ask) = asked(&sessions).await;
    let forgotten = wait().await;
    let kept = wait().await;
    let yes = Answer::new(ask, json(true));
    answered.answer(vec![yes]).await.unwrap();
    for _ in 0..999 {
        wait().await;
    }
    // Whoever forgets comes after the reader's end.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = forgotten.state().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(kept.state().await.unwrap().status, RunStatus::Suspended);
    let state = answered.ended().await.unwrap();
    assert_eq!(state.status, RunStatus::Finished);
    let waiting = RunQuery::new(2000).status(RunStatus::Suspended);
    assert_eq!(sessions.list(waiting).await.unwrap().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn in_a_store_that_was_given_all_wait() {
    let paid = Arc::default();
    let store = MemoryStore::new();
    let sessions = builder().served(cashier(&paid)).store(store).build();
    let sessions = sessions.unwrap();
    for _ in 0..1001 {
        let options = StartOptions::new().detached();
        let session = sessions.start("pay", json(7), options).await.unwrap();
        session.ended().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = RunQuery::new(2000).status(RunStatus::Suspended);
    assert_eq!(sessions.list(waiting).await.unwrap().len(), 1001);
}

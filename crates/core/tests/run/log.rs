//! A run and its log.

use std::time::Duration;

use futures::{StreamExt, stream::FusedStream};
use mainstem_core::{
    Decided, DecisionKind, Durability, Epoch, Error, ErrorKind, Event, InputRequest, Json,
    MemoryStore, NewRun, Place, Retracted, Run, RunContext, RunId, Seq, StepPath, Store,
};

use crate::common::{
    Counter, Shared, TestStore, broken, check_order, collect, is_over, log_of, names,
    panic_quietly, poll_once, read_ready, say, text, texts,
};

fn id() -> RunId {
    "r".into()
}

fn talker(store: &(impl Store + Clone)) -> Run<String> {
    Run::new("talker", |ctx: RunContext| async move {
        let ctx = &ctx;
        ctx.step("say", "agent", |ctx| say(ctx, &["a", "b", "c"]))
            .await
    })
    .id("r")
    .store(store.clone())
}

async fn is_closed(store: &MemoryStore) -> bool {
    match store.reopen(&id()).await {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::Store,
    }
}

#[tokio::test]
async fn the_log_is_what_the_reader_saw() {
    let store = MemoryStore::new();
    let events = collect(&mut talker(&store).stream()).await;
    assert_eq!(log_of(&store, &id()).await, events);
    assert!(is_closed(&store).await);
}

#[tokio::test]
async fn an_awaited_run_is_logged_in_the_same_way() {
    let (awaited, streamed) = (MemoryStore::new(), MemoryStore::new());
    talker(&awaited).await.unwrap();
    collect(&mut talker(&streamed).stream()).await;
    let strip = |events: Vec<Event>| -> Vec<_> {
        events
            .into_iter()
            .map(|event| (event.place(), event.path, event.kind))
            .collect()
    };
    assert_eq!(
        strip(log_of(&awaited, &id()).await),
        strip(log_of(&streamed, &id()).await)
    );
}

#[tokio::test]
async fn failed_and_cancelled_runs_close_their_log() {
    let store = MemoryStore::new();
    let run = Run::<()>::new("fails", |_| async { Err(broken()) });
    let events = collect(&mut run.id("r").store(store.clone()).stream()).await;
    assert_eq!(log_of(&store, &id()).await, events);
    assert!(is_closed(&store).await);

    let store = MemoryStore::new();
    let run = Run::<()>::new("stuck", |_| std::future::pending());
    let mut stream = run.id("r").store(store.clone()).stream();
    let mut events = read_ready(&mut stream);
    stream.stop();
    events.extend(read_ready(&mut stream));
    assert_eq!(names(&events), ["run_started", "run_cancelled"]);
    assert_eq!(log_of(&store, &id()).await, events);
    assert!(is_closed(&store).await);
}

#[tokio::test]
async fn a_suspended_run_leaves_its_log_open() {
    let store = MemoryStore::new();
    let run = Run::<()>::new("asks", |_| async move {
        let ask = InputRequest::new("ok", StepPath::run(), "Go on?");
        Err(Error::suspend([ask]))
    });
    let events = collect(&mut run.id("r").store(store.clone()).stream()).await;
    assert_eq!(names(&events), ["run_started", "run_suspended"]);
    assert_eq!(log_of(&store, &id()).await, events);
    assert_eq!(store.reopen(&id()).await.unwrap().epoch, Epoch(2));
    // A tail of it doesn't end.
    let mut tail = store.tail(&id(), None);
    for event in events {
        assert_eq!(tail.next().await.unwrap().unwrap(), event);
    }
    assert!(futures::poll!(tail.next()).is_pending());
}

#[tokio::test]
async fn a_dropped_run_leaves_its_log_open_and_without_an_end() {
    let store = MemoryStore::new();
    let mut stream = talker(&store).stream();
    stream.next_text().await.unwrap();
    drop(stream);
    let log = log_of(&store, &id()).await;
    assert_eq!(names(&log), ["run_started", "step_started", "text_delta"]);
    assert!(!is_closed(&store).await);
}

#[tokio::test]
async fn a_tail_gives_the_log_whole_from_a_place_live_and_late() {
    let store = MemoryStore::new();
    let mut stream = talker(&store).stream();
    let mut events = vec![stream.next().await.unwrap()];
    let live = {
        let tail = store.tail(&id(), None);
        tokio::spawn(tail.map(Result::unwrap).collect::<Vec<Event>>())
    };
    events.extend(futures::StreamExt::collect::<Vec<_>>(&mut stream).await);
    assert_eq!(live.await.unwrap(), events);
    let late: Vec<_> = store.tail(&id(), None).map(Result::unwrap).collect().await;
    assert_eq!(late, events);
    for cut in 0..events.len() {
        let tail = store.tail(&id(), Some(events[cut].place()));
        let rest: Vec<_> = tail.map(Result::unwrap).collect().await;
        assert_eq!(rest, events[cut + 1..]);
    }
}

#[test]
fn an_event_is_shown_only_after_the_store_has_it() {
    let store = TestStore::gated();
    let seen = Counter::default();
    let see = seen.clone();
    let mut stream = talker(&store).on_event(move |_| see.add()).stream();
    let mut events = Vec::new();
    loop {
        // Nothing moves while the store is at work: not the reader, not the observers.
        for _ in 0..3 {
            assert!(poll_once(&mut stream).is_pending());
        }
        assert_eq!(seen.get(), events.len());
        assert!(!stream.is_terminated(), "the end is still to come");
        store.gate.add_permits(1);
        let read = read_ready(&mut stream);
        assert_eq!(read.len(), 1);
        let log = futures::executor::block_on(log_of(&store, &id()));
        assert_eq!(log.last(), read.last());
        events.extend(read);
        if events.last().unwrap().is_end() {
            break;
        }
    }
    assert!(stream.is_terminated());
    assert!(is_over(&mut stream));
    assert_eq!(texts(&events), ["a", "b", "c"]);
}

#[tokio::test]
async fn ends_and_decisions_are_asked_to_survive_a_power_cut() {
    let store = TestStore::open();
    let run = Run::new("decides", |ctx: RunContext| async move {
        ctx.emit(Decided::new("arm", DecisionKind::Branch, Json::null()))
            .await;
        ctx.step("s", "function", |ctx| say(ctx, &["a"])).await
    });
    run.store(store.clone()).await.unwrap();
    let asked = store.durabilities.get();
    let power: Vec<_> = asked
        .iter()
        .filter(|(_, durability)| *durability == Durability::Power)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(power, ["decided", "step_finished", "run_finished"]);
    assert_eq!(asked.len(), 6);
}

#[tokio::test]
async fn notices_and_retractions_are_logged_as_well() {
    let store = MemoryStore::new();
    let run = Run::new("retracts", |ctx: RunContext| async move {
        let since = ctx.next_place();
        ctx.emit(text("old")).await;
        ctx.emit(Retracted::new(since, "again")).await;
        Ok(())
    });
    let run = run.on_chunk(|_| panic_quietly()).id("r");
    let events = collect(&mut run.store(store.clone()).stream()).await;
    assert_eq!(names(&events).iter().filter(|n| **n == "notice").count(), 2);
    assert_eq!(log_of(&store, &id()).await, events);
}

#[tokio::test]
async fn the_log_of_a_run_with_a_panicking_observer_of_the_end_is_closed_and_whole() {
    let store = MemoryStore::new();
    let run = talker(&store).on_event(|event| {
        if event.is_end() {
            panic_quietly();
        }
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(names(&events).last(), Some(&"run_finished"));
    assert_eq!(log_of(&store, &id()).await, events);
}

/// Many readers of one log, coming at any time, under a scheduler of several threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tails_at_once_miss_nothing() {
    let store = MemoryStore::new();
    store.create(NewRun::new(id(), "r")).await.unwrap();
    let tails: Vec<_> = (0..20)
        .map(|reader| {
            let after = (reader > 0).then(|| Place::new(Epoch::FIRST, Seq(reader)));
            let tail = store.tail(&id(), after);
            tokio::spawn(async move {
                let events: Vec<Event> = tail.map(Result::unwrap).collect().await;
                check_order(&events);
                (reader, events.len() as u64)
            })
        })
        .collect();
    let counts = Shared::default();
    for seq in 1..=500 {
        let place = Place::new(Epoch::FIRST, Seq(seq));
        let at = mainstem_core::Timestamp::default();
        let event = Event::new(place, at, StepPath::run(), text("x"));
        let appended = store.append(&id(), Epoch::FIRST, vec![event], Durability::Process);
        appended.await.unwrap();
        tokio::task::yield_now().await;
    }
    store.close(&id(), Epoch::FIRST).await.unwrap();
    for tail in tails {
        let ended = tokio::time::timeout(Duration::from_secs(600), tail).await;
        counts.push(ended.unwrap().unwrap());
    }
    for (reader, count) in counts.get() {
        assert_eq!(count, 500 - reader);
    }
}

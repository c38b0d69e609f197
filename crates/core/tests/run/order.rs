//! One order for all events, wherever they come from.

use std::thread;

use futures::{StreamExt, executor::block_on, future::join_all};
use mainstem_core::{Custom, Event, EventKind, Json, Run, RunContext, Seq};

use crate::common::{collect, names, panic_quietly, text, texts};

const EMITTERS: usize = 16;
const EACH: usize = 250;

async fn emit_numbered(ctx: RunContext, emitter: usize) {
    for number in 0..EACH {
        let data = Json::new(&(emitter, number)).unwrap();
        ctx.emit(Custom::new("n", data)).await;
    }
}

/// Every numbered event is there once, and each emitter's are in their order.
fn check_numbered(events: &[Event]) {
    let mut next = [0; EMITTERS];
    for event in events {
        if let EventKind::Custom(custom) = &event.kind {
            let (emitter, number): (usize, usize) = custom.data.to().unwrap();
            assert_eq!(number, next[emitter], "emitter {emitter}");
            next[emitter] += 1;
        }
    }
    assert_eq!(next, [EACH; EMITTERS]);
}

#[tokio::test]
async fn run_started_comes_first_and_has_what_the_caller_said() {
    let run = Run::new("guide", |_| async { Ok(1) })
        .id("r-7")
        .metadata("user", "ada")
        .metadata("page", 3);
    let mut stream = run.stream();
    assert_eq!(stream.id().as_str(), "r-7");
    let events = collect(&mut stream).await;
    let EventKind::RunStarted(started) = &events[0].kind else {
        panic!("{:?}", events[0])
    };
    assert_eq!((started.run.as_str(), &*started.name), ("r-7", "guide"));
    assert_eq!(started.input, None);
    assert_eq!(started.metadata["user"], "ada");
    assert_eq!(started.metadata["page"], 3);
    assert!(events.iter().all(|event| event.path.is_run()));
}

#[tokio::test]
async fn the_order_holds_while_callbacks_panic() {
    let run = Run::new("r", |ctx: RunContext| async move {
        for _ in 0..10 {
            ctx.emit(text("x")).await;
        }
        Ok(())
    });
    let mut count = 0;
    let mut stream = run
        .on_event(|_| panic_quietly())
        .on_chunk(|_| panic_quietly())
        .on_event(move |_| {
            count += 1;
            if count % 3 == 0 {
                panic_quietly();
            }
        })
        .stream();
    let events = collect(&mut stream).await;
    assert_eq!(texts(&events).len(), 10);
    let notices = names(&events)
        .iter()
        .filter(|name| **name == "notice")
        .count();
    assert_eq!(notices, 3, "one for each callback: {:?}", names(&events));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_other_threads_lose_and_double_nothing() {
    let run = Run::new("tasks", |ctx: RunContext| async move {
        let tasks = (0..EMITTERS).map(|emitter| tokio::spawn(emit_numbered(ctx.clone(), emitter)));
        for task in join_all(tasks).await {
            task.unwrap();
        }
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    check_numbered(&events);
    assert_eq!(events.len(), EMITTERS * EACH + 2);
}

#[test]
fn threads_lose_and_double_nothing() {
    let run = Run::new("threads", |ctx: RunContext| async move {
        let (done, all_done) = futures::channel::mpsc::unbounded::<()>();
        for emitter in 0..EMITTERS {
            let (ctx, done) = (ctx.clone(), done.clone());
            thread::spawn(move || {
                block_on(emit_numbered(ctx, emitter));
                drop(done);
            });
        }
        drop(done);
        all_done.collect::<Vec<_>>().await;
        Ok(())
    });
    let events = block_on(collect(&mut run.stream()));
    check_numbered(&events);
    assert_eq!(events.len(), EMITTERS * EACH + 2);
}

/// Here the threads race with the end: what they emit is before it, or nowhere.
#[test]
fn nothing_of_another_thread_comes_after_the_end() {
    for _ in 0..300 {
        let run = Run::new("race", |ctx: RunContext| async move {
            for emitter in 0..3 {
                let ctx = ctx.clone();
                thread::spawn(move || block_on(emit_numbered(ctx, emitter)));
            }
            for _ in 0..20 {
                ctx.emit(text("x")).await;
            }
            Ok(())
        });
        let mut stream = run.stream();
        let events = block_on(collect(&mut stream));
        assert_eq!(texts(&events).len(), 20);
        assert!(block_on(stream.next()).is_none());
    }
}

#[tokio::test]
async fn parallel_branches_are_served_in_turn() {
    const N: usize = 40;
    let run = Run::new("fair", |ctx: RunContext| async move {
        join_all((0..N).map(|branch| emit_numbered_few(ctx.clone(), branch))).await;
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    let order: Vec<usize> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Custom(custom) => Some(custom.data.to().unwrap()),
            _ => None,
        })
        .collect();
    assert_eq!(order.len(), N * 20);
    for branch in 0..N {
        let mine: Vec<_> = (0..order.len()).filter(|at| order[*at] == branch).collect();
        assert_eq!(mine.len(), 20);
        for pair in mine.windows(2) {
            assert!(pair[1] - pair[0] <= N, "{branch} waited from {pair:?}");
        }
    }
}

async fn emit_numbered_few(ctx: RunContext, branch: usize) {
    for _ in 0..20 {
        ctx.emit(Custom::new("n", Json::new(&branch).unwrap()))
            .await;
    }
}

#[tokio::test]
async fn the_next_place_is_where_the_next_event_is() {
    let run = Run::new("places", |ctx: RunContext| async move {
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(ctx.next_place());
            ctx.emit(text("x")).await;
        }
        assert_eq!(places[0].seq, Seq(2));
        Ok(places.iter().map(|place| place.seq.0).collect::<Vec<_>>())
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    let texts: Vec<_> = events
        .iter()
        .filter(|event| event.text().is_some())
        .map(|event| event.seq.0)
        .collect();
    assert_eq!(stream.await.unwrap().output, texts);
}

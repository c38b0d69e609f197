//! What a run decides once is told once, in its stream and its log.

use std::time::Duration;

use futures::{FutureExt, future::join_all};
use mainstem_core::{
    Decided, DecisionKind, Durability, Event, EventKind, InputRequest, JournalKey, Json,
    MemoryJournal, Result, Run, RunContext, StepFinished, StepPath, Timestamp, Usage,
};
use tokio::time::{Instant, sleep};

use crate::common::{Counter, TestStore, broken, collect, log_of, names, text};

fn key(ctx: &RunContext, name: &str) -> JournalKey {
    JournalKey::new(ctx.path().clone(), name)
}

fn decisions(events: &[Event]) -> Vec<(&str, &Decided)> {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Decided(decided) => Some((event.path.as_str(), decided)),
            _ => None,
        })
        .collect()
}

/// Counts how often it is done, and gives the count.
async fn count(counter: Counter) -> Result<Json> {
    sleep(Duration::from_secs(1)).await;
    counter.add();
    Json::new(&counter.get())
}

#[tokio::test(start_paused = true)]
async fn decisions_are_told_once_at_their_step_and_are_in_the_log() {
    let store = TestStore::open();
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.step("route", "branch", |ctx| async move {
            let journal = ctx.journal();
            for arm in ["left", "right"] {
                let arm = Json::new(arm)?;
                let taken = journal.decide(key(&ctx, "arm"), DecisionKind::Branch, arm);
                assert_eq!(taken.await?.as_str(), r#""left""#);
            }
            let random = journal.random(key(&ctx, "dice")).await?;
            assert_eq!(journal.random(key(&ctx, "dice")).await?, random);
            let now = journal.now(key(&ctx, "clock")).await?;
            assert_eq!(journal.now(key(&ctx, "clock")).await?, now);
            Ok(())
        })
        .await
    });
    let events = collect(&mut run.id("r").store(store.clone()).stream()).await;
    assert_eq!(
        names(&events),
        [
            "run_started",
            "step_started",
            "decided",
            "decided",
            "decided",
            "step_finished",
            "run_finished"
        ]
    );
    let told: Vec<_> = decisions(&events)
        .into_iter()
        .map(|(path, decided)| (path, decided.key.to_string(), decided.what))
        .collect();
    assert_eq!(
        told,
        [
            ("route", "arm".to_owned(), DecisionKind::Branch),
            ("route", "dice".to_owned(), DecisionKind::Random),
            ("route", "clock".to_owned(), DecisionKind::Time),
        ]
    );
    assert_eq!(decisions(&events)[0].1.value.as_str(), r#""left""#);
    assert_eq!(log_of(&store, &"r".into()).await, events);
    let durabilities = store.durabilities.get();
    assert_eq!(durabilities[2], ("decided".to_owned(), Durability::Power));
}

#[tokio::test(start_paused = true)]
async fn a_unit_is_done_once_for_all_who_ask_at_once_and_later() {
    let counter = Counter::default();
    let counted = counter.clone();
    let run = Run::new("r", |ctx: RunContext| async move {
        let unit = || {
            let unit = count(counter.clone()).boxed();
            ctx.journal()
                .run(key(&ctx, "unit"), DecisionKind::Unit, unit)
        };
        let mut results = join_all([unit(), unit(), unit()]).await;
        results.push(unit().await);
        for result in results {
            assert_eq!(result?.as_str(), "1");
        }
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(names(&events), ["run_started", "decided", "run_finished"]);
    assert_eq!(decisions(&events)[0].1.what, DecisionKind::Unit);
    assert_eq!(counted.get(), 1);
}

#[tokio::test]
async fn a_unit_that_fails_leaves_no_record_and_can_be_tried_again() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let unit = |result: Result<Json>| {
            let unit = std::future::ready(result).boxed();
            ctx.journal()
                .run(key(&ctx, "unit"), DecisionKind::Unit, unit)
        };
        assert_eq!(unit(Err(broken())).await.unwrap_err().status(), Some(503));
        assert_eq!(unit(Json::new(&7)).await?.as_str(), "7");
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(names(&events), ["run_started", "decided", "run_finished"]);
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_step_is_not_kept_here() {
    let counter = Counter::default();
    let run = Run::new("r", |ctx: RunContext| async move {
        for done in ["1", "2"] {
            let counter = counter.clone();
            let unit = async move {
                let output = count(counter).await?;
                Ok(StepFinished::new(output, Usage::default()))
            };
            let path = ctx.path().child("s");
            let result = ctx.journal().step(path, unit.boxed());
            assert_eq!(result.await?.output.as_str(), done);
        }
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(names(&events), ["run_started", "run_finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_sleep_passes_once_and_tells_when_it_ends() {
    let before = Timestamp::now().as_unix_millis();
    let run = Run::new("r", |ctx: RunContext| async move {
        let start = Instant::now();
        for _ in 0..2 {
            let nap = ctx
                .journal()
                .sleep(key(&ctx, "nap"), Duration::from_secs(60));
            nap.await?;
            assert_eq!(start.elapsed(), Duration::from_secs(60));
        }
        Ok(())
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    stream.await.unwrap();
    let told = decisions(&events);
    assert_eq!(told.len(), 1);
    let end: Timestamp = told[0].1.value.to().unwrap();
    let slept = end.as_unix_millis() - before;
    assert!((60_000..70_000).contains(&slept), "{slept}");
}

#[tokio::test]
async fn a_decision_waits_for_the_reader_as_every_event_does() {
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.emit(text("a")).await;
        let arm = key(&ctx, "arm");
        let mut decided = ctx
            .journal()
            .decide(arm, DecisionKind::Branch, Json::null());
        // The slot is taken by the text that nobody has read.
        assert!(futures::poll!(&mut decided).is_pending());
        decided.await?;
        Ok(())
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(
        names(&events),
        ["run_started", "text_delta", "decided", "run_finished"]
    );
}

#[tokio::test]
async fn nobody_has_answered_a_new_run() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let request = InputRequest::new("ok", StepPath::run(), "Go on?");
        assert_eq!(ctx.journal().answer(request).await?, None);
        Ok(())
    });
    run.await.unwrap();
}

#[tokio::test]
async fn another_journal_keeps_its_entries_to_itself() {
    let journal = MemoryJournal::new();
    let run = |value: u8| {
        Run::new("r", move |ctx: RunContext| async move {
            let value = Json::new(&value)?;
            let decided = ctx
                .journal()
                .decide(key(&ctx, "n"), DecisionKind::Loop, value);
            decided.await?.to::<u8>()
        })
        .journal(journal.clone())
    };
    let events = collect(&mut run(1).stream()).await;
    assert_eq!(names(&events), ["run_started", "run_finished"]);
    assert_eq!(run(2).await.unwrap().output, 1);
}

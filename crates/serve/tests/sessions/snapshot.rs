//! Snapshots: what is there, in fewer events, without what is void.

use std::collections::BTreeMap;

use futures::StreamExt;
use mainstem_core::{
    Durability, Epoch, Event, EventKind, Json, MemoryStore, NewRun, Notice, Place, ReasoningDelta,
    Retracted, RunContext, RunFinished, RunStarted, Seq, StepPath, Store, TextDelta, Timestamp,
    ToolCallDelta, Usage,
};
use mainstem_serve::{ReadFrom, Served, Sessions, StartOptions};
use proptest::prelude::*;

use crate::support::*;

/// What a log says: by path, what wasn't taken back.
fn told(events: &[Event]) -> BTreeMap<String, String> {
    let mut said: Vec<(Place, &StepPath, &str, &str)> = Vec::new();
    for event in events {
        let place = event.place();
        match &event.kind {
            EventKind::Retracted(it) => {
                said.retain(|(place, path, ..)| *place < it.since || !path.is_within(&event.path));
            }
            EventKind::TextDelta(it) => said.push((place, &event.path, "text", &it.text)),
            EventKind::ReasoningDelta(it) => said.push((place, &event.path, "think", &it.text)),
            EventKind::ToolCallDelta(it) => said.push((place, &event.path, &it.call_id, &it.text)),
            EventKind::Notice(it) => said.push((place, &event.path, "notice", &it.message)),
            _ => {}
        }
    }
    let mut told = BTreeMap::<String, String>::new();
    for (_, path, what, text) in said {
        told.entry(format!("{path} {what}"))
            .or_default()
            .push_str(text);
    }
    told
}

fn log(kinds: Vec<(StepPath, EventKind)>) -> Vec<Event> {
    let started = RunStarted::new("r".into(), "f").into();
    let finished = RunFinished::new(Json::null(), Usage::default()).into();
    let kinds = std::iter::once((StepPath::run(), started))
        .chain(kinds)
        .chain([(StepPath::run(), finished)]);
    (1..)
        .zip(kinds)
        .map(|(seq, (path, kind))| {
            Event::new(
                Place::new(Epoch::FIRST, Seq(seq)),
                Timestamp::now(),
                path,
                kind,
            )
        })
        .collect()
}

async fn snapshot(events: &[Event]) -> Vec<Event> {
    let store = MemoryStore::new();
    store.create(NewRun::new("r", "f")).await.unwrap();
    let run = "r".into();
    let (epoch, durability) = (Epoch::FIRST, Durability::Process);
    store
        .append(&run, epoch, events.to_vec(), durability)
        .await
        .unwrap();
    store.close(&run, epoch).await.unwrap();
    let sessions = Sessions::builder().store(store).build().unwrap();
    let session = sessions.open(&run).await.unwrap();
    all(session.read(ReadFrom::Snapshot).await.unwrap())
        .await
        .unwrap()
}

fn path(index: u32) -> StepPath {
    match index {
        0 => StepPath::run().child("f"),
        1 => StepPath::run().child("f").child("a"),
        index => StepPath::run().child("f").child("views").index(index),
    }
}

/// What a log may have: deltas of three kinds, notices, and retractions of what is so many events ago.
fn entries() -> impl Strategy<Value = Vec<(StepPath, EventKind)>> {
    let entry = (0u32..4, 0u8..12, "[a-zé]{0,3}", 1u64..30);
    prop::collection::vec(entry, 0..300).prop_map(|entries| {
        (2..)
            .zip(entries)
            .map(|(seq, (at, what, text, ago))| {
                let since = Seq(u64::max(1, seq - u64::min(ago, seq - 1)));
                let kind = match what {
                    0..=5 => TextDelta::new(text).into(),
                    6 | 7 => ReasoningDelta::new(text).into(),
                    8 => ToolCallDelta::new(format!("c{ago}"), text).into(),
                    9 => ToolCallDelta::new("c", text).into(),
                    10 => Notice::new("n", text).into(),
                    _ => Retracted::new(Place::new(Epoch::FIRST, since), "again").into(),
                };
                (path(at), kind)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_snapshot_says_what_its_log_says(entries in entries()) {
        let log = log(entries);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let short = runtime.block_on(snapshot(&log));
        prop_assert_eq!(told(&short), told(&log));
        prop_assert!(short.iter().all(|event| !matches!(event.kind, EventKind::Retracted(_))));
        prop_assert!(short.windows(2).all(|two| two[0].seq < two[1].seq));
        prop_assert!(short.len() <= log.len());
        prop_assert_eq!(short[0].kind.name(), "run_started");
        prop_assert_eq!(short.last(), log.last());
        // Neighbours that can be joined are, unless one of them filled a page.
        let is_text = |event: &Event| matches!(event.kind, EventKind::TextDelta(_));
        let unjoined = short.windows(2).filter(|two| {
            is_text(&two[0]) && is_text(&two[1]) && two[0].path == two[1].path
        });
        prop_assert!(unjoined.count() <= log.len() / 128);
    }
}

#[tokio::test]
async fn a_long_text_is_a_few_large_pieces() {
    let pieces = |count: usize| {
        let piece = || TextDelta::new("x".repeat(10)).into();
        (0..count).map(|_| (path(0), piece())).collect::<Vec<_>>()
    };
    let short = snapshot(&log(pieces(20_000))).await;
    assert!(short.len() < 10, "{}", short.len());
    let longest = short
        .iter()
        .filter_map(|event| event.text())
        .map(|text| text.len());
    assert!(longest.max().unwrap() < (64 << 10) + 20);
    assert_eq!(text(&short).len(), 200_000);
}

#[tokio::test]
async fn a_snapshot_of_a_run_under_way_goes_on_without_a_gap_or_a_double() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let options = StartOptions::new().detached();
    let session = sessions.start("talk", json(1000), options).await.unwrap();
    let mut live = session.read(ReadFrom::Start).await.unwrap();
    let live = tokio::spawn(async move { some(&mut live, 1004).await });
    let mut snapshots = Vec::new();
    for _ in 0..10 {
        strings.say(100);
        while strings.unsaid() > 30 {
            tokio::task::yield_now().await;
        }
        let reader = session.read(ReadFrom::Snapshot).await.unwrap();
        snapshots.push(tokio::spawn(all(reader)));
    }
    let live = live.await.unwrap();
    for (count, read) in snapshots.into_iter().enumerate() {
        let events = read.await.unwrap().unwrap();
        assert_eq!(text(&events), said(1000));
        assert!(events.windows(2).all(|two| two[0].seq < two[1].seq));
        // What came after it began is as it was.
        let tail = &events[events.len() - 10..];
        assert_eq!(tail, &live[live.len() - 10..]);
        let most = 1000 - count * 100 + 40;
        assert!(events.len() <= most, "{count}: {} > {most}", events.len());
    }
}

#[tokio::test]
async fn attempts_that_were_taken_back_arent_in_a_snapshot() {
    let served = Served::new(step("write", async |ctx: RunContext, _: u8| {
        ctx.emit(TextDelta::new("kept, ")).await;
        let since = ctx.next_place();
        for _ in 0..3 {
            ctx.emit(TextDelta::new("a secret")).await;
        }
        ctx.emit(Retracted::new(since, "it was wrong")).await;
        ctx.emit(TextDelta::new("and right")).await;
        Ok(())
    }));
    let sessions = builder().served(served).build().unwrap();
    let options = StartOptions::new().detached();
    let session = sessions.start("write", json(1), options).await.unwrap();
    session.ended().await.unwrap();
    let events = all(session.read(ReadFrom::Snapshot).await.unwrap())
        .await
        .unwrap();
    let shown: Vec<_> = events.iter().filter_map(|event| event.text()).collect();
    assert_eq!(shown, ["kept, and right"]);
    let full: Vec<_> = session.read(ReadFrom::Start).await.unwrap().collect().await;
    assert_eq!(full.len(), 10);
}

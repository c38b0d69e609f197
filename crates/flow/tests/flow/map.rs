//! Maps over lists.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mainstem_core::{
    Context, ErrorKind, EventKind, Key, MemoryJournal, Merge, Result, RunContext, StepResult,
    TextDelta,
};
use mainstem_flow::{Flow, StepValue, each, named, with};
use tokio::time::Instant;

use crate::common::{asked, asks, both_ways, collect, lines, texts};

/// Takes as many seconds as the number says.
async fn wait(seconds: u64) -> StepResult<u64> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(seconds)
}

fn flow<T, U>(map: impl FnOnce(Flow<Vec<T>>) -> Flow<Vec<T>, Vec<U>>) -> Flow<Vec<T>, Vec<U>>
where
    Vec<T>: StepValue,
{
    map(Flow::new("f"))
}

#[tokio::test]
async fn a_map_does_a_step_for_each_item() -> Result<()> {
    let flow = flow(|f| f.map("lengths", each(named("length", |word: String| word.len()))));
    let words = vec!["jay".to_owned(), "wren".to_owned()];
    let (events, output) = both_ways(&flow, words).await?;
    assert_eq!(output, [3, 4]);
    assert_eq!(
        lines(&events)[1..9],
        [
            "f/lengths starts map",
            "f/lengths decides items: maplist 2",
            "f/lengths[0]/length starts function",
            "f/lengths[1]/length starts function",
            "f/lengths[0]/length gives 3",
            "f/lengths[1]/length gives 4",
            "f/lengths gives [3,4]",
            "f gives [3,4]",
        ]
    );
    assert!(flow.run(Vec::<String>::new()).await?.output.is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn results_are_in_order_or_come_as_they_do() -> Result<()> {
    let items = vec![3u64, 1, 2];
    let ordered = flow(|f| f.map("m", each(wait)));
    assert_eq!(both_ways(&ordered, items.clone()).await?.1, [3, 1, 2]);
    let coming = flow(|f| f.map("m", each(wait).as_they_come()));
    let (events, output) = both_ways(&coming, items).await?;
    assert_eq!(output, [1, 2, 3]);
    let decided: Vec<_> = lines(&events)
        .into_iter()
        .filter(|line| line.contains("order"))
        .collect();
    assert_eq!(
        decided,
        [
            "f/m decides next[0]: order 1",
            "f/m decides next[1]: order 2",
            "f/m decides next[2]: order 0",
        ]
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_recorded_order_is_kept() -> Result<()> {
    let waits = Arc::new(Mutex::new(vec![1u64, 2, 3]));
    let step = with(
        Arc::clone(&waits),
        async |waits: Arc<Mutex<Vec<u64>>>, item: usize| {
            let seconds = waits.lock().unwrap()[item];
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            // Not recorded: the next run does it again.
            if item == 2 && seconds == 3 {
                return Err("not this time".into());
            }
            Ok(item)
        },
    );
    let flow = flow(|f| f.map("m", each(step).as_they_come()));
    let journal = MemoryJournal::new();
    let items = vec![0usize, 1, 2];
    let first = flow.run(items.clone()).journal(journal.clone()).await;
    assert_eq!(
        first.unwrap_err().step().unwrap().to_string(),
        "f/m[2]/function"
    );
    *waits.lock().unwrap() = vec![9, 5, 0];
    let output = flow.run(items).journal(journal).await?.output;
    assert_eq!(output, [0, 1, 2]);
    Ok(())
}

#[tokio::test]
async fn a_list_of_another_length_than_recorded_is_refused() {
    let flow = flow(|f| f.map("m", each(async |_: u8| Err::<u8, _>("not yet".into()))));
    let journal = MemoryJournal::new();
    let first = flow.run(vec![1u8, 2]).journal(journal.clone()).await;
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Step);
    let error = flow.run(vec![1u8]).journal(journal).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("a list of 2 items"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn so_many_items_are_under_way_at_once() -> Result<()> {
    for (bound, seconds) in [(None, 3), (Some(1), 40), (Some(7), 6), (Some(99), 1)] {
        for as_they_come in [false, true] {
            let mut items = each(wait);
            if let Some(bound) = bound {
                items = items.at_most(bound);
            }
            if as_they_come {
                items = items.as_they_come();
            }
            let flow = flow(|f| f.map("m", items));
            let start = Instant::now();
            assert_eq!(flow.run(vec![1u64; 40]).await?.output, vec![1; 40]);
            assert_eq!(start.elapsed(), Duration::from_secs(seconds), "{bound:?}");
        }
    }
    Ok(())
}

const SEEN: Key<Vec<u32>> = Key::new("seen").merged_by(Merge::Append);

#[tokio::test(start_paused = true)]
async fn items_see_the_context_as_it_was_and_are_merged_in_their_order() -> Result<()> {
    let see = async |ctx: RunContext, n: u32| {
        tokio::time::sleep(Duration::from_secs(u64::from(9 - n))).await;
        let mut seen = ctx.context().get(&SEEN)?.unwrap_or_default();
        let before = seen.len();
        seen.push(n);
        ctx.context().set(&SEEN, &seen)?;
        Ok(before)
    };
    for items in [each(see).at_most(2), each(see).at_most(2).as_they_come()] {
        let flow = flow(|f| f.map("m", items));
        let ctx = Context::new();
        ctx.set(&SEEN, &vec![7])?;
        let befores = flow.run(vec![1u32, 2, 3, 4]).context(&ctx).await?.output;
        assert_eq!(befores, [1; 4]);
        assert_eq!(ctx.get(&SEEN)?.unwrap(), [7, 1, 2, 3, 4]);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_the_others() {
    let ended = Arc::new(AtomicUsize::new(0));
    let step = with(
        Arc::clone(&ended),
        async |ctx: RunContext, ended: Arc<AtomicUsize>, n: u64| {
            ctx.emit(TextDelta::new(format!("{n} "))).await;
            tokio::time::sleep(Duration::from_secs(n)).await;
            if n == 2 {
                return Err("two is bad".into());
            }
            ended.fetch_add(1, Ordering::SeqCst);
            Ok(n)
        },
    );
    let flow = flow(|f| f.map("m", each(step).at_most(3)));
    let mut run = flow.run_streamed(vec![1u64, 2, 9, 9, 9]);
    let events = collect(&mut run).await;
    assert_eq!(texts(&events).concat(), "1 2 9 9 ");
    let error = run.await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/m[1]/function");
    tokio::time::sleep(Duration::from_secs(99)).await;
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn when_items_are_suspended_the_others_end_first() -> Result<()> {
    let ended = Arc::new(AtomicUsize::new(0));
    let step = || {
        with(
            Arc::clone(&ended),
            async |ended: Arc<AtomicUsize>, n: u64| match n {
                0 => asks("zero")(n),
                1 => asks("one")(n),
                13 => Err("unlucky".into()),
                _ => {
                    tokio::time::sleep(Duration::from_secs(n)).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                    Ok(n)
                }
            },
        )
    };
    for items in [
        each(step()).at_most(2),
        each(step()).at_most(2).as_they_come(),
    ] {
        ended.store(0, Ordering::SeqCst);
        let flow = flow(|f| f.map("m", items));
        let error = flow.run(vec![0u64, 5, 1, 6, 7]).await.unwrap_err();
        assert_eq!(asked(&error), ["zero", "one"]);
        assert_eq!(ended.load(Ordering::SeqCst), 3);
        // A failure counts for more.
        let error = flow.run(vec![0u64, 13]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Step);
    }
    Ok(())
}

#[tokio::test]
async fn maps_nest() -> Result<()> {
    let inner = flow(|f| f.map("row", each(|n: u32| n * n)));
    let flow = flow(|f| f.map("rows", each(named("inner", inner))));
    let (events, output) = both_ways(&flow, vec![vec![1u32, 2], vec![], vec![3]]).await?;
    assert_eq!(output, [vec![1, 4], vec![], vec![9]]);
    let deep = "f/rows[0]/inner/row[1]/function gives 4";
    assert!(lines(&events).contains(&deep.to_owned()));
    Ok(())
}

#[tokio::test]
async fn ten_thousand_items_are_not_too_many() -> Result<()> {
    let flow = flow(|f| f.map("m", each(|n: u32| n + 1)));
    let mut run = flow.run_streamed((0u32..10_000).collect::<Vec<_>>());
    let events = collect(&mut run).await;
    let started = |kind: &EventKind| matches!(kind, EventKind::StepStarted(_));
    let steps = events.iter().filter(|event| started(&event.kind)).count();
    assert_eq!(steps, 10_002);
    assert_eq!(run.await?.output.last(), Some(&10_000));
    Ok(())
}

#[tokio::test]
async fn no_item_at_once_is_refused() {
    let flow = flow(|f| f.map("m", each(|n: u32| n).at_most(0)));
    let error = flow.run(vec![1u32]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `f/m`: `at_most(0)` lets no item begin; give 1 or more"
    );
}

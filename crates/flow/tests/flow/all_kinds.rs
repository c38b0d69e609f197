//! All kinds of steps in each other: run, streamed, and cut anywhere.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use mainstem_core::{
    Context, Event, EventKind, Key, MemoryStore, Merge, Result, RunContext, RunId, StepResult,
    Store, TextDelta,
};
use mainstem_flow::{
    Flow, Retry, by, by_step, each, fallback, named, optional, retry, time_limit, up_to, weighted,
    when, with,
};

use crate::common::{both_ways, effective};

const SEEN: Key<Vec<String>> = Key::new("seen").merged_by(Merge::Append);
const HOUR: Duration = Duration::from_secs(3600);

/// What was done outside of the run.
type Effects = Arc<Mutex<Vec<String>>>;

async fn note(ctx: RunContext, effects: Effects, text: String) -> StepResult<String> {
    effects.lock().unwrap().push(ctx.path().to_string());
    let mut seen = ctx.context().get(&SEEN)?.unwrap_or_default();
    seen.push(text.clone());
    ctx.context().set(&SEEN, &seen)?;
    ctx.emit(TextDelta::new(format!("<{text}>"))).await;
    Ok(text + "!")
}

async fn fail(ctx: RunContext, effects: Effects, text: String) -> StepResult<String> {
    note(ctx, effects, text).await?;
    Err("it never works".into())
}

async fn never(ctx: RunContext, effects: Effects, text: String) -> StepResult<String> {
    note(ctx, effects, text).await?;
    std::future::pending().await
}

fn all_kinds(effects: &Effects) -> Flow<String, (Vec<String>, String)> {
    let step = || with(Arc::clone(effects), note);
    let fails = || with(Arc::clone(effects), fail);
    let never = with(Arc::clone(effects), never);
    let twice = Retry::attempts(2).backoff(HOUR, HOUR).jitter(0.0);

    let round = Flow::new("round")
        .step("note", step())
        .step("maybe", when(|text: &String| text.len() > 5, step()));
    let looped = Flow::new("looped").repeat(
        "grow",
        up_to(9, round).until(|text: &String| text.len() > 7),
    );
    let chosen = Flow::new("chosen").branch(
        "inner",
        by(|text: &String| text.len() % 2)
            .arm(0, looped.clone())
            .arm(1, weighted(3, looped)),
    );
    let views = Flow::new("views")
        .parallel(
            "views",
            (
                optional(retry(twice, fails())),
                fallback(fails(), step()),
                time_limit(9 * HOUR, step()),
            ),
        )
        .step("join", |(none, a, b): (Option<String>, String, String)| {
            assert_eq!(none, None);
            a + &b
        })
        .race("race", (named("never", never), named("now", step())));
    Flow::new("f")
        .branch(
            "route",
            by_step(named("router", |text: String| text.len() > 1))
                .arm(true, step())
                .otherwise(chosen),
        )
        .step("split", |text: String| {
            text.chars().take(2).map(String::from).collect::<Vec<_>>()
        })
        .map("all", each(views).at_most(2))
        .map("again", each(step()).at_most(1).as_they_come())
        .parallel(
            "ends",
            (
                named("list", |list: Vec<String>| list),
                named("last", |mut list: Vec<String>| {
                    list.pop().unwrap_or_default()
                }),
            ),
        )
}

async fn log(store: &MemoryStore, run: &RunId) -> Vec<Event> {
    store.read(run, None, usize::MAX).await.unwrap()
}

/// What is left of a log, without what may be different: times, and numbers of attempts.
fn left(events: &[Event]) -> BTreeMap<String, Vec<String>> {
    let mut left = effective(events);
    for said in left.values_mut() {
        said.retain(|event| {
            !event.contains(r#""what":"time""#) && !event.contains(r#""key":"again"#)
        });
        for event in said {
            *event = event.replace("/fail#3", "/fail#2");
        }
    }
    left
}

#[tokio::test(start_paused = true)]
async fn r8_all_kinds_nest_in_one_stream_and_a_run_is_the_same_awaited_or_streamed() -> Result<()> {
    let flow = all_kinds(&Effects::default());
    flow.check()?;
    let (_, (list, last)) = both_ways(&flow, "a".to_owned()).await?;
    assert_eq!(list.len(), 2);
    assert_eq!(last, "!!!!!!");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_of_all_kinds_that_was_cut_anywhere_ends_as_if_it_hadnt_been() -> Result<()> {
    let effects = Effects::default();
    let flow = all_kinds(&effects);
    let whole = MemoryStore::new();
    let context = Context::new();
    let result = flow.run("a").store(whole.clone()).context(&context).await?;
    let undisturbed = log(&whole, &result.run).await;
    let expected = (result.output.clone(), context.snapshot());

    for cut in 1..undisturbed.len() {
        let store = MemoryStore::new();
        let context = Context::new();
        let mut run = flow.run("a").store(store.clone()).stream();
        let id = run.id().clone();
        for _ in 0..cut {
            run.next().await.unwrap();
        }
        drop(run);
        let before = log(&store, &id).await;
        effects.lock().unwrap().clear();
        let resumed = flow
            .resume(&id)
            .store(store.clone())
            .context(&context)
            .await?;
        assert_eq!(
            (resumed.output, context.snapshot()),
            expected,
            "cut at {cut}"
        );
        let events = log(&store, &id).await;
        let (left, undisturbed) = (left(&events), left(&undisturbed));
        for path in left.keys().chain(undisturbed.keys()) {
            assert_eq!(
                left.get(path),
                undisturbed.get(path),
                "{path}, cut at {cut}"
            );
        }

        // What had ended isn't done again.
        let effects = effects.lock().unwrap();
        let ended = before.iter().filter(|event| {
            matches!(
                event.kind,
                EventKind::StepFinished(_) | EventKind::StepFailed(_)
            )
        });
        for event in ended {
            let path = event.path.to_string();
            assert!(!effects.contains(&path), "{path} again, cut at {cut}");
        }
    }
    Ok(())
}

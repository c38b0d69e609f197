//! Pictures of what really runs: each kind of step, and what its events make of it.

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    Event, MemoryStore, Outcome, PlanShape, Question, Result, RunContext, RunId, Step, StepPlan,
    StepResult, Store,
};
use mainstem_flow::{
    Flow, by, by_step, each, fallback, named, optional, retry, time_limit, up_to, weighted, when,
};

use crate::common::collect;

async fn mood(text: String) -> StepResult<String> {
    Ok(if text.ends_with('!') { "loud" } else { "calm" }.to_owned())
}

async fn fails(_: u32) -> StepResult<u32> {
    Err("no".into())
}

/// Does it at its second attempt.
async fn flaky(ctx: RunContext, n: u32) -> StepResult<u32> {
    match ctx.path().last().map_or(1, |step| step.attempt()) {
        1 => fails(n).await,
        _ => Ok(n),
    }
}

async fn slow(n: u32) -> StepResult<u32> {
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Ok(n)
}

fn flow() -> Flow<String, Vec<Option<u32>>> {
    Flow::<String>::new("all")
        .branch(
            "mood",
            by_step(mood)
                .arm("loud".to_owned(), |text: String| text)
                .otherwise(|text: String| text),
        )
        .step("length", |text: String| text.len() as u32)
        .branch(
            "size",
            by(|n: &u32| *n > 100)
                .arm(true, |n: u32| n / 2)
                .arm(false, |n: u32| n),
        )
        .repeat(
            "grow",
            up_to(10, named("double", |n: u32| n * 2)).until(|n: &u32| *n > 20),
        )
        .step("even", when(|n: &u32| *n % 2 == 1, |n: u32| n + 1))
        .step("again", retry(3, weighted(5, flaky)))
        .step("instead", fallback(fails, named("other", |n: u32| n)))
        .race("first", (named("quick", |n: u32| n), slow))
        .step("soon", time_limit(Duration::from_secs(1), |n: u32| n))
        .step("list", |n: u32| vec![n, n, n])
        .map("each", each(optional(fails)).at_most(2))
}

/// The lines of a picture, without the times.
fn timeless(picture: &str) -> Vec<String> {
    let is_time = |fact: &str| fact.ends_with(" ms") || fact.ends_with(" s");
    let line = |line: &str| {
        let (step, facts) = line.split_once(" — ").unwrap_or((line, ""));
        let facts: Vec<_> = facts.split(", ").filter(|fact| !is_time(fact)).collect();
        format!("{step} {}", facts.join(", ")).trim_end().to_owned()
    };
    picture.lines().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_step_is_found_again_in_its_picture() -> Result<()> {
    let flow = flow();
    let (diagram, mut run) = (flow.diagram(), flow.run_streamed("jays!"));
    let mut state = diagram.state();
    for event in collect(&mut run).await {
        state.follow(&event);
    }
    assert_eq!(run.await?.output, [None, None, None]);
    assert_eq!(state.progress(), Some(1.0));
    assert_eq!(
        timeless(&diagram.with_state(&state).to_text()),
        [
            "✓ all (flow)",
            "├─ ✓ mood (branch, the first says which)",
            "│  ├─ ✓ mood (function)",
            "│  ├─ ✓ loud (function)",
            "│  └─ – otherwise (function)",
            "├─ ✓ length (function)",
            "├─ ✓ size (branch, one of)",
            "│  ├─ – true (function)",
            "│  └─ ✓ false (function)",
            "├─ ✓ grow (repeat, up to 10 rounds)",
            "│  └─ ✓ double (function) 3 × done",
            "├─ ✓ even (when)",
            "│  └─ – function",
            "├─ ✓ again (retry, up to 3 attempts)",
            "│  └─ ✓ flaky (function) attempt 2, 1 × taken back",
            "├─ ✓ instead (fallback, until one succeeds)",
            "│  ├─ ✗ fails (function) 1 × taken back",
            "│  └─ ✓ other (function)",
            "├─ ✓ first (race, first to finish)",
            "│  ├─ ✓ quick (function)",
            "│  └─ – slow (function) 1 × taken back",
            "├─ ✓ soon (function, within 1s)",
            "├─ ✓ list (function)",
            "└─ ✓ each (map, each item, 2 at once) 3 of 3",
            "   └─ ✓ optional 3 × done",
            "      └─ ✗ fails (function) 3 failed",
        ]
    );
    Ok(())
}

/// Every step of a plan has an event in some run: names of plans are those of paths.
#[tokio::test(start_paused = true)]
async fn no_event_of_a_step_is_outside_of_the_plan() -> Result<()> {
    let flow = flow();
    let mut run = flow.run_streamed("calm");
    let events = collect(&mut run).await;
    let plan = flow.plan();
    for event in events.iter().filter(|event| !event.path.is_run()) {
        let names: Vec<_> = event
            .path
            .segments()
            .map(|step| step.name().into_owned())
            .collect();
        let mut inside = std::slice::from_ref(&plan);
        for name in &names {
            let found = inside.iter().find(|step| step.name == **name);
            inside = found
                .map(|step: &StepPlan| &step.inside[..])
                .unwrap_or_else(|| panic!("{}", event.path));
        }
    }
    assert_eq!(plan.inside[0].shape, PlanShape::Routed);
    Ok(())
}

/// The signs of a picture.
fn signs(flow: &Flow<String, Vec<Option<u32>>>, log: &[Event]) -> (String, f64) {
    let diagram = flow.diagram();
    let mut state = diagram.state();
    let (mut signs, mut done) = (String::new(), 0.0);
    for event in log {
        state.follow(event);
        let now = state.progress().unwrap_or_default();
        assert!(now >= done, "{done}, then {now} at {event:?}");
        done = now;
    }
    let picture = diagram.with_state(&state).to_text();
    for line in picture.lines() {
        signs.extend(
            line.trim_start_matches(['│', '├', '└', '─', ' '])
                .chars()
                .next(),
        );
    }
    (signs, done)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_anywhere_looks_in_the_end_as_if_it_hadnt_been() -> Result<()> {
    let flow = flow();
    let (store, id) = (MemoryStore::new(), RunId::new());
    flow.run("jays!")
        .store(store.clone())
        .id(id.clone())
        .await?;
    let whole = store.read(&id, None, usize::MAX).await?;
    let expected = signs(&flow, &whole);
    for cut in 1..whole.len() {
        let (store, id) = (MemoryStore::new(), RunId::new());
        let mut run = flow
            .run("jays!")
            .store(store.clone())
            .id(id.clone())
            .stream();
        for _ in 0..cut {
            run.next().await;
        }
        drop(run);
        flow.resume(&id).store(store.clone()).await?;
        let log = store.read(&id, None, usize::MAX).await?;
        assert_eq!(signs(&flow, &log), expected, "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn a_question_is_seen_while_it_waits_for_its_answer() -> Result<()> {
    let flow = Flow::<String>::new("pay")
        .step("price", |order: String| order.len())
        .ask::<bool>("approve", |price: &usize| {
            Question::new(format!("Pay {price} €?"))
        })
        .step(
            "pay",
            |(price, yes): (usize, bool)| if yes { price } else { 0 },
        );
    let store = MemoryStore::new();
    let outcome = flow.run("seven").store(store.clone()).outcome().await?;
    let Outcome::Suspended(asked) = outcome else {
        panic!("it asks");
    };
    let id = asked.run.clone();
    let picture = async |state: &mut mainstem_flow::DiagramState| -> Result<String> {
        let log = store.read(&id, None, usize::MAX).await?;
        *state = flow.diagram().state();
        log.iter().for_each(|event| state.follow(event));
        Ok(flow.diagram().with_state(state).to_text())
    };
    let mut state = flow.diagram().state();
    let lines = timeless(&picture(&mut state).await?);
    assert_eq!(
        lines,
        [
            "? pay (flow)",
            "├─ ✓ price (function)",
            "├─ ? approve (ask)",
            "└─ · pay (function)"
        ]
    );
    flow.resume(asked.answer("approve", &true)?)
        .store(store.clone())
        .await?;
    let lines = timeless(&picture(&mut state).await?);
    assert_eq!(lines[2..], ["├─ ✓ approve (ask)", "└─ ✓ pay (function)"]);
    assert_eq!(state.progress(), Some(1.0));
    Ok(())
}

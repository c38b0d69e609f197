//! Pictures of what really runs: each kind of step, and what its events make of it.

use mainstem_core::{PlanShape, Result, Step, StepPlan, StepResult};
use mainstem_flow::{Flow, by, by_step, each, named, optional, up_to, when};

use crate::common::collect;

async fn mood(text: String) -> StepResult<String> {
    Ok(if text.ends_with('!') { "loud" } else { "calm" }.to_owned())
}

async fn fails(_: u32) -> StepResult<u32> {
    Err("no".into())
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

#[tokio::test]
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
            "│  └─ – function (function)",
            "├─ ✓ list (function)",
            "└─ ✓ each (map, each item, 2 at once) 3 of 3",
            "   └─ ✓ optional (optional) 3 × done",
            "      └─ ✗ fails (function) 3 failed",
        ]
    );
    Ok(())
}

/// Every step of a plan has an event in some run: names of plans are those of paths.
#[tokio::test]
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

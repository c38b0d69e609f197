//! How much of a run is done.

use mainstem_core::{PlanShape, Result, StepPlan};
use mainstem_flow::{Diagram, Flow};

use super::{every_shape, function, log::Log};
use crate::common::collect;

fn log(shape: PlanShape, inside: impl IntoIterator<Item = StepPlan>) -> Log {
    let plan = StepPlan::new("all", "any").shape(shape).inside(inside);
    Log::new(Diagram::new(&plan).state())
}

fn percent(log: &Log) -> Option<f64> {
    log.state.progress().map(|done| (done * 100.0).round())
}

#[test]
fn a_sequence_counts_its_steps_by_their_weights() {
    let inner = StepPlan::new("c", "flow").inside([function("d"), function("e")]);
    let mut log = log(
        PlanShape::Sequence,
        [function("a").weight(6), function("b"), inner.weight(3)],
    );
    assert_eq!(percent(log.start()), None);
    assert_eq!(percent(log.begin("all")), Some(0.0));
    assert_eq!(percent(log.step("all/a")), Some(60.0));
    assert_eq!(percent(log.skip("all/b")), Some(70.0));
    assert_eq!(percent(log.begin("all/c").step("all/c/d")), Some(85.0));
    // It has finished, so the rest of it counts as well.
    assert_eq!(percent(log.finish("all/c")), Some(100.0));
}

#[test]
fn a_run_that_fails_stays_where_it_was() {
    let mut log = log(PlanShape::Sequence, [function("a"), function("b")]);
    log.begin("all")
        .step("all/a")
        .begin("all/b")
        .fail("all/b")
        .fail("all");
    assert_eq!(percent(&log), Some(50.0));
}

#[test]
fn of_arms_alternatives_and_rivals_counts_the_furthest() {
    for shape in [PlanShape::OneOf, PlanShape::Until, PlanShape::Race] {
        let arm = |name| StepPlan::new(name, "flow").inside([function("1"), function("2")]);
        let mut log = log(shape, [arm("a"), arm("b")]);
        log.begin("all").begin("all/a").step("all/a/1");
        assert_eq!(percent(&log), Some(50.0), "{shape:?}");
        log.fail("all/a")
            .begin("all/b")
            .step("all/b/1")
            .step("all/b/2")
            .finish("all/b");
        assert_eq!(percent(&log), Some(100.0), "{shape:?}");
    }
}

#[test]
fn of_a_route_counts_the_router_and_its_arm() {
    let arms = [function("a").weight(2), function("b").weight(3)];
    let router = [function("router")];
    let mut log = log(PlanShape::Routed, router.into_iter().chain(arms));
    assert_eq!(percent(log.begin("all").step("all/router")), Some(25.0));
    assert_eq!(percent(log.step("all/a")), Some(100.0));
}

#[test]
fn a_map_counts_its_items_and_a_loop_its_rounds() {
    let item = || StepPlan::new("item", "flow").inside([function("a"), function("b")]);
    let mut map = log(PlanShape::Repeated, [item()]);
    map.begin("all").list("all", &[1, 2, 3, 4, 5]);
    let ends: [fn(&mut Log, &str); 3] = [
        |log, path| _ = log.finish(path),
        |log, path| _ = log.fail(path),
        |log, path| _ = log.skip(path),
    ];
    // Two at a time.
    map.begin("all[0]/item");
    for (index, end) in (0..).zip([0, 1, 2, 0, 0]) {
        map.begin(&format!("all[{}]/item", index + 1));
        ends[end](&mut map, &format!("all[{index}]/item"));
        assert_eq!(percent(&map), Some(f64::from(index + 1) * 20.0));
    }
    let mut rounds = log(PlanShape::Repeated, [item()]);
    rounds.begin("all");
    for (round, percentage) in [50.0, 67.0, 75.0].into_iter().enumerate() {
        rounds.step(&format!("all[{round}]/item"));
        assert_eq!(percent(&rounds), Some(percentage));
    }
    assert_eq!(percent(rounds.finish("all")), Some(100.0));
}

#[test]
fn it_never_falls_whatever_is_taken_back() {
    let mut log = log(
        PlanShape::Sequence,
        [function("a"), function("b"), function("c")],
    );
    log.begin("all").step("all/a");
    let since = log.next();
    log.step("all/b").retract("all", since);
    assert_eq!(percent(&log), Some(67.0));
    assert_eq!(percent(log.step("all/b#2")), Some(67.0));
    assert_eq!(percent(log.step("all/c")), Some(100.0));
}

#[test]
fn it_doesnt_grow_with_rounds_and_takes_the_same_time_for_each() {
    let mut log = Log::new(Diagram::new(&every_shape()).state());
    log.begin("guide")
        .begin("guide/research")
        .list("guide/research", &[]);
    for item in 0..100_000 {
        log.step(&format!("guide/research[{item}]/one"));
    }
    let size = format!("{:?}", log.state).len();
    log.step("guide/research[100000]/one");
    assert!(format!("{:?}", log.state).len() <= size + 40);
}

#[tokio::test]
async fn ten_thousand_steps_are_followed_in_no_time() -> Result<()> {
    let mut flow = Flow::new("long").step("0", |n: u32| n + 1);
    for step in 1..10_000 {
        flow = flow.step(step.to_string(), |n: u32| n + 1);
    }
    let mut run = flow.run_streamed(0u32);
    let events = collect(&mut run).await;
    let mut state = flow.diagram().state();
    let mut last = 0.0;
    for event in &events {
        state.follow(event);
        let done = state.progress().unwrap_or(0.0);
        assert!(done >= last);
        last = done;
    }
    assert_eq!(last, 1.0);
    Ok(())
}

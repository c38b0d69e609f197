//! When it will be done: foretold, and compared with what came.

use std::time::Duration;

use mainstem_agent::Agent;
use mainstem_core::{
    Event, EventKind, FinishReason, ModelEvent, Progress, RunContext, StepResult, Timestamp,
    test_util::{Script, ScriptedModel},
};
use mainstem_flow::{Flow, each, named, weighted};
use mainstem_progress::{ProgressState, ProgressTree};

use crate::{
    clock::Clock,
    recordings::{event, record, work},
};

/// By how much of the time that is left the foretold end may be off.
const OFF: f64 = 0.25;

/// How many foretold ends were checked, and by how much of the time that was left the worst was off.
fn worst(events: &[Event]) -> (usize, f64) {
    let end = events.last().unwrap().at.as_unix_millis() as f64;
    let (tree, mut checked, mut worst) = (ProgressTree::new("run"), 0, 0.0_f64);
    for (event, next) in events.iter().zip(&events[1..]) {
        tree.feed(event);
        let snapshot = tree.snapshot();
        let root = snapshot.root();
        let is_half_way = root.fraction.is_some_and(|fraction| fraction >= 0.5);
        // Only what stands for a while is seen.
        if !is_half_way || next.at == event.at || root.state != ProgressState::Running {
            continue;
        }
        let told = root
            .eta
            .unwrap_or_else(|| panic!("nothing is told after {event:?}, {root:?}"));
        let told = told.as_unix_millis() as f64;
        let left = end - event.at.as_unix_millis() as f64;
        checked += 1;
        worst = worst.max((told - end).abs() / left);
    }
    (checked, worst)
}

fn check(name: &str, events: &[Event], at_least: usize) {
    let (checked, worst) = worst(events);
    assert!(checked >= at_least, "{name}: {checked} were checked");
    assert!(worst <= OFF, "{name}: off by {worst}");
}

async fn tenth(n: u32) -> StepResult<u32> {
    work(100).await;
    Ok(n)
}

/// Even, but not all the same: 80 to 120 milliseconds.
async fn uneven(n: u32) -> StepResult<u32> {
    work(80 + u64::from(n) * 37 % 41).await;
    Ok(n + 1)
}

async fn counts(ctx: RunContext, n: u32) -> StepResult<u32> {
    for page in 1..=100 {
        work(10).await;
        let mut progress = Progress::new("pages", page);
        progress.total = Some(100);
        ctx.emit(progress).await;
    }
    Ok(n)
}

fn row(name: &str, steps: usize) -> Flow<u32> {
    (0..steps).fold(Flow::new(name.to_owned()), |flow, at| {
        flow.step(format!("{at}"), tenth)
    })
}

#[tokio::test(start_paused = true)]
async fn steps_in_a_row() {
    let flow = row("f", 8);
    check("eight", &record(flow.run_streamed(1_u32)).await, 4);
    let flow = (0..20).fold(Flow::new("f"), |flow: Flow<u32>, at| {
        flow.step(format!("{at}"), uneven)
    });
    check("uneven", &record(flow.run_streamed(1_u32)).await, 10);
}

#[tokio::test(start_paused = true)]
async fn items_of_a_list() {
    for at_most in [1, 4] {
        let flow = Flow::new("f")
            .step("list", |n: u32| (0..n).collect::<Vec<_>>())
            // To those who know nothing of it, it is half of the flow.
            .step("each", weighted(40, each(tenth).at_most(at_most)));
        let events = record(flow.run_streamed(40_u32)).await;
        check("items", &events, 20 / at_most - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_counts_itself_and_what_is_heavier() {
    let flow = Flow::new("f").step("count", counts);
    check("one", &record(flow.run_streamed(1_u32)).await, 50);
    let flow = Flow::new("f")
        .step("inner", row("inner", 4))
        .step("heavy", weighted(10, counts))
        .step("last", row("last", 2));
    check("weighted", &record(flow.run_streamed(1_u32)).await, 50);
}

#[tokio::test(start_paused = true)]
async fn branches_at_the_same_time() {
    let flow = Flow::new("f")
        .parallel(
            "both",
            (named("a", weighted(10, counts)), named("b", row("b", 10))),
        )
        .step("then", |(n, _): (u32, u32)| n)
        .step("more", weighted(10, counts));
    // Two at once, then one: half of the way takes a third of the time.
    let (checked, worst) = worst(&record(flow.run_streamed(1_u32)).await);
    assert!(checked > 50 && worst < 1.0, "{checked}, {worst}");
    let flow = Flow::new("f").parallel("both", (named("a", counts), named("b", counts)));
    check("both", &record(flow.run_streamed(1_u32)).await, 50);
}

#[tokio::test(start_paused = true)]
async fn agents_whose_models_take_their_time() {
    let agent = |name: &str| {
        let half = Duration::from_millis(150);
        let script = Script::new()
            .wait(half)
            .event(ModelEvent::Text("Ja".into()))
            .wait(half)
            .event(ModelEvent::Text("ys".into()))
            .event(ModelEvent::Finished(FinishReason::Stop));
        let model = ScriptedModel::new().script(script);
        Agent::builder(model).name(name.to_owned()).build().unwrap()
    };
    let flow = (0..6).fold(Flow::new("f"), |flow: Flow<String>, at| {
        flow.step(format!("{at}"), agent(&format!("{at}")))
    });
    check("agents", &record(flow.run_streamed("Why?")).await, 3);
}

/// A run that is cut off, or waits for a person, for an hour in its middle.
fn waits(suspended: bool) -> Vec<Event> {
    const HOUR: u64 = 3_600_000;
    let mut events = vec![
        event(
            1,
            0,
            "",
            r#""type":"run_started","data":{"run":"r","name":"f"}"#,
        ),
        event(
            2,
            0,
            "f",
            r#""type":"step_started","data":{"kind":"flow","total":10}"#,
        ),
    ];
    let mut seq = 2;
    let mut now = 0;
    let mut add = |now: u64, path: &str, data: &str| {
        seq += 1;
        events.push(event(seq, now, path, data));
    };
    for step in 0..10 {
        let path = format!("f/{step}");
        add(
            now,
            &path,
            r#""type":"step_started","data":{"kind":"function"}"#,
        );
        if step == 3 {
            if suspended {
                let asked = r#"{"requests":[{"id":"q","step":"f/3","prompt":"?"}]}"#;
                add(
                    now,
                    "",
                    &format!(r#""type":"run_suspended","data":{asked}"#),
                );
            }
            now += HOUR;
            add(now, "", r#""type":"run_resumed","data":{"answers":[]}"#);
        }
        now += 100;
        let end = r#"{"output":1,"usage":{"requests":0,"input_tokens":0,"output_tokens":0}}"#;
        add(
            now,
            &path,
            &format!(r#""type":"step_finished","data":{end}"#),
        );
    }
    let end = r#"{"output":1,"usage":{"requests":0,"input_tokens":0,"output_tokens":0}}"#;
    add(now, "", &format!(r#""type":"run_finished","data":{end}"#));
    events
}

#[test]
fn an_hour_in_which_nothing_was_done_counts_for_nothing() {
    check("suspended", &waits(true), 5);
    check("cut off", &waits(false), 5);
}

#[test]
fn a_run_that_waits_tells_again_once_it_goes_on() {
    let tree = ProgressTree::new("f");
    let events = waits(true);
    let at = |wanted: fn(&EventKind) -> bool| {
        events.iter().position(|event| wanted(&event.kind)).unwrap()
    };
    let suspended = at(|kind| matches!(kind, EventKind::RunSuspended(_)));
    for event in &events[..suspended] {
        tree.feed(event);
    }
    let before = tree.snapshot().root().eta.unwrap().as_unix_millis();
    tree.feed(&events[suspended]);
    assert_eq!(tree.snapshot().root().eta, None);
    tree.feed(&events[suspended + 1]);
    let after = tree.snapshot().root().eta.unwrap().as_unix_millis();
    assert_eq!(after, before + 3_600_000);
}

#[test]
fn what_is_skipped_takes_no_time_and_makes_nothing_faster() {
    let clock = Clock::new();
    let tree = clock.tree("import");
    let steps: Vec<_> = (0..4)
        .map(|at| tree.root().child(format!("{at}")).add().unwrap())
        .collect();
    steps[0].start().unwrap();
    clock.wait(1000);
    steps[0].complete().unwrap();
    let eta = || tree.snapshot().root().eta.map(Timestamp::as_unix_millis);
    assert_eq!(eta(), Some(5000));
    steps[1].skip("nobody needs it").unwrap();
    assert_eq!(eta(), Some(4000));
}

#[test]
fn a_pause_by_hand_counts_for_nothing() {
    let clock = Clock::new();
    let tree = clock.tree("import");
    let load = tree.root().child("load").total(10).start().unwrap();
    let eta = || load.node().unwrap().eta.map(Timestamp::as_unix_millis);
    clock.wait(500);
    load.update(5).unwrap();
    assert_eq!(eta(), Some(2000));
    load.pause().unwrap();
    clock.wait(10_000);
    assert_eq!(eta(), None);
    load.resume().unwrap();
    assert_eq!(eta(), Some(12_000));
    clock.wait(100);
    load.update(6).unwrap();
    assert_eq!(eta(), Some(12_000));
    // Nor does the time between two processes.
    let saved = tree.save();
    clock.wait(70_000);
    let now = clock.clone();
    let tree = ProgressTree::restore_with_clock(saved, move || now.now()).unwrap();
    let load = tree.task(load.id()).unwrap();
    load.set_message("again").unwrap();
    clock.wait(100);
    load.update(7).unwrap();
    let eta = load.node().unwrap().eta.unwrap().as_unix_millis();
    assert_eq!(eta, 12_000 + 70_000);
}

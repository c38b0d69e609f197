//! The state of a run on a picture.

use mainstem_agent::Agent;
use mainstem_core::{
    CancelledBy, Json, MemoryStore, PlanShape, Question, Result, RunCancelled, RunFinished, RunId,
    RunResumed, RunSuspended, StepPlan, StepResult, Store, Usage, test_util::ScriptedModel,
};
use mainstem_flow::{Diagram, Flow, named};

use super::{check_golden, every_shape, function, log::Log};
use crate::common::collect;

fn follow(plan: &StepPlan) -> (Diagram, Log) {
    let diagram = Diagram::new(plan);
    let log = Log::new(diagram.state());
    (diagram, log)
}

/// A run in the midst of `every_shape`: in its second round, an item of its map retracted.
fn halfway(log: &mut Log) {
    log.start()
        .begin("guide")
        .step("guide/analyze")
        .begin("guide/route")
        .step("guide/route/router")
        .step("guide/route/deep")
        .finish("guide/route")
        .begin("guide/views");
    for branch in ["guide/views[0]/expert", "guide/views[1]/sceptic"] {
        log.begin(branch);
    }
    log.step("guide/views[2]/length")
        .after(1200)
        .finish("guide/views[1]/sceptic");
    log.after(100)
        .finish("guide/views[0]/expert")
        .finish("guide/views");
    log.begin("guide/research")
        .list("guide/research", &[7, 8, 9]);
    for item in 0..3 {
        let one = format!("guide/research[{item}]/one");
        let (source, fastest) = (format!("{one}/source"), format!("{one}/fastest"));
        log.begin(&one)
            .begin(&source)
            .begin(&format!("{source}/cache"));
        log.after(5)
            .fail(&format!("{source}/cache"))
            .step(&format!("{source}/archive"));
        log.finish(&source).begin(&fastest);
        log.begin(&format!("{fastest}[0]/small"))
            .begin(&format!("{fastest}[1]/large"));
        log.after(70)
            .finish(&format!("{fastest}[0]/small"))
            .finish(&fastest)
            .finish(&one);
    }
    log.finish("guide/research").begin("guide/improve");
    log.begin("guide/improve[0]/round")
        .step("guide/improve[0]/round/write");
    log.step("guide/improve[0]/round/judge")
        .finish("guide/improve[0]/round");
    log.begin("guide/improve[1]/round");
    let since = log.next();
    log.begin("guide/improve[1]/round/write")
        .after(3000)
        .fail("guide/improve[1]/round/write");
    log.retract("guide/improve[1]/round", since);
    log.begin("guide/improve[1]/round/write#2").after(65_000);
}

fn lines(diagram: &Diagram, log: &Log) -> Vec<String> {
    let text = diagram.with_state(&log.state).to_text();
    text.lines()
        .map(|line| {
            line.trim_start_matches(['│', '├', '└', '─', ' '])
                .to_owned()
        })
        .collect()
}

#[test]
fn a_run_halfway_is_drawn_as_in_the_golden_files() {
    let (diagram, mut log) = follow(&every_shape());
    check_golden("waiting.txt", &diagram.with_state(&log.state).to_text());
    halfway(&mut log);
    log.event(
        "guide/improve[1]/round/write#2",
        mainstem_core::TextDelta::new("Jays"),
    );
    check_golden("halfway.txt", &diagram.with_state(&log.state).to_text());
    check_golden("halfway.mmd", &diagram.with_state(&log.state).to_mermaid());
}

#[test]
fn a_run_to_its_end_is_drawn_as_in_the_golden_files() {
    let (diagram, mut log) = follow(&every_shape());
    halfway(&mut log);
    log.finish("guide/improve[1]/round/write#2")
        .step("guide/improve[1]/round/judge");
    log.finish("guide/improve[1]/round")
        .finish("guide/improve")
        .begin("guide/publish?");
    log.skip("guide/publish?/no \"thanks\" <b>");
    log.begin("guide/publish?/yes")
        .begin("guide/publish?/yes/approve");
    log.event("", RunSuspended::new(Vec::new()));
    check_golden("suspended.txt", &diagram.with_state(&log.state).to_text());
    log.event("", RunResumed::new(Vec::new()))
        .after(10)
        .finish("guide/publish?/yes/approve");
    log.step("guide/publish?/yes/send")
        .finish("guide/publish?/yes")
        .finish("guide/publish?");
    log.finish("guide")
        .event("", RunFinished::new(Json::null(), Usage::default()));
    check_golden("finished.txt", &diagram.with_state(&log.state).to_text());
    check_golden("finished.mmd", &diagram.with_state(&log.state).to_mermaid());
}

#[test]
fn what_began_in_a_taken_back_part_is_taken_back_and_nothing_else() {
    let item = StepPlan::new("item", "flow").inside([function("a"), function("b")]);
    let (diagram, mut log) = follow(
        &StepPlan::new("all", "map")
            .shape(PlanShape::Repeated)
            .inside([item]),
    );
    log.begin("all").begin("all[0]/item").step("all[0]/item/a");
    let since = log.next();
    for item in ["all[1]/item", "all[2]/item"] {
        log.begin(item)
            .step(&format!("{item}/a"))
            .begin(&format!("{item}/b"));
    }
    log.retract("all[1]", since);
    assert_eq!(
        lines(&diagram, &log)[1..],
        [
            "▸ item (flow) — 2 under way, 1 × taken back, 6 ms",
            "✓ a (function) — 2 × done, 1 × taken back, 3 ms",
            "▸ b (function) — 1 × taken back, 1 ms",
        ]
    );
}

#[test]
fn the_run_itself_can_take_all_back() {
    let (diagram, mut log) = follow(&StepPlan::new("all", "flow").inside([function("a")]));
    let since = log.next();
    log.begin("all")
        .step("all/a")
        .begin("all/a#2")
        .retract("", since);
    assert!(
        lines(&diagram, &log)
            .iter()
            .all(|line| line.starts_with('↺'))
    );
}

#[test]
fn a_step_that_went_down_with_its_process_begins_again() {
    let (diagram, mut log) =
        follow(&StepPlan::new("all", "flow").inside([function("a"), function("b")]));
    log.begin("all").step("all/a");
    let since = log.next();
    log.begin("all/b")
        .event("", RunResumed::new(Vec::new()))
        .retract("all/b", since);
    assert_eq!(
        lines(&diagram, &log)[2],
        "↺ b (function) — 1 × taken back, 0 ms"
    );
    log.begin("all/b#2").after(2).finish("all/b#2");
    assert_eq!(
        lines(&diagram, &log)[2],
        "✓ b (function) — attempt 2, 1 × taken back, 2 ms"
    );
}

#[test]
fn what_is_under_way_when_the_run_ends_was_stopped() {
    let both = StepPlan::new("both", "parallel")
        .shape(PlanShape::Together)
        .inside([function("a"), function("b")]);
    let (diagram, mut log) = follow(&both);
    log.begin("both").begin("both[0]/a");
    let mut failed = Log::new(log.state.clone());
    log.event("", RunCancelled::new(CancelledBy::Stop));
    assert_eq!(
        lines(&diagram, &log),
        [
            "■ both (parallel, at the same time) — 0 ms",
            "■ a (function) — 0 ms",
            "– b (function)"
        ]
    );
    failed.begin("both[1]/b").fail("both[1]/b").fail("both");
    assert_eq!(
        lines(&diagram, &failed),
        [
            "✗ both (parallel, at the same time) — 0 ms",
            "■ a (function) — 0 ms",
            "✗ b (function) — 0 ms"
        ]
    );
}

/// A reader of a resumed run's stream alone: it doesn't know what came before, and doesn't say so.
#[test]
fn what_came_before_a_resumed_stream_isnt_claimed() {
    let all = StepPlan::new("all", "flow").inside([function("a"), function("ask"), function("b")]);
    let (diagram, mut log) = follow(&all);
    log.event("", RunResumed::new(Vec::new()));
    assert_eq!(log.state.progress(), None);
    assert!(
        lines(&diagram, &log)
            .iter()
            .all(|line| line.starts_with('…'))
    );
    log.finish("all/ask").begin("all/b").after(2);
    assert_eq!(log.state.progress(), None);
    assert_eq!(
        lines(&diagram, &log),
        [
            "… all (flow)",
            "… a (function)",
            "✓ ask (function)",
            "▸ b (function) — 0 ms"
        ]
    );
    log.finish("all/b").finish("all");
    assert_eq!(log.state.progress(), Some(1.0));
    let picture = lines(&diagram, &log);
    assert_eq!(picture[..2], ["✓ all (flow)", "… a (function)"]);
    assert_eq!(picture[3], "✓ b (function) — 2 ms");
    check_golden("resumed.mmd", &diagram.with_state(&log.state).to_mermaid());
}

/// The time in which a process was down is no time of its steps.
#[test]
fn a_step_that_was_taken_back_took_its_time() {
    let race = StepPlan::new("race", "race")
        .shape(PlanShape::Race)
        .inside([function("a"), function("b")]);
    let (diagram, mut log) = follow(&race);
    log.begin("race");
    let since = log.next();
    log.begin("race[1]/b")
        .begin("race[0]/a")
        .after(7)
        .finish("race[0]/a");
    log.retract("race[1]", since).finish("race");
    assert_eq!(
        lines(&diagram, &log)[2],
        "– b (function) — 1 × taken back, 7 ms"
    );

    let (diagram, mut log) = follow(&function("a"));
    let since = log.next();
    log.begin("a")
        .after(5)
        .event("", mainstem_core::TextDelta::new("Jays"));
    log.after(3_600_000)
        .event("", RunResumed::new(Vec::new()))
        .retract("a", since);
    assert_eq!(
        lines(&diagram, &log),
        ["↺ a (function) — 1 × taken back, 5 ms"]
    );
}

#[test]
fn what_was_stopped_isnt_under_way() {
    let each = StepPlan::new("each", "map")
        .shape(PlanShape::Repeated)
        .inside([function("a")]);
    let (diagram, mut log) = follow(&each);
    log.begin("each").step("each[0]/a").begin("each[1]/a");
    assert_eq!(
        lines(&diagram, &log)[1],
        "▸ a (function) — 1 × done, 1 under way, 1 ms"
    );
    log.event("", RunCancelled::new(CancelledBy::Stop));
    assert_eq!(
        lines(&diagram, &log)[1],
        "■ a (function) — 1 × done, 1 stopped, 1 ms"
    );
}

#[tokio::test]
async fn a_state_from_a_store_goes_on_with_the_resumed_run() -> Result<()> {
    let flow = Flow::new("pay")
        .step("price", |order: String| order.len())
        .ask::<bool>("approve", |_: &usize| Question::new("Pay?"))
        .step("pay", |(price, _): (usize, bool)| price);
    let store = MemoryStore::new();
    let asked = flow.run("x").store(store.clone()).outcome().await?;
    let asked = asked.suspended().unwrap();
    let diagram = flow.diagram();
    let mut state = diagram.state_of(&store, &asked.run).await?;
    assert!(diagram.with_state(&state).to_text().contains("? approve"));
    let mut run = flow
        .resume(asked.answer("approve", &true)?)
        .store(store)
        .stream();
    for event in collect(&mut run).await {
        state.follow(&event);
        assert!(state.progress() >= Some(1.0 / 3.0));
    }
    let picture = diagram.with_state(&state).to_text();
    assert_eq!(picture.matches('✓').count(), 4, "{picture}");
    let error = diagram
        .state_of(&MemoryStore::new(), &"r".into())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), mainstem_core::ErrorKind::NotFound);
    Ok(())
}

#[test]
fn the_state_of_another_plan_isnt_shown() {
    let (diagram, mut log) = follow(&function("a"));
    log.begin("a");
    assert_eq!(
        Diagram::new(&function("a"))
            .with_state(&log.state)
            .to_text(),
        "▸ a (function) — 0 ms\n"
    );
    assert_eq!(
        Diagram::new(&function("b"))
            .with_state(&log.state)
            .to_text(),
        "b (function)\n"
    );
    log.begin("b/elsewhere").step("a/unplanned");
    assert_eq!(lines(&diagram, &log), ["▸ a (function) — 1 ms"]);
}

#[tokio::test]
async fn a_stream_and_its_log_give_the_same_state() -> Result<()> {
    let writer = Agent::builder(ScriptedModel::new().answer(["Jays"])).build()?;
    let fails = |_: String| -> StepResult<u32> { Err("no".into()) };
    let flow = Flow::new("guide")
        .step("write", writer)
        .parallel("both", (|text: String| text.len(), named("fails", fails)))
        .step("never", |n: (usize, u32)| n.0);
    let (store, id, diagram) = (MemoryStore::new(), RunId::new(), flow.diagram());
    let mut run = flow
        .run("jays")
        .store(store.clone())
        .id(id.clone())
        .stream();
    let mut live = diagram.state();
    for event in collect(&mut run).await {
        live.follow(&event);
    }
    let mut logged = diagram.state();
    let log = store.read(&id, None, usize::MAX).await?;
    log.iter().for_each(|event| logged.follow(event));
    let picture = diagram.with_state(&live).to_text();
    assert_eq!(picture, diagram.with_state(&logged).to_text());
    let signs: Vec<_> = picture
        .lines()
        .filter_map(|line| line.chars().find(|c| "✓✗–■".contains(*c)))
        .collect();
    assert_eq!(signs, ['✗', '✓', '✗', '✓', '✗', '–'], "{picture}");
    Ok(())
}

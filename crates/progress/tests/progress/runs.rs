//! Trees that runs feed.

use futures::StreamExt;
use mainstem_agent::{Agent, tool_fn};
use mainstem_core::{
    Event, EventKind, MemoryStore, Outcome, Progress, Question, Run, RunContext, RunId, Step,
    StepResult, Store, Suspension, test_util::ScriptedModel,
};
use mainstem_flow::{Flow, by, each, fallback, named, optional, retry, up_to, weighted, when};
use mainstem_progress::{ProgressNode, ProgressState, ProgressTree};

use crate::recordings::{record, work};

pub(crate) fn fed(events: &[Event]) -> ProgressTree {
    let tree = ProgressTree::new("run");
    for event in events {
        tree.feed(event);
    }
    tree
}

/// A node, as a line.
pub(crate) fn line(node: &ProgressNode) -> String {
    let path = node.path.as_ref().map_or("", |path| path.as_str());
    let step = node.step.as_ref().map_or("", |step| step);
    let (kind, state, weight) = (node.kind, node.state, node.weight);
    format!("{path}: {kind:?}, {step}, {state}, {weight}")
}

#[tokio::test(start_paused = true)]
async fn a_flow_is_a_tree_of_its_steps() {
    let flow = Flow::new("guide")
        .step("list", async |n: u32| Ok((0..n).collect::<Vec<_>>()))
        .step("each", each(one).at_most(1))
        .parallel("both", (|v: Vec<u32>| v.len(), |v: Vec<u32>| v.len()))
        .step("again", retry(2, named("fails_once", fails_once)))
        .step("big", weighted(3, |n: (usize, usize)| n.0));
    let events = record(flow.run_streamed(2_u32)).await;
    let tree = ProgressTree::new("run");
    let mut fractions = Vec::new();
    for event in &events {
        tree.feed(event);
        let fraction = tree.snapshot().root().percent();
        if fractions.last() != Some(&fraction) {
            fractions.push(fraction);
        }
    }
    let expected = [
        None,
        Some(0),
        Some(12),
        Some(18),
        Some(25),
        Some(37),
        Some(50),
        Some(62),
        Some(100),
    ];
    assert_eq!(fractions, expected);
    let lines: Vec<_> = tree.snapshot().nodes.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "guide: Workflow, flow, completed, 1",
            "guide/list: Step, function, completed, 1",
            "guide/each: Step, map, completed, 1",
            "guide/each[0]/one: Subtask, function, completed, 1",
            "guide/each[1]/one: Subtask, function, completed, 1",
            "guide/both: Step, parallel, completed, 2",
            "guide/both[0]/function: Subtask, function, completed, 1",
            "guide/both[1]/function: Subtask, function, completed, 1",
            "guide/again: Step, retry, completed, 1",
            "guide/again/fails_once#2: Subtask, function, completed, 1",
            "guide/big: Step, function, completed, 3",
        ]
    );
    assert_eq!(fed(&events).snapshot(), tree.snapshot());
}

async fn one(n: u32) -> StepResult<u32> {
    work(10).await;
    Ok(n)
}

async fn fails_once<T>(ctx: RunContext, value: T) -> StepResult<T> {
    match ctx.path().last().map(|last| last.attempt()) {
        Some(1) => Err("not yet".into()),
        _ => Ok(value),
    }
}

/// A flow that has each kind of step; after 60 virtual milliseconds it asks.
fn all_kinds() -> Flow<u32, (usize, bool)> {
    let model = ScriptedModel::new().always(["Ja", "ys"]);
    let agent = Agent::builder(model).name("talk").build().unwrap();
    let inner = Flow::new("inner").step("one", one).step("two", one);
    Flow::new("f")
        .step("nap", one)
        .parallel("both", (inner, named("b", one)))
        .race("race", (named("quick", first), named("slow", sleepy)))
        .step("list", |n: u32| (0..n).collect::<Vec<_>>())
        .map("each", each(one).at_most(2))
        .step("len", |list: Vec<u32>| list.len() as u32)
        .repeat(
            "again",
            up_to(3, named("up", |n: u32| n + 1)).until(|n| *n > 4),
        )
        .step("maybe", when(|n: &u32| *n > 100, one))
        .step("else", fallback(named("bad", bad), named("good", one)))
        .step("try", retry(2, named("fails_once", fails_once)))
        .branch(
            "size",
            by(|n: &u32| *n > 3)
                .arm(true, named("big", words))
                .arm(false, words),
        )
        .step("talk", agent)
        .step(
            "perhaps",
            optional(named("worse", |_: String| -> StepResult<usize> {
                Err("no".into())
            })),
        )
        .step("left", |n: Option<usize>| n.unwrap_or(7))
        .ask("sign", |n: &usize| Question::new(format!("Sign {n}?")))
}

async fn first((a, _): (u32, u32)) -> StepResult<u32> {
    work(10).await;
    Ok(a)
}

async fn sleepy((_, b): (u32, u32)) -> StepResult<u32> {
    work(9999).await;
    Ok(b)
}

async fn bad(_: u32) -> StepResult<u32> {
    Err("no".into())
}

fn words(n: u32) -> String {
    format!("{n} birds")
}

/// Runs it to its end, with a log; it is cut once after so many events.
async fn log(cut: Option<usize>) -> Vec<Event> {
    let (store, flow, id) = (MemoryStore::new(), all_kinds(), RunId::from("r"));
    let mut run = flow.run(3_u32).id(id.clone());
    if let Some(cut) = cut {
        let mut stream = run.store(store.clone()).stream();
        for _ in 0..cut {
            stream.next().await;
        }
        drop(stream);
        run = flow.resume(&id);
    }
    if let Ok(asked) = Suspension::load(&store, &id).await {
        run = flow.resume(asked.answer("sign", &true).unwrap());
    }
    if let Outcome::Suspended(asked) = run.store(store.clone()).outcome().await.unwrap() {
        let again = flow.resume(asked.answer("sign", &true).unwrap());
        assert!(again.store(store.clone()).await.unwrap().output.1);
    }
    store.read(&id, None, usize::MAX).await.unwrap()
}

/// How each step ended, whatever was tried before.
fn ends(tree: &ProgressTree) -> Vec<String> {
    let nodes = tree.snapshot().nodes;
    let mut ends: Vec<_> = nodes
        .iter()
        .map(|node| {
            let path = node.path.as_ref().map_or("", |path| path.as_str());
            let steps: Vec<_> = path
                .split('/')
                .map(|step| step.split('#').next().unwrap())
                .collect();
            format!("{} {} {:?}", steps.join("/"), node.state, node.fraction)
        })
        .collect();
    ends.sort();
    ends
}

#[tokio::test(start_paused = true)]
async fn cut_at_every_event_it_is_the_same_tree_in_the_end() {
    let whole = log(None).await;
    let expected = ends(&fed(&whole));
    assert_eq!(
        expected,
        [
            "f completed Some(1.0)",
            "f/again completed Some(1.0)",
            "f/again[0]/up completed Some(1.0)",
            "f/again[1]/up completed Some(1.0)",
            "f/both completed Some(1.0)",
            "f/both[0]/inner completed Some(1.0)",
            "f/both[0]/inner/one completed Some(1.0)",
            "f/both[0]/inner/two completed Some(1.0)",
            "f/both[1]/b completed Some(1.0)",
            "f/each completed Some(1.0)",
            "f/each[0]/one completed Some(1.0)",
            "f/each[1]/one completed Some(1.0)",
            "f/each[2]/one completed Some(1.0)",
            "f/else completed Some(1.0)",
            "f/else[0]/bad skipped Some(1.0)",
            "f/else[1]/good completed Some(1.0)",
            "f/left completed Some(1.0)",
            "f/len completed Some(1.0)",
            "f/list completed Some(1.0)",
            "f/maybe completed Some(1.0)",
            "f/maybe/one skipped Some(1.0)",
            "f/nap completed Some(1.0)",
            "f/perhaps completed Some(1.0)",
            "f/perhaps/worse failed None",
            "f/race completed Some(1.0)",
            "f/race[0]/quick completed Some(1.0)",
            "f/race[1]/slow skipped Some(1.0)",
            "f/sign completed Some(1.0)",
            "f/size completed Some(1.0)",
            "f/size/true completed Some(1.0)",
            "f/talk completed Some(1.0)",
            "f/try completed Some(1.0)",
            "f/try/fails_once completed Some(1.0)",
        ]
    );
    for cut in 1..whole.len() - 1 {
        let events = log(Some(cut)).await;
        assert_eq!(ends(&fed(&events)), expected, "cut after {cut} events");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tree_follows_its_run_also_when_that_is_dropped_and_goes_on() {
    let whole = log(None).await;
    let expected = ends(&fed(&whole));
    for cut in 1..whole.len() - 1 {
        let (store, flow, id) = (MemoryStore::new(), all_kinds(), RunId::from("r"));
        let tree = ProgressTree::planned(&Step::<u32>::plan(&flow));
        let run = flow.run(3_u32).id(id.clone()).store(store.clone());
        let mut stream = run.on_event(tree.follow()).stream();
        for _ in 0..cut {
            stream.next().await;
        }
        drop(stream);
        let state = tree.snapshot().root().state;
        let is_asked = Suspension::load(&store, &id).await.ok();
        let is_cancelled = state == ProgressState::Cancelled;
        assert!(
            is_cancelled || is_asked.is_some(),
            "{state}, cut after {cut} events"
        );
        let open = |node: &ProgressNode| !is_cancelled || node.state.is_ended();
        assert!(tree.snapshot().nodes.iter().all(open));

        let mut run = match is_asked {
            Some(asked) => flow.resume(asked.answer("sign", &true).unwrap()),
            None => flow.resume(&id),
        };
        run = run.on_event(tree.follow()).store(store.clone());
        if let Outcome::Suspended(asked) = run.outcome().await.unwrap() {
            assert_eq!(tree.snapshot().root().state, ProgressState::Paused);
            let again = flow.resume(asked.answer("sign", &true).unwrap());
            let again = again.on_event(tree.follow()).store(store.clone());
            again.await.unwrap();
        }
        assert_eq!(ends(&tree), expected, "cut after {cut} events");
    }
}

#[tokio::test(start_paused = true)]
async fn saved_anywhere_and_fed_the_rest_it_is_the_same_tree() {
    let events = log(Some(40)).await;
    let whole = fed(&events);
    for cut in 0..events.len() {
        let (before, after) = events.split_at(cut);
        let json = serde_json::to_string(&fed(before).save()).unwrap();
        let tree = ProgressTree::restore(serde_json::from_str(&json).unwrap()).unwrap();
        // A reader that lost its connection may give some events again.
        for event in before.iter().rev().take(3).rev() {
            assert!(!tree.feed(event));
        }
        for event in after {
            tree.feed(event);
        }
        assert_eq!(tree.save(), whole.save(), "saved after {cut} events");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_the_run_waits_while_a_person_is_asked() {
    let events = log(None).await;
    let asked = |event: &Event| matches!(event.kind, EventKind::RunSuspended(_));
    let at = events.iter().position(asked).unwrap();
    let tree = fed(&events[..=at]);
    let paused: Vec<_> = tree
        .snapshot()
        .nodes
        .into_iter()
        .filter(|node| node.state == ProgressState::Paused)
        .collect();
    let names: Vec<_> = paused.iter().map(|node| &*node.name).collect();
    assert_eq!(names, ["f", "sign"]);
    assert!(paused.iter().all(|node| node.eta.is_none()));
    assert_eq!(paused[0].percent(), Some(94));
    tree.feed(&events[at + 1]);
    let states: Vec<_> = paused
        .iter()
        .map(|node| tree.task(node.id).unwrap().node().unwrap().state)
        .collect();
    assert_eq!(states, [ProgressState::Running; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_there_before_its_steps_begin() {
    let flow = all_kinds();
    let tree = ProgressTree::planned(&Step::<u32>::plan(&flow));
    let before = tree.snapshot();
    let paths: Vec<_> = before
        .nodes
        .iter()
        .filter_map(|node| node.path.as_ref())
        .collect();
    assert_eq!(paths.len(), before.nodes.len());
    for sure in [
        "f/both[0]/inner/two",
        "f/else[0]/bad",
        "f/try/fails_once",
        "f/talk",
    ] {
        assert!(paths.iter().any(|path| path.as_str() == sure), "{sure}");
    }
    for unsure in [
        "f/each[0]/one",
        "f/race[0]/quick",
        "f/else[1]/good",
        "f/size/true",
    ] {
        assert!(paths.iter().all(|path| path.as_str() != unsure), "{unsure}");
    }
    let events = log(None).await;
    for event in &events {
        tree.feed(event);
        let root = tree.snapshot().root().clone();
        assert!(root.fraction.is_some(), "{event:?}");
    }
    assert_eq!(ends(&tree), ends(&fed(&events)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_or_fails_closes_what_is_open() {
    let flow = Flow::new("f").parallel("both", (named("a", bad), named("b", one)));
    let tree = fed(&record(flow.run_streamed(1_u32)).await);
    let states: Vec<_> = tree
        .snapshot()
        .nodes
        .iter()
        .map(|node| node.state)
        .collect();
    use ProgressState::{Cancelled, Failed, Running};
    assert_eq!(states, [Failed, Failed, Failed, Cancelled]);
    assert!(
        tree.snapshot()
            .root()
            .message
            .as_ref()
            .unwrap()
            .contains("function failed")
    );

    let flow = Flow::new("f").step("nap", one).step("long", sleepy_one);
    let mut run = flow.run_streamed(1_u32);
    let tree = ProgressTree::new("f");
    while let Some(event) = run.next().await {
        tree.feed(&event);
        if event.path.as_str() == "f/long" {
            assert_eq!(tree.snapshot().nodes[2].state, Running);
            run.stop_handle().stop();
        }
    }
    let nodes = tree.snapshot().nodes;
    let states: Vec<_> = nodes.iter().map(|node| node.state).collect();
    assert_eq!(states, [Cancelled, ProgressState::Completed, Cancelled]);
    assert_eq!(nodes[0].message.as_ref().unwrap(), "stop");
    assert_eq!(nodes[0].fraction, Some(0.5));
}

async fn sleepy_one(n: u32) -> StepResult<u32> {
    work(9999).await;
    Ok(n)
}

#[tokio::test]
async fn how_far_an_agent_is_nobody_knows_but_its_tools_may() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Pages {
        count: u64,
    }
    async fn read(ctx: RunContext, pages: Pages) -> StepResult<u64> {
        for page in 1..=pages.count {
            let mut progress = Progress::new("pages", page);
            progress.total = Some(pages.count);
            ctx.emit(progress).await;
        }
        Ok(pages.count)
    }
    let calls = [("read", serde_json::json!({"count": 4}))];
    let model = ScriptedModel::new().calls(calls).answer(["Done."]);
    let tool = tool_fn("read", "Reads.", read);
    let agent = Agent::builder(model).name("a").tool(tool).build().unwrap();
    let mut run = agent.run_streamed("Read!");
    let (tree, mut percents) = (ProgressTree::new("a"), Vec::new());
    while let Some(event) = run.next().await {
        tree.feed(&event);
        let snapshot = tree.snapshot();
        if !event.is_end() {
            assert_eq!(snapshot.root().fraction, None);
        }
        let tool = snapshot.nodes.iter().find(|node| node.name == "read");
        percents.extend(tool.and_then(|tool| tool.percent()));
    }
    percents.dedup();
    assert_eq!(percents, [25, 50, 75, 100]);
    let lines: Vec<_> = tree.snapshot().nodes.iter().map(line).collect();
    let expected = [
        "a: Workflow, agent, completed, 1",
        "a/turn[0]: Operation, turn, completed, 1",
        "a/read[0]: Operation, tool, completed, 1",
        "a/turn[1]: Operation, turn, completed, 1",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_run_without_steps_counts_for_itself() {
    let run = Run::new("import", |ctx| async move {
        for done in [1, 2] {
            let mut progress = Progress::new("pages", done);
            progress.total = Some(2);
            ctx.emit(progress).await;
        }
        Ok(())
    });
    let (tree, mut percents) = (ProgressTree::new("import"), Vec::new());
    let mut run = run.stream();
    while let Some(event) = run.next().await {
        tree.feed(&event);
        percents.push(tree.snapshot().root().percent());
    }
    assert_eq!(percents, [None, Some(50), Some(100), Some(100)]);
    assert_eq!(tree.snapshot().nodes.len(), 1);
}

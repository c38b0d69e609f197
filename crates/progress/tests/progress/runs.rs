use mainstem_core::{Event, RunContext, StepResult};
use mainstem_flow::{Flow, each, retry, weighted};
use mainstem_progress::{ProgressNode, ProgressTree};

use crate::recordings::{record, work};

pub(crate) fn fed(events: &[Event]) -> ProgressTree {
    let tree = ProgressTree::new("run");
    for event in events {
        tree.feed(event);
    }
    tree
}

/// A node, as a line.
fn line(node: &ProgressNode) -> String {
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
        .step("again", retry(2, fails_once))
        .step("big", weighted(3, |n: usize| n));
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

async fn fails_once(ctx: RunContext, n: (usize, usize)) -> StepResult<usize> {
    match ctx.path().last().map(|last| last.attempt()) {
        Some(1) => Err("not yet".into()),
        _ => Ok(n.0),
    }
}

//! What a change of a tree of progress costs, however large the tree is.

use std::time::Instant;

use anyhow::{Context, Result};
use futures::{FutureExt, StreamExt};
use mainstem::progress::{ProgressTask, ProgressTree};
use serde_json::json;

use crate::{chunks::ratio, cli::Cli, report::Section, stats, table};

/// How many nodes each level has inside of each of the level before: six levels, the last of leaves.
const SMALL: [u32; 6] = [1, 1, 1, 1, 1, 10];
const LARGE: [u32; 6] = [10, 10, 10, 10, 1, 1];

/// How much more a change in the large tree may cost: its nodes don't fit into the caches.
const FLAT: f64 = 4.0;

/// What a change may cost, in microseconds.
const AIM_US: f64 = 1.0;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let updates = cli.pick(1_000_000, 20_000);
    let rounds = cli.pick(5, 1);
    let about = format!(
        "{} updates of the leaves of a tree of depth 6, median ns of {rounds}",
        table::number(updates)
    );
    let mut section = Section::new("progress", about, !cli.quick);
    section.row(["leaves", "nodes", "an update", "with a reader"]);
    let small = tell(&SMALL, updates, rounds, &mut section)?;
    let large = tell(&LARGE, updates, rounds, &mut section)?;
    let micros = ratio(large, updates) / 1000.0;
    section.aim("an update, 10,000 leaves", "µs", micros, AIM_US);
    let times = ratio(large, small);
    section.aim("an update, 10,000 leaves/10 leaves", "times", times, FLAT);
    Ok(section)
}

/// Measures one tree; how long all updates took without a reader, in nanoseconds.
fn tell(levels: &[u32], updates: u64, rounds: usize, section: &mut Section) -> Result<u64> {
    let (mut bare, mut read) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(update(levels, updates, false)?);
        read.push(update(levels, updates, true)?);
    }
    let (tree, leaves) = build(levels)?;
    let nodes = tree.snapshot().nodes.len() as u64;
    let [bare, read] = [bare, read].map(stats::median);
    section.row([
        table::number(leaves.len() as u64),
        table::number(nodes),
        format!("{:.0}", ratio(bare, updates)),
        format!("{:.0}", ratio(read, updates)),
    ]);
    section.data(json!({
        "leaves": leaves.len(),
        "nodes": nodes,
        "ns_an_update": { "bare": ratio(bare, updates), "read": ratio(read, updates) },
    }));
    Ok(bare)
}

fn build(levels: &[u32]) -> Result<(ProgressTree, Vec<ProgressTask>)> {
    let tree = ProgressTree::new("tree");
    let mut level = vec![tree.root()];
    for (depth, &inside) in levels.iter().enumerate() {
        let is_leaf = depth + 1 == levels.len();
        let mut next = Vec::new();
        for around in &level {
            for index in 0..inside {
                let new = around.child("node").index(index);
                let new = if is_leaf { new.total(u64::MAX) } else { new };
                next.push(new.start()?);
            }
        }
        level = next;
    }
    Ok((tree, level))
}

/// How long the updates take, in nanoseconds.
fn update(levels: &[u32], updates: u64, is_read: bool) -> Result<u64> {
    let (tree, leaves) = build(levels)?;
    let mut reader = is_read.then(|| tree.subscribe());
    // Large enough that each one is seen by all nodes around.
    let by = u64::MAX / updates;
    let began = Instant::now();
    for leaf in leaves.iter().cycle().take(usize::try_from(updates)?) {
        leaf.increment(by)?;
        if let Some(reader) = &mut reader {
            let update = reader.next().now_or_never().flatten();
            update.context("the reader missed a change")?;
        }
    }
    Ok(u64::try_from(began.elapsed().as_nanos())?)
}

//! The JSON that others read, pinned byte for byte.

use std::{fmt::Debug, fs, path::PathBuf};

use futures::{FutureExt, StreamExt};
use mainstem_progress::{
    ProgressChange, ProgressKind, ProgressSnapshot, ProgressState, ProgressTree, ProgressUpdate,
    SavedProgress,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{clock::Clock, recordings::event, runs::fed};

/// The values must be written as the file has them, one a line, and the file be read as the values.
fn check<T>(name: &str, values: &[T])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let lines: Vec<_> = values
        .iter()
        .map(|value| serde_json::to_string(value).unwrap())
        .collect();
    let written = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let golden = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert_eq!(written, golden, "{name} has changed");
    let read: Vec<T> = serde_json::from_str(&golden).unwrap();
    assert_eq!(read, values, "{name} is read as something else");
}

/// A tree whose nodes have all that a node can have, between them.
fn by_hand(clock: &Clock) -> ProgressTree {
    let tree = clock.tree("import");
    let load = tree.root().child("load").weight(2.5).total(4).index(1);
    let load = load.start().unwrap();
    clock.wait(500);
    load.update(1).unwrap();
    load.set_message("a.csv").unwrap();
    let check = tree.root().child("check").expect(4.0).add().unwrap();
    let read = check.child("read").kind(ProgressKind::Operation);
    read.open_ended().start().unwrap();
    let gone = tree.root().child("old").weight(0.0).add().unwrap();
    gone.skip("nobody needs it").unwrap();
    tree
}

fn of_a_run() -> ProgressTree {
    let started = r#""type":"run_started","data":{"run":"r","name":"guide"}"#;
    let step = |kind: &str, total: &str| {
        format!(r#""type":"step_started","data":{{"kind":"{kind}"{total}}}"#)
    };
    let progress = r#""type":"progress","data":{"label":"pages","done":1,"total":4}"#;
    let failed = r#""type":"step_failed","data":{"error":{"kind":"step","message":"it failed"}}"#;
    fed(&[
        event(1, 0, "", started),
        event(2, 1, "guide", &step("flow", r#","total":2"#)),
        event(3, 2, "guide/read", &step("function", "")),
        event(4, 9, "guide/read", progress),
        event(5, 10, "guide/views", &step("parallel", r#","weight":2"#)),
        event(6, 11, "guide/views[1]/expert#2", &step("agent", "")),
        event(7, 12, "guide/views[1]/expert#2", failed),
    ])
}

#[test]
fn snapshots_are_as_in_the_golden_file() {
    let snapshots = [
        ProgressTree::with_clock("bare", || Clock::new().now()).snapshot(),
        by_hand(&Clock::new()).snapshot(),
        of_a_run().snapshot(),
    ];
    check::<ProgressSnapshot>("snapshots.json", &snapshots);
}

#[test]
fn saved_trees_are_as_in_the_golden_file() {
    let clock = Clock::new();
    let paused = by_hand(&clock);
    paused.root().pause().unwrap();
    check::<SavedProgress>("saved.json", &[paused.save(), of_a_run().save()]);
}

#[test]
fn updates_are_as_in_the_golden_file() {
    let tree = Clock::new().tree("import");
    let mut updates = tree.subscribe_holding(3);
    let mut next = || updates.next().now_or_never().unwrap().unwrap();
    let mut all = vec![next()];
    let load = tree.root().child("load").start().unwrap();
    load.child("part").add().unwrap();
    all.extend([next(), next(), next()]);
    load.reset().unwrap();
    all.push(next());
    for message in ["a", "b", "c", "d"] {
        load.set_message(message).unwrap();
    }
    all.extend([next(), next()]);
    tree.root().cancel().unwrap();
    all.push(next());
    check::<ProgressUpdate>("updates.json", &all);
}

#[test]
fn states_and_kinds_have_their_names() {
    check::<ProgressState>("states.json", &ProgressState::ALL);
    for state in ProgressState::ALL {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(json, format!("\"{state}\""));
    }
    let kinds = [
        ProgressKind::Workflow,
        ProgressKind::Step,
        ProgressKind::Subtask,
        ProgressKind::Operation,
    ];
    check::<ProgressKind>("kinds.json", &kinds);
    let changes = ProgressChange::ALL.map(|change| change.to_string());
    assert_eq!(
        changes.join(" "),
        "start update pause resume skip cancel complete fail reset"
    );
}

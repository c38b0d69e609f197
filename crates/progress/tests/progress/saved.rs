//! Trees that were saved: by us, by others, and by nobody.

use std::collections::BTreeSet;

use mainstem_core::{ErrorKind, Event, PlanShape, StepPlan};
use mainstem_progress::{ProgressChange, ProgressTree, SavedProgress};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{clock::Clock, recordings::event, runs::fed};

const GOLDEN: &str = include_str!("../golden/saved.json");

/// A tree that was saved, with one value changed: what `restore` says of it.
fn refused(saved: &Value, pointer: &str, value: Value) -> String {
    let mut saved = saved.clone();
    let (around, field) = pointer.rsplit_once('/').unwrap();
    match saved.pointer_mut(around).unwrap() {
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        fields => fields[field] = value,
    }
    let saved: SavedProgress = serde_json::from_value(saved).unwrap();
    let error = ProgressTree::restore(saved).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    let message = error.message().to_owned();
    let mend = "; give what `save` gave, unchanged";
    message.strip_suffix(mend).unwrap_or(&message).to_owned()
}

#[test]
#[rustfmt::skip] // a table
fn what_can_be_no_tree_is_refused_with_the_node_and_the_field() {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    // The second one is `load`, which counts 1 of 4; the third `check`, with the fourth inside.
    let cases = [
        ("/nodes/0/id", json!(1), "`id` of node 1 (`import`) of the saved progress isn't 0, and the first node is the root"),
        ("/nodes/0/parent", json!(0), "`parent` of node 0 (`import`) of the saved progress is there, and the first node is the root"),
        ("/nodes/1/id", json!(0), "`id` of node 0 (`load`) of the saved progress isn't above those of all nodes before it"),
        ("/nodes/2/id", json!(1), "`id` of node 1 (`check`) of the saved progress isn't above those of all nodes before it"),
        ("/nodes/4/id", json!(5), "`id` of node 5 (`old`) of the saved progress isn't below `next`, 5"),
        ("/nodes/1/parent", json!(1), "`parent` of node 1 (`load`) of the saved progress is no node before it"),
        ("/nodes/1/parent", json!(2), "`parent` of node 1 (`load`) of the saved progress is no node before it"),
        ("/nodes/1/parent", Value::Null, "`parent` of node 1 (`load`) of the saved progress is no node before it"),
        ("/nodes/1/weight", json!(-1.0), "`weight` of node 1 (`load`) of the saved progress is -1, and weights are from 0 to 1000000000000, in thousandths"),
        ("/nodes/1/weight", json!(1e13), "`weight` of node 1 (`load`) of the saved progress is 10000000000000, and weights are from 0 to 1000000000000, in thousandths"),
        ("/nodes/1/weight", json!(0.0001), "`weight` of node 1 (`load`) of the saved progress is 0.0001, and weights are from 0 to 1000000000000, in thousandths"),
        ("/nodes/2/expected", json!(0.0), "`expected` of node 2 (`check`) of the saved progress is 0, and weights are from 0.001 to 1000000000000, in thousandths"),
        ("/nodes/1/fraction", json!(1.5), "`fraction` of node 1 (`load`) of the saved progress is 1.5, and fractions are from 0 to 1, in billionths"),
        ("/nodes/1/fraction", json!(0.5), "`fraction` of node 1 (`load`) of the saved progress is 0.5, and by its state and what is inside it is 0.25"),
        ("/nodes/3/fraction", json!(0.5), "`fraction` of node 3 (`read`) of the saved progress is 0.5, and by its state and what is inside it is null"),
        ("/nodes/1/done", json!(3), "`fraction` of node 1 (`load`) of the saved progress is 0.25, and by its state and what is inside it is 0.75"),
        ("/nodes/1/state", json!("pending"), "`started` of node 1 (`load`) of the saved progress is there, and the node is pending"),
        ("/nodes/1/state", json!("completed"), "`ended` of node 1 (`load`) of the saved progress is missing, and the node is completed"),
        ("/nodes/1/state", json!("paused"), "`eta` of node 1 (`load`) of the saved progress is there, and the node is paused, or its fraction unknown"),
        ("/nodes/4/state", json!("failed"), "`started` of node 4 (`old`) of the saved progress is missing, and the node is failed"),
        ("/nodes/4/state", json!("pending"), "`ended` of node 4 (`old`) of the saved progress is there, and the node is pending"),
        ("/nodes/3/parent", json!(4), "`parent` of node 3 (`read`) of the saved progress is no node before it"),
        ("/nodes/1/started", json!(1501), "`started` of node 1 (`load`) of the saved progress is later than `clock.now`"),
        ("/nodes/4/ended", json!(1501), "`ended` of node 4 (`old`) of the saved progress is later than `clock.now`"),
        ("/nodes/1/forgotten", json!(1), "`next` of the saved progress is 5, and the nodes are 6 with those that were forgotten"),
        ("/kept/0/paused_at", Value::Null, "`kept.paused_at` of node 0 (`import`) of the saved progress is missing, and the node is paused"),
        ("/kept/0/paused_at", json!(1501), "`kept.paused_at` of node 0 (`import`) of the saved progress is 1501, and the tree has worked for 1500 ms"),
        ("/kept/1/paused", json!(1501), "`kept.paused` of node 1 (`load`) of the saved progress is 1501, and there was no such time"),
        ("/kept/1/pace/done", json!(1_000_000_001), "`kept.pace` of node 1 (`load`) of the saved progress is none that progress can have"),
        ("/kept/1/pace/parts", json!(u64::MAX), "`kept.pace` of node 1 (`load`) of the saved progress is none that progress can have"),
        ("/kept/1/pace/at", json!(1501), "`kept.pace` of node 1 (`load`) of the saved progress is none that progress can have"),
        ("/clock/stands", json!(false), "`clock.stands` of the saved progress is false, and the root is paused"),
        ("/clock/stood", json!(1501), "`clock.stood` of the saved progress is 1501, and there was no such time"),
        ("/at", json!(1501), "`at` of the saved progress is later than `clock.now`"),
        ("/version", json!(u64::MAX), "`version` of the saved progress is 18446744073709551615, and no tree changes so often"),
        ("/next", json!(4), "`next` of the saved progress is 4, and the nodes are 5 with those that were forgotten"),
        ("/next", json!(u32::MAX), "`next` of the saved progress is 4294967295, and numbers of saved nodes are below 16777216"),
        ("/kept", json!([]), "`kept` of the saved progress has 0 entries for 5 nodes"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(refused(&golden[0], pointer, value), expected, "{pointer}");
    }
    let cases = [
        ("/nodes/2/path", json!("guide/read#2"), "`path` of node 2 (`views`) of the saved progress is that of another node, too"),
        ("/kept/1/since", json!("1-8"), "`kept.since` of node 1 (`read`) of the saved progress is after `fed`, the last event that was taken in"),
        ("/fed", Value::Null, "`place` of the saved progress is after `fed`, the last event that was taken in"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(refused(&golden[1], pointer, value), expected, "{pointer}");
    }
}

#[test]
fn a_snapshot_has_a_root() {
    let error = serde_json::from_str::<SavedProgress>(
        r#"{"version":0,"at":0,"nodes":[],"kept":[],"clock":{"now":0,"stood":0,"stands":false},"next":0}"#,
    );
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("`nodes` is empty, and a tree has a root"),
        "{message}"
    );
}

/// Events of a small run, in any order, whether that makes sense or not.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let paths = vec![
        "", "f", "f#2", "f/a", "f/a#2", "f/a/x", "f/a/x/y", "f[0]/b", "f[1]/b#3", "g",
    ];
    let usage = r#"{"requests":0,"input_tokens":0,"output_tokens":0}"#;
    let error = r#"{"error":{"kind":"step","message":"no"}}"#;
    let data = vec![
        r#""type":"run_started","data":{"run":"r","name":"f"}"#.to_owned(),
        r#""type":"run_resumed","data":{"answers":[]}"#.to_owned(),
        r#""type":"step_started","data":{"kind":"function"}"#.to_owned(),
        r#""type":"step_started","data":{"kind":"flow","total":3,"weight":2}"#.to_owned(),
        r#""type":"step_started","data":{"kind":"map","total":1}"#.to_owned(),
        r#""type":"progress","data":{"label":"p","done":2,"total":4}"#.to_owned(),
        r#""type":"progress","data":{"label":"p","done":9,"total":4}"#.to_owned(),
        r#""type":"decided","data":{"key":"items","what":"map_list","value":2}"#.to_owned(),
        r#""type":"decided","data":{"key":"items","what":"map_list","value":[]}"#.to_owned(),
        r#""type":"retracted","data":{"since":"1-4","reason":"so"}"#.to_owned(),
        r#""type":"retracted","data":{"since":"1-1","reason":"so"}"#.to_owned(),
        format!(r#""type":"step_finished","data":{{"output":1,"usage":{usage}}}"#),
        format!(r#""type":"step_failed","data":{error}"#),
        r#""type":"step_skipped","data":{"reason":"so"}"#.to_owned(),
        format!(r#""type":"run_finished","data":{{"output":1,"usage":{usage}}}"#),
        r#""type":"run_cancelled","data":{"by":"user"}"#.to_owned(),
        r#""type":"run_suspended","data":{"requests":[{"id":"q","step":"f/a","prompt":"?"}]}"#
            .to_owned(),
    ];
    let one = (
        prop::sample::select(paths),
        prop::sample::select(data),
        0u64..3,
    );
    prop::collection::vec(one, 0..40).prop_map(|lines| {
        let mut at = 0;
        let number = |(seq, (path, data, wait)): (u64, (&str, String, u64))| {
            at += wait;
            event(seq, at, path, &data)
        };
        (1..).zip(lines).map(number).collect()
    })
}

/// The same tree, by way of its JSON.
fn again(tree: &ProgressTree) -> ProgressTree {
    let json = serde_json::to_string(&tree.save()).unwrap();
    let saved: SavedProgress = serde_json::from_str(&json).unwrap();
    assert_eq!(saved, tree.save());
    let again = ProgressTree::restore(saved).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(again.save(), tree.save());
    again
}

/// What must hold of each tree, whatever is done to it.
fn check(tree: &ProgressTree) {
    for node in &tree.snapshot().nodes {
        let fraction = node.fraction.unwrap_or(0.0);
        assert!((0.0..=1.0).contains(&fraction), "{node:?}");
        assert_eq!(node.ended.is_some(), node.state.is_ended(), "{node:?}");
        assert!(
            node.ended.is_none() || node.started <= node.ended,
            "{node:?}"
        );
        assert!(
            node.parent.is_none_or(|around| around < node.id),
            "{node:?}"
        );
    }
    again(tree);
}

fn do_it(tree: &ProgressTree, at: Index, change: ProgressChange) {
    let nodes = tree.snapshot().nodes;
    let task = tree.task(at.get(&nodes).id).unwrap();
    let _done = match change {
        ProgressChange::Start => task.start(),
        ProgressChange::Update => task.increment(3),
        ProgressChange::Pause => task.pause(),
        ProgressChange::Resume => task.resume(),
        ProgressChange::Skip => task.skip("so"),
        ProgressChange::Cancel => task.cancel(),
        ProgressChange::Complete => task.complete(),
        ProgressChange::Fail => task.fail("so"),
        ProgressChange::Reset => task.reset(),
        other => panic!("{other:?}"),
    };
}

fn changes() -> impl Strategy<Value = Vec<(Index, ProgressChange)>> {
    let change = prop::sample::select(ProgressChange::ALL.to_vec());
    prop::collection::vec((any::<Index>(), change), 0..12)
}

/// A tree to spoil: fed, by hand, planned, or all of it.
fn trees() -> impl Strategy<Value = ProgressTree> {
    (events(), changes(), any::<bool>()).prop_map(|(events, changes, is_planned)| {
        let leaf = |name: &str| StepPlan::new(name.to_owned(), "function").weight(2);
        let inside = StepPlan::new("a", "parallel").shape(PlanShape::Together);
        let plan =
            StepPlan::new("f", "flow").inside([inside.inside([leaf("x"), leaf("y")]), leaf("b")]);
        let tree = match is_planned {
            true => ProgressTree::planned(&plan),
            false => ProgressTree::new("f"),
        };
        for event in &events {
            tree.feed(event);
        }
        let clock = Clock::new();
        let tree = ProgressTree::restore_with_clock(tree.save(), move || clock.now()).unwrap();
        for (at, change) in changes {
            do_it(&tree, at, change);
        }
        tree
    })
}

/// The pointers of all values in some JSON.
fn pointers(value: &Value, here: String, all: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                pointers(item, format!("{here}/{at}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointers(field, format!("{here}/{name}"), all);
            }
        }
        _ => {}
    }
    all.push(here);
}

/// One thing that is done to JSON.
#[derive(Clone, Debug)]
enum Spoil {
    Set(Value),
    /// Puts what is elsewhere in its place.
    Copy(Index),
    Remove,
    Add(&'static str, Value),
}

fn values() -> impl Strategy<Value = Value> {
    let fixed = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(0.5),
        json!(1e300),
        json!(u32::MAX),
        json!(u64::MAX),
        json!("1-3"),
        json!("f/a"),
        json!("running"),
        json!("paused"),
        json!("pending"),
        json!("completed"),
        json!("cancelled"),
        json!([]),
        json!({}),
        json!("340282366920938463463374607431768211455"),
    ];
    prop_oneof![
        prop::sample::select(fixed),
        (0u64..2_000_000_000).prop_map(Value::from)
    ]
}

fn spoils() -> impl Strategy<Value = Vec<(Index, Spoil)>> {
    let fields = vec![
        "parent",
        "expected",
        "total",
        "done",
        "forgotten",
        "started",
        "ended",
        "eta",
        "path",
        "void",
        "open_ended",
        "since",
        "counted_at",
        "paused_at",
        "fed",
        "place",
        "unit",
    ];
    let spoil = prop_oneof![
        4 => values().prop_map(Spoil::Set),
        2 => any::<Index>().prop_map(Spoil::Copy),
        1 => Just(Spoil::Remove),
        2 => (prop::sample::select(fields), values()).prop_map(|(name, value)| Spoil::Add(name, value)),
    ];
    prop::collection::vec((any::<Index>(), spoil), 0..4)
}

fn spoil(json: &mut Value, at: Index, spoil: Spoil) {
    let mut all = Vec::new();
    pointers(json, String::new(), &mut all);
    let here = all[at.index(all.len())].clone();
    let other = match &spoil {
        Spoil::Copy(other) => json.pointer(&all[other.index(all.len())]).cloned(),
        _ => None,
    };
    if let (Spoil::Remove, Some((outer, last))) = (&spoil, here.rsplit_once('/')) {
        match json.pointer_mut(outer) {
            Some(Value::Object(fields)) => drop(fields.remove(last)),
            Some(Value::Array(items)) => drop(items.remove(last.parse().unwrap())),
            _ => {}
        }
        return;
    }
    let Some(value) = json.pointer_mut(&here) else {
        return;
    };
    match spoil {
        Spoil::Set(new) => *value = new,
        Spoil::Copy(_) => *value = other.unwrap_or_default(),
        Spoil::Add(name, new) => {
            if let Value::Object(fields) = value {
                fields.insert(name.to_owned(), new);
            }
        }
        Spoil::Remove => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn whatever_was_fed_it_can_be_saved_anywhere(events in events(), cut in any::<Index>()) {
        let whole = fed(&events);
        check(&whole);
        let (before, after) = events.split_at(cut.index(events.len() + 1));
        let tree = again(&fed(before));
        for event in after {
            tree.feed(event);
        }
        prop_assert_eq!(tree.save(), whole.save());
    }

    #[test]
    fn any_json_is_refused_or_a_tree(tree in trees(), spoils in spoils(), then in changes(), events in events()) {
        check(&tree);
        let mut json = serde_json::to_value(tree.save()).unwrap();
        for (at, how) in spoils {
            spoil(&mut json, at, how);
        }
        let Ok(saved) = serde_json::from_value::<SavedProgress>(json) else {
            return Ok(());
        };
        let tree = match ProgressTree::restore(saved.clone()) {
            Ok(tree) => tree,
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Value);
                prop_assert!(error.message().ends_with("; give what `save` gave, unchanged"));
                return Ok(());
            }
        };
        prop_assert_eq!(&tree.snapshot(), saved.snapshot());
        prop_assert_eq!(&tree.save(), &saved);
        let ids: BTreeSet<_> = saved.snapshot().nodes.iter().map(|node| node.id).collect();
        prop_assert_eq!(ids.len(), saved.snapshot().nodes.len());
        check(&tree);
        // It is a tree like any other, and stays one.
        for (at, change) in then {
            do_it(&tree, at, change);
            check(&tree);
        }
        for event in &events {
            tree.feed(event);
        }
        check(&tree);
    }
}

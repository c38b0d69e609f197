//! Trees that logs feed which were written by hand.

use mainstem_core::Event;
use mainstem_progress::{ProgressNode, ProgressTree};

use crate::{
    recordings::event,
    runs::{fed, line},
};

#[test]
fn what_is_taken_back_is_as_if_it_had_never_been() {
    let begin = r#""type":"step_started","data":{"kind":"function"}"#;
    let flow = r#""type":"step_started","data":{"kind":"flow","total":2}"#;
    let count =
        |done: u64| format!(r#""type":"progress","data":{{"label":"p","done":{done},"total":4}}"#);
    let end = r#""type":"step_finished","data":{"output":1,"usage":{"requests":0,"input_tokens":0,"output_tokens":0}}"#;
    let void =
        |since: u64| format!(r#""type":"retracted","data":{{"since":"1-{since}","reason":"so"}}"#);
    let events = [
        event(
            1,
            0,
            "",
            r#""type":"run_started","data":{"run":"r","name":"f"}"#,
        ),
        event(2, 0, "f", flow),
        event(3, 0, "f/a", begin),
        event(4, 1, "f/a", &count(2)),
        event(5, 2, "f/a/x", begin),
        event(6, 3, "f/a/x", end),
    ];
    let after = |more: &Event| {
        let tree = fed(&events);
        tree.feed(more);
        let nodes = tree.snapshot().nodes;
        let line =
            |node: &ProgressNode| format!("{} {} {:?}", node.name, node.state, node.percent());
        nodes.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    let cases = [
        (
            "f/a",
            7,
            "f running Some(25), a running Some(50), x completed Some(100)",
        ),
        (
            "f/a/x",
            5,
            "f running Some(25), a running Some(50), x pending Some(0)",
        ),
        (
            "f/a",
            5,
            "f running Some(25), a running Some(50), x pending Some(0)",
        ),
        // Its own count came since, and what is inside.
        (
            "f/a",
            4,
            "f running Some(0), a running None, x pending Some(0)",
        ),
        ("f/a", 3, "f running Some(0), a pending Some(0)"),
        ("f", 3, "f running Some(0), a pending Some(0)"),
        (
            "f/b",
            1,
            "f running Some(25), a running Some(50), x completed Some(100)",
        ),
        ("f", 2, "f running Some(0)"),
        ("", 1, "f running Some(0)"),
    ];
    for (path, since, expected) in cases {
        assert_eq!(
            after(&event(7, 4, path, &void(since))),
            expected,
            "{path} since {since}"
        );
    }
}

#[test]
fn a_run_that_is_followed_from_its_middle_on_is_no_failure() {
    let end = r#""type":"step_finished","data":{"output":1,"usage":{"requests":0,"input_tokens":0,"output_tokens":0}}"#;
    let tree = fed(&[
        event(7, 0, "", r#""type":"run_resumed","data":{"answers":[]}"#),
        event(8, 0, "f/a", end),
        event(
            9,
            0,
            "f/b",
            r#""type":"step_skipped","data":{"reason":"so"}"#,
        ),
        event(10, 0, "f/c", r#""type":"from_tomorrow""#),
        event(
            11,
            0,
            "",
            r#""type":"run_cancelled","data":{"by":"shutdown"}"#,
        ),
        event(12, 0, "f/late", end),
    ]);
    let lines: Vec<_> = tree.snapshot().nodes.iter().map(line).collect();
    let expected = [
        ": Workflow, , cancelled, 1",
        "f/a: Step, , completed, 1",
        "f/b: Step, , skipped, 1",
    ];
    assert_eq!(lines, expected);
}

/// A map over many items, each of which is a map over some.
fn many(items: u64, inside: u64) -> impl Iterator<Item = Event> {
    let end = r#""type":"step_finished","data":{"output":1,"usage":{"requests":0,"input_tokens":0,"output_tokens":0}}"#;
    let map = r#""type":"step_started","data":{"kind":"map","total":1}"#;
    let leaf = r#""type":"step_started","data":{"kind":"function"}"#;
    let run = r#""type":"run_started","data":{"run":"r","name":"f"}"#;
    let list = |items: u64| {
        format!(r#""type":"decided","data":{{"key":"items","what":"map_list","value":{items}}}"#)
    };
    let line = |path: &str, data: &str| (path.to_owned(), data.to_owned());
    let head = [line("", run), line("f", map), line("f", &list(items))];
    let items = (0..items).flat_map(move |item| {
        let outer = format!("f[{item}]/g");
        let leaves = (0..inside).flat_map(|at| {
            let path = format!("f[{item}]/g[{at}]/x");
            [line(&path, leaf), line(&path, end)]
        });
        let mut all = vec![line(&outer, map), line(&outer, &list(inside))];
        all.extend(leaves);
        all.push(line(&outer, end));
        all
    });
    let all = head.into_iter().chain(items);
    (1..)
        .zip(all)
        .map(|(seq, (path, data))| event(seq, seq, &path, &data))
}

/// The most nodes that there were.
fn check_many(items: u64, inside: u64) -> usize {
    let (tree, mut most) = (ProgressTree::new("f"), 0);
    for (at, event) in many(items, inside).enumerate() {
        tree.feed(&event);
        if at % 14_999 != 4000 {
            continue;
        }
        let snapshot = tree.snapshot();
        most = most.max(snapshot.nodes.len());
        let per_item = 2 * inside as usize + 3;
        let (over, of_next) = ((at - 2) / per_item, (at - 2) % per_item);
        let leaves = of_next.saturating_sub(2) / 2;
        let done = (over as u64 * inside + leaves as u64) as f64 / (items * inside) as f64;
        let told = snapshot.root().fraction.unwrap();
        assert!((told - done).abs() < 1e-6, "{told} for {done}");
        let saved = serde_json::to_string(&tree.save()).unwrap();
        let again = ProgressTree::restore(serde_json::from_str(&saved).unwrap()).unwrap();
        assert_eq!(again.save(), tree.save());
    }
    let snapshot = tree.snapshot();
    let root = snapshot.root();
    assert_eq!(root.fraction, Some(1.0));
    let there = snapshot.children(root.id).count() as u64;
    assert_eq!(there + root.forgotten, items);
    most
}

#[test]
fn of_a_long_run_not_all_is_kept_but_all_counts() {
    let most = check_many(12_000, 1);
    assert!((1900..=2003).contains(&most), "{most}");
    let most = check_many(300, 100);
    assert!((9900..=10_401).contains(&most), "{most}");
}

//! Nodes that end with the work that owns them.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures::FutureExt;
use mainstem_progress::{ProgressNode, ProgressState, ProgressTree};

use crate::clock::Clock;

fn only(tree: &ProgressTree) -> ProgressNode {
    tree.snapshot().nodes.pop().unwrap()
}

#[test]
fn a_guard_says_how_its_work_ended() {
    let new = || {
        let tree = Clock::new().tree("import");
        let guard = tree.root().child("load").guard().unwrap();
        (tree, guard)
    };
    let (tree, guard) = new();
    guard.complete().unwrap();
    assert_eq!(only(&tree).state, ProgressState::Completed);

    let (tree, guard) = new();
    guard.fail("no disk").unwrap();
    assert_eq!(only(&tree).message.unwrap(), "no disk");

    let (tree, guard) = new();
    drop(guard);
    assert_eq!(only(&tree).state, ProgressState::Cancelled);

    let (tree, guard) = new();
    guard.skip("not today").unwrap();
    drop(guard);
    assert_eq!(
        only(&tree).state,
        ProgressState::Skipped,
        "it stays as it was ended"
    );
}

#[test]
fn a_panic_fails_what_its_guard_owned_and_nothing_else() {
    let tree = Clock::new().tree("import");
    let other = tree.root().child("other").guard().unwrap();
    let guard = tree.root().child("load").guard().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let nodes = tree.snapshot().nodes;
    assert_eq!(nodes[2].state, ProgressState::Failed);
    assert_eq!(nodes[2].message.as_ref().unwrap(), "it panicked");
    assert_eq!(nodes[1].state, ProgressState::Running);
    other.complete().unwrap();
}

/// Uses a guard while its thread panics.
struct UsesGuard(ProgressTree);

impl Drop for UsesGuard {
    fn drop(&mut self) {
        drop(self.0.root().child("cleaning").guard().unwrap());
    }
}

#[test]
fn a_guard_that_begins_in_a_panic_is_cancelled_by_its_drop() {
    let tree = Clock::new().tree("import");
    let uses = UsesGuard(tree.clone());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _uses = uses;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(only(&tree).state, ProgressState::Cancelled);
}

#[test]
fn work_ends_with_its_guard_however_it_ends() {
    let tree = Clock::new().tree("import");
    let guard = |name: &str| tree.root().child(name).guard().unwrap();
    let done: Result<u8, String> = guard("good").run(async |_| Ok(1)).now_or_never().unwrap();
    assert_eq!(done, Ok(1));
    let failed: Result<u8, _> = guard("bad")
        .run(async |_| Err("no disk"))
        .now_or_never()
        .unwrap();
    assert_eq!(failed, Err("no disk"));
    let dropped = guard("dropped").run(async |_| pending::<Result<u8, String>>().await);
    assert_eq!(dropped.now_or_never(), None);
    let panics = guard("panics").run(async |_| -> Result<u8, String> { panic!("on purpose") });
    assert!(
        AssertUnwindSafe(panics)
            .catch_unwind()
            .now_or_never()
            .unwrap()
            .is_err()
    );
    let ended = guard("ended").run(async |task| task.cancel().map(|()| 3));
    assert_eq!(ended.now_or_never().unwrap().unwrap(), 3);

    let nodes = tree.snapshot().nodes;
    let ends: Vec<_> = nodes[1..]
        .iter()
        .map(|node| {
            format!(
                "{} {} {}",
                node.name,
                node.state,
                node.message.clone().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        ends,
        [
            "good completed ",
            "bad failed no disk",
            "dropped cancelled ",
            "panics failed it panicked",
            "ended cancelled "
        ]
    );
}

#[test]
fn work_with_a_guard_can_go_to_another_thread() {
    fn is_send(_: &impl Send) {}
    let guard = ProgressTree::new("import")
        .root()
        .child("load")
        .guard()
        .unwrap();
    is_send(&guard.run(async |task| task.increment(1)));
}

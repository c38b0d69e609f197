//! Readers of a tree: quick ones, slow ones, late ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
};

use futures::{FutureExt, StreamExt};
use mainstem_progress::{
    ProgressSnapshot, ProgressState, ProgressSubscription, ProgressTree, ProgressUpdate,
};

use crate::clock::Clock;

/// Takes in all that is there; whether the subscription has ended, and how many changes were missed.
fn read(updates: &mut ProgressSubscription, seen: &mut Option<ProgressSnapshot>) -> (bool, u64) {
    let mut lost = 0;
    loop {
        match updates.next().now_or_never() {
            None => return (false, lost),
            Some(None) => return (true, lost),
            Some(Some(ProgressUpdate::Snapshot(snapshot))) => *seen = Some(snapshot),
            Some(Some(ProgressUpdate::Delta(delta))) => {
                let seen = seen.as_mut().unwrap();
                assert_eq!(delta.version, seen.version + 1, "a change is missing");
                seen.apply(&delta);
            }
            Some(Some(ProgressUpdate::Lagged { missed })) => lost += missed,
            Some(Some(other)) => panic!("{other:?}"),
        }
    }
}

fn busy(tree: &ProgressTree, clock: &Clock, rounds: u64) {
    for round in 0..rounds {
        clock.wait(7);
        let task = tree.root().child("part").total(2).start().unwrap();
        task.child("inner").start().unwrap().complete().unwrap();
        task.update(1).unwrap();
        match round % 3 {
            0 => task.reset().unwrap(),
            1 => task.complete().unwrap(),
            _ => task.pause().unwrap(),
        }
    }
}

#[test]
fn a_snapshot_with_every_change_is_the_tree() {
    let clock = Clock::new();
    let tree = clock.tree("import");
    busy(&tree, &clock, 5);
    let (mut updates, mut seen) = (tree.subscribe(), None);
    for _ in 0..5 {
        busy(&tree, &clock, 3);
        assert_eq!(read(&mut updates, &mut seen), (false, 0));
        assert_eq!(seen.as_ref(), Some(&tree.snapshot()));
    }
    tree.root().complete().unwrap();
    assert_eq!(read(&mut updates, &mut seen), (true, 0));
    let seen = seen.unwrap();
    assert_eq!(seen, tree.snapshot());
    assert_eq!(seen.root().state, ProgressState::Completed);
}

#[test]
fn a_reader_that_lagged_is_told_so_and_gets_a_new_snapshot() {
    let clock = Clock::new();
    let tree = clock.tree("import");
    let (mut updates, mut seen) = (tree.subscribe_holding(10), None);
    assert_eq!(read(&mut updates, &mut seen), (false, 0));
    let before = tree.snapshot().version;
    busy(&tree, &clock, 100);
    let changes = tree.snapshot().version - before;
    assert!(changes > 500, "{changes}");
    assert_eq!(read(&mut updates, &mut seen), (false, changes));
    assert_eq!(seen.as_ref(), Some(&tree.snapshot()));
    // From there on it is like any other.
    tree.root().child("last").start().unwrap();
    assert_eq!(read(&mut updates, &mut seen), (false, 0));
    assert_eq!(seen, Some(tree.snapshot()));
}

#[test]
fn changes_of_several_threads_are_one_row() {
    let tree = ProgressTree::new("import");
    let (mut updates, mut seen) = (tree.subscribe_holding(usize::MAX), None);
    assert_eq!(read(&mut updates, &mut seen), (false, 0));
    std::thread::scope(|scope| {
        for at in 0..4 {
            let part = tree.root().child("part").index(at).total(500).start();
            let part = part.unwrap().guard();
            scope.spawn(move || {
                for _ in 0..500 {
                    part.increment(1).unwrap();
                }
                part.complete().unwrap();
            });
        }
    });
    tree.root().complete().unwrap();
    assert_eq!(read(&mut updates, &mut seen), (true, 0));
    assert_eq!(seen.unwrap(), tree.snapshot());
    assert!(tree.snapshot().version >= 4 * 503);
}

#[test]
fn one_that_comes_late_sees_how_it_ended() {
    let tree = Clock::new().tree("import");
    tree.root().start().unwrap();
    tree.root().fail("no disk").unwrap();
    let (mut updates, mut seen) = (tree.subscribe(), None);
    assert_eq!(read(&mut updates, &mut seen), (true, 0));
    assert_eq!(seen.unwrap().root().message.as_ref().unwrap(), "no disk");
}

#[test]
fn it_ends_when_nobody_can_change_the_tree_any_more() {
    let tree = Clock::new().tree("import");
    let task = tree.root().child("load").add().unwrap();
    let (mut updates, mut seen) = (tree.subscribe(), None);
    drop(tree);
    assert_eq!(read(&mut updates, &mut seen), (false, 0));
    drop(task);
    assert_eq!(read(&mut updates, &mut seen), (true, 0));
}

#[test]
fn a_change_wakes_whoever_waits_for_it() {
    let tree = Clock::new().tree("import");
    let mut updates = tree.subscribe();
    let count = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut task = Context::from_waker(&waker);
    assert!(updates.poll_next_unpin(&mut task).is_ready());
    assert!(updates.poll_next_unpin(&mut task).is_pending());
    tree.root().start().unwrap();
    assert_eq!(count.count(), 1);
    tree.root().pause().unwrap();
    assert_eq!(count.count(), 1, "it was woken, and hasn't looked yet");
}

/// A waker that counts.
#[derive(Default)]
struct Wakes(AtomicU64);

impl Wakes {
    fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

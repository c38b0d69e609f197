//! Random changes, against a model that works everything out anew each time.

use futures::{FutureExt, StreamExt};
use mainstem_core::ErrorKind;
use mainstem_progress::{
    ProgressChange, ProgressId, ProgressSnapshot, ProgressState, ProgressTree, ProgressUpdate,
};
use proptest::prelude::*;

use crate::clock::Clock;

const WHOLE: u128 = 1_000_000_000;

/// One change by hand, of the node of a number.
#[derive(Clone, Debug)]
enum Op {
    Add {
        halves: u32,
        total: Option<u64>,
        expected: Option<u32>,
        open_ended: bool,
    },
    Do(ProgressChange, u64),
    Total(u64),
    Expect(u32),
    Save,
}

#[derive(Clone, Debug)]
struct Node {
    around: Option<usize>,
    state: ProgressState,
    /// Half weights.
    halves: u128,
    done: u64,
    total: Option<u64>,
    /// In halves.
    expected: u128,
    open_ended: bool,
    /// What was done when it failed or was cancelled.
    frozen: Option<u128>,
}

/// Nodes by number; those that are gone are none.
#[derive(Clone, Debug)]
struct Model(Vec<Option<Node>>);

impl Model {
    fn node(&self, id: usize) -> &Node {
        self.0[id].as_ref().unwrap()
    }

    fn node_mut(&mut self, id: usize) -> &mut Node {
        self.0[id].as_mut().unwrap()
    }

    fn inside(&self, id: usize) -> Vec<usize> {
        (0..self.0.len())
            .filter(|&at| {
                self.0[at]
                    .as_ref()
                    .is_some_and(|node| node.around == Some(id))
            })
            .collect()
    }

    fn parts(&self, id: usize) -> Option<u128> {
        let node = self.node(id);
        match node.state {
            ProgressState::Pending => Some(0),
            ProgressState::Completed | ProgressState::Skipped => Some(WHOLE),
            ProgressState::Failed | ProgressState::Cancelled => node.frozen,
            _ => self.parts_so_far(id),
        }
    }

    fn parts_so_far(&self, id: usize) -> Option<u128> {
        let node = self.node(id);
        if let Some(total) = node.total {
            let part = u128::from(node.done.min(total)) * WHOLE;
            return Some(part.checked_div(u128::from(total)).unwrap_or(WHOLE));
        }
        let (mut weight, mut done, mut unknown) = (0, 0, 0);
        for child in self.inside(id) {
            let (parts, child) = (self.parts(child), self.node(child));
            weight += child.halves;
            done += child.halves * parts.unwrap_or(0);
            if parts.is_none() && !child.state.is_ended() {
                unknown += child.halves;
            }
        }
        let whole = weight.max(node.expected);
        (!node.open_ended && whole > unknown).then(|| done / whole)
    }

    fn is_open_around(&self, id: usize) -> bool {
        std::iter::successors(self.node(id).around, |&id| self.node(id).around)
            .all(|id| !self.node(id).state.is_ended())
    }

    /// Whether it is allowed; if it isn't, nothing changes.
    fn take(&mut self, id: usize, change: ProgressChange, amount: u64) -> bool {
        let Some(state) = self.node(id).state.after(change) else {
            return false;
        };
        match change {
            ProgressChange::Start => {
                if !self.is_open_around(id) {
                    return false;
                }
                let mut next = Some(id);
                while let Some(id) = next {
                    let node = self.node_mut(id);
                    if node.state == ProgressState::Pending {
                        node.state = state;
                    }
                    next = node.around;
                }
            }
            ProgressChange::Update => {
                if amount < self.node(id).done {
                    return false;
                }
                self.node_mut(id).done = amount;
            }
            ProgressChange::Reset => {
                if !self.is_open_around(id) {
                    return false;
                }
                self.remove_inside(id);
                let node = self.node_mut(id);
                (node.state, node.done, node.frozen) = (state, 0, None);
            }
            _ if state.is_ended() => self.end(id, state),
            _ => self.node_mut(id).state = state,
        }
        true
    }

    fn end(&mut self, id: usize, state: ProgressState) {
        let frozen = self.parts(id);
        let node = self.node_mut(id);
        (node.state, node.frozen) = (state, frozen);
        for child in self.inside(id) {
            let went_well = matches!(state, ProgressState::Completed | ProgressState::Skipped);
            match self.node(child).state {
                was if was.is_ended() => {}
                ProgressState::Pending if went_well => self.end(child, ProgressState::Skipped),
                _ => self.end(child, ProgressState::Cancelled),
            }
        }
    }

    fn remove_inside(&mut self, id: usize) {
        for child in self.inside(id) {
            self.remove_inside(child);
            self.0[child] = None;
        }
    }

    fn check(&self, snapshot: &ProgressSnapshot) {
        let there = self.0.iter().filter(|node| node.is_some()).count();
        assert_eq!(snapshot.nodes.len(), there);
        for shown in &snapshot.nodes {
            let id = shown.id.0 as usize;
            assert_eq!(shown.state, self.node(id).state, "{id}");
            let fraction = self.parts(id).map(|parts| parts as f64 / WHOLE as f64);
            assert_eq!(shown.fraction, fraction, "{id}");
            assert_eq!(shown.ended.is_some(), shown.state.is_ended());
        }
    }
}

/// The tree, its reader and its model.
struct World {
    clock: Clock,
    tree: ProgressTree,
    model: Model,
}

impl World {
    fn new() -> Self {
        let clock = Clock::new();
        let root = Node {
            around: None,
            state: ProgressState::Pending,
            halves: 2,
            done: 0,
            total: None,
            expected: 0,
            open_ended: false,
            frozen: None,
        };
        Self {
            tree: clock.tree("root"),
            clock,
            model: Model(vec![Some(root)]),
        }
    }

    /// Does it to the tree and to the model; whether the fractions may fall by it.
    fn take(&mut self, at: prop::sample::Index, op: &Op) -> bool {
        let there: Vec<_> = (0..self.model.0.len())
            .filter(|&id| self.model.0[id].is_some())
            .collect();
        let id = *at.get(&there);
        let task = self
            .tree
            .task(ProgressId(u32::try_from(id).unwrap()))
            .unwrap();
        let is_open = !self.model.node(id).state.is_ended();
        let error = match op {
            Op::Add {
                halves,
                total,
                expected,
                open_ended,
            } => {
                let mut new = task.child("node").weight(f64::from(*halves) / 2.0);
                new = total.map_or(new.clone(), |total| new.total(total));
                new = expected.map_or(new.clone(), |halves| new.expect(f64::from(halves) / 2.0));
                let added = if *open_ended {
                    new.open_ended().add()
                } else {
                    new.add()
                };
                let may = is_open && self.model.is_open_around(id);
                assert_eq!(added.is_ok(), may);
                if may {
                    self.model.0.push(Some(Node {
                        around: Some(id),
                        state: ProgressState::Pending,
                        halves: u128::from(*halves),
                        done: 0,
                        total: *total,
                        expected: u128::from(expected.unwrap_or(0)),
                        open_ended: *open_ended,
                        frozen: None,
                    }));
                }
                added.err()
            }
            Op::Do(change, amount) => {
                let done = match change {
                    ProgressChange::Start => task.start(),
                    ProgressChange::Update => task.update(*amount),
                    ProgressChange::Pause => task.pause(),
                    ProgressChange::Resume => task.resume(),
                    ProgressChange::Skip => task.skip("so"),
                    ProgressChange::Cancel => task.cancel(),
                    ProgressChange::Complete => task.complete(),
                    ProgressChange::Fail => task.fail("so"),
                    ProgressChange::Reset => task.reset(),
                    other => panic!("{other:?}"),
                };
                let may = self.model.take(id, *change, *amount);
                assert_eq!(done.is_ok(), may, "{change:?}: {done:?}");
                done.err()
            }
            Op::Total(total) => {
                let done = task.set_total(*total);
                assert_eq!(done.is_ok(), is_open);
                if is_open {
                    self.model.node_mut(id).total = Some(*total);
                }
                done.err()
            }
            Op::Expect(halves) => {
                let done = task.expect(f64::from(*halves) / 2.0);
                assert_eq!(done.is_ok(), is_open);
                if is_open {
                    let node = self.model.node_mut(id);
                    (node.expected, node.open_ended) = (u128::from(*halves), false);
                }
                done.err()
            }
            Op::Save => {
                let json = serde_json::to_string(&self.tree.save()).unwrap();
                let clock = self.clock.clone();
                let saved = serde_json::from_str(&json).unwrap();
                let restored = ProgressTree::restore_with_clock(saved, move || clock.now());
                let before = self.tree.snapshot();
                self.tree = restored.unwrap();
                assert_eq!(self.tree.snapshot(), before);
                assert_eq!(serde_json::to_string(&self.tree.save()).unwrap(), json);
                None
            }
        };
        if let Some(error) = error {
            let is_clear = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Value);
            assert!(is_clear, "{error:?}");
        }
        !matches!(op, Op::Do(change, _) if *change != ProgressChange::Reset)
    }
}

fn ops() -> impl Strategy<Value = Op> {
    let add = (
        0u32..7,
        prop::option::of(0u64..9),
        prop::option::of(0u32..9),
        any::<bool>(),
    );
    prop_oneof![
        4 => add.prop_map(|(halves, total, expected, open)| Op::Add {
            halves,
            total,
            expected,
            open_ended: open && halves % 3 == 0,
        }),
        10 => (prop::sample::select(ProgressChange::ALL.to_vec()), 0u64..9)
            .prop_map(|(change, amount)| Op::Do(change, amount)),
        8 => prop::sample::select(vec![ProgressChange::Start, ProgressChange::Update])
            .prop_flat_map(|change| (0u64..9).prop_map(move |amount| Op::Do(change, amount))),
        1 => (0u64..9).prop_map(Op::Total),
        1 => (0u32..9).prop_map(Op::Expect),
        1 => Just(Op::Save),
    ]
}

fn known(snapshot: &ProgressSnapshot, id: ProgressId) -> Option<f64> {
    snapshot.get(id).map(|node| node.fraction.unwrap_or(0.0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_tree_is_its_model_and_its_deltas(steps in prop::collection::vec((any::<prop::sample::Index>(), ops(), 0u64..99), 1..80)) {
        let mut world = World::new();
        let mut updates = world.tree.subscribe();
        let Some(ProgressUpdate::Snapshot(mut seen)) = updates.next().now_or_never().unwrap() else {
            panic!("no snapshot")
        };
        for (at, op, wait) in steps {
            world.clock.wait(wait);
            let before = world.tree.snapshot();
            let may_fall = world.take(at, &op);
            let now = world.tree.snapshot();
            world.model.check(&now);
            for node in now.nodes.iter().filter(|_| !may_fall) {
                prop_assert!(known(&now, node.id) >= known(&before, node.id), "{op:?}: {node:?}");
            }
            if matches!(op, Op::Save) {
                updates = world.tree.subscribe();
            }
            while let Some(Some(update)) = updates.next().now_or_never() {
                match update {
                    ProgressUpdate::Snapshot(snapshot) => seen = snapshot,
                    ProgressUpdate::Delta(delta) => seen.apply(&delta),
                    other => panic!("{other:?}"),
                }
            }
            // Its subscriptions end with a tree, and it may be reset after that.
            if before.root().state.is_ended() {
                updates = world.tree.subscribe();
            } else {
                prop_assert_eq!(&seen, &now);
            }
        }
    }
}

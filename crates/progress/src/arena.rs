//! All nodes of a tree, by number.

use std::collections::HashMap;

use mainstem_core::{Error, ErrorKind, Place, Result, StepPath, Text, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ProgressChange, ProgressDelta, ProgressId, ProgressNode, ProgressSnapshot, ProgressState,
    pace::Pace,
    parts::{Grains, Parts, as_weight, grains_of, parts_of},
};

/// The nodes, and what they share.
#[derive(Debug)]
pub(crate) struct Arena {
    /// By number; those that were removed leave a gap.
    slots: Vec<Option<Box<Slot>>>,
    /// How many there are.
    pub(crate) count: usize,
    /// The steps of the run, by their paths at the first attempt.
    pub(crate) steps: HashMap<StepPath, ProgressId>,
    pub(crate) clock: Clock,
    /// The last event that was taken in.
    pub(crate) place: Option<Place>,
    /// How many changes there were.
    pub(crate) version: u64,
    /// When the last change was, and by which event.
    pub(crate) changed: (Timestamp, Option<Place>),
    /// What the change under way has touched.
    pub(crate) touched: Vec<ProgressId>,
    removed: Vec<ProgressId>,
    /// How many nodes the changes have settled, so that a test can count.
    #[cfg(test)]
    pub(crate) settled: u64,
}

/// A node with what isn't shown of it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) view: ProgressNode,
    pub(crate) kept: Kept,
    pub(crate) children: Vec<ProgressId>,
    pub(crate) weight: Grains,
    pub(crate) expected: Grains,
    /// How much of it is done; none, if that isn't known.
    pub(crate) parts: Option<Parts>,
    /// What its children count for, together.
    pub(crate) inside: Share,
    /// What the node around it has counted for it.
    pub(crate) counted: Share,
}

/// What is saved of a node besides what is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// Nobody knows how many nodes there will be inside.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) open_ended: bool,
    /// It was taken back, and counts for nothing until it begins again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) void: bool,
    /// The event that it began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Place>,
    /// The event that it was counted by last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counted_at: Option<Place>,
    /// The weight of one item, if it is a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<u64>,
    pub(crate) pace: Pace,
    /// What those inside count for that were forgotten.
    #[serde(skip_serializing_if = "Share::is_none")]
    pub(crate) forgotten: Share,
    /// How long it was paused, in milliseconds.
    pub(crate) paused: u64,
    /// When it was paused, by the tree's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paused_at: Option<u64>,
}

/// What a node counts for in the one around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// How much of it there is.
    #[serde(with = "as_text")]
    pub(crate) weight: u128,
    /// How much of that is done: weight times parts.
    #[serde(with = "as_text")]
    pub(crate) done: u128,
    /// The weight of what is under way, nobody knows how far.
    #[serde(skip)]
    pub(crate) unknown: u128,
}

/// Numbers that are too large for those who read JSON.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
    pub(super) fn serialize<S: Serializer>(number: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Share {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Puts `now` in the place of `before`.
    pub(crate) fn replace(&mut self, before: Self, now: Self) {
        self.weight = self.weight - before.weight + now.weight;
        self.done = self.done - before.done + now.done;
        self.unknown = self.unknown - before.unknown + now.unknown;
    }
}

/// The tree's time: that of its last change, and how much of it was no work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// When the last change was.
    pub(crate) now: Timestamp,
    /// How long the whole tree stood still, in milliseconds.
    pub(crate) stood: u64,
    /// Whether it stands still.
    pub(crate) stands: bool,
}

impl Clock {
    /// Goes on to a moment; not back.
    pub(crate) fn go_on(&mut self, at: Timestamp) {
        let now = self.now.max(at);
        // The first moment is a beginning, and not the end of a wait since 1970.
        if self.stands && self.now != Timestamp::default() {
            self.stood += now.as_unix_millis() - self.now.as_unix_millis();
        }
        self.now = now;
    }

    /// Milliseconds of work.
    pub(crate) fn worked(&self) -> u64 {
        self.now.as_unix_millis().saturating_sub(self.stood)
    }
}

impl Slot {
    /// A node as it is shown, with numbers that can be kept.
    pub(crate) fn new(mut view: ProgressNode) -> Self {
        let weight = grains_of(view.weight);
        let expected = view.expected.map_or(0, grains_of);
        view.weight = as_weight(weight);
        view.expected = (expected > 0).then(|| as_weight(expected));
        Self {
            weight,
            expected,
            parts: view.fraction.map(parts_of),
            view,
            kept: Kept::default(),
            children: Vec::new(),
            inside: Share::default(),
            counted: Share::default(),
        }
    }

    pub(crate) fn state(&self) -> ProgressState {
        self.view.state
    }
}

impl Arena {
    /// A tree with a root alone.
    pub(crate) fn new(root: ProgressNode) -> Self {
        Self {
            slots: vec![Some(Box::new(Slot::new(root)))],
            count: 1,
            steps: HashMap::new(),
            clock: Clock::default(),
            place: None,
            version: 0,
            changed: (Timestamp::default(), None),
            touched: Vec::new(),
            removed: Vec::new(),
            #[cfg(test)]
            settled: 0,
        }
    }

    pub(crate) fn get(&self, id: ProgressId) -> Option<&Slot> {
        self.slots.get(id.slot())?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: ProgressId) -> Option<&mut Slot> {
        self.slots.get_mut(id.slot())?.as_deref_mut()
    }

    /// A node that must be there.
    pub(crate) fn find(&self, id: ProgressId) -> Result<&Slot> {
        self.get(id).ok_or_else(|| gone(id))
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    /// The nodes from one to the root.
    pub(crate) fn upwards(&self, id: ProgressId) -> impl Iterator<Item = &Slot> {
        std::iter::successors(self.get(id), |slot| self.get(slot.view.parent?))
    }

    /// The number that the next node has.
    pub(crate) fn next_id(&self) -> ProgressId {
        // Four billion nodes don't fit into memory.
        ProgressId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX))
    }

    /// Puts a node where its number says, with gaps before it for those that are gone.
    pub(crate) fn put(&mut self, slot: Slot) {
        let (id, parent) = (slot.view.id, slot.view.parent);
        if self.slots.len() <= id.slot() {
            self.slots.resize_with(id.slot() + 1, || None);
        }
        self.slots[id.slot()] = Some(Box::new(slot));
        self.count += 1;
        if let Some(around) = parent.and_then(|parent| self.get_mut(parent)) {
            around.children.push(id);
        }
    }

    /// Lets the next node have a number, with a gap before it.
    pub(crate) fn reserve_up_to(&mut self, next: ProgressId) {
        self.slots.resize_with(next.slot(), || None);
    }

    /// Counts anew what each node has inside, from what is shown of them.
    pub(crate) fn recount(&mut self) {
        for at in (0..self.slots.len()).rev() {
            let Some(slot) = self.slots[at].as_deref_mut() else {
                continue;
            };
            let (share, around) = (slot.share(), slot.view.parent);
            slot.counted = share;
            slot.inside.replace(Share::default(), slot.kept.forgotten);
            if let Some(around) = around.and_then(|around| self.get_mut(around)) {
                around.inside.replace(Share::default(), share);
            }
        }
    }

    /// Removes all that is inside of a node.
    pub(crate) fn clear(&mut self, id: ProgressId) {
        let Some(slot) = self.get_mut(id) else {
            return;
        };
        slot.inside = Share::default();
        let inside = std::mem::take(&mut slot.children);
        inside.into_iter().for_each(|id| self.remove(id));
    }

    /// Removes a node with all that is inside of it. The node around it still has it in its list, and
    /// counts it.
    pub(crate) fn remove(&mut self, id: ProgressId) {
        let mut gone = vec![id];
        while let Some(id) = gone.pop() {
            let Some(slot) = self.slots.get_mut(id.slot()).and_then(Option::take) else {
                continue;
            };
            self.count -= 1;
            gone.extend(slot.children);
            if let Some(path) = &slot.view.path {
                self.steps.remove(&path.attempt(1));
            }
            self.removed.push(id);
        }
    }

    /// The tree as it is shown.
    pub(crate) fn snapshot(&self) -> ProgressSnapshot {
        ProgressSnapshot {
            version: self.version,
            at: self.changed.0,
            place: self.changed.1,
            nodes: self.nodes().map(|slot| slot.view.clone()).collect(),
        }
    }

    /// Whether something has changed since the last delta.
    pub(crate) fn has_changed(&self) -> bool {
        !(self.touched.is_empty() && self.removed.is_empty())
    }

    /// Forgets what has changed, for nobody wants to know.
    pub(crate) fn forget_changes(&mut self) {
        self.touched.clear();
        self.removed.clear();
    }

    /// What has changed since the last delta.
    pub(crate) fn take_delta(&mut self) -> ProgressDelta {
        let (mut touched, mut removed) = (
            std::mem::take(&mut self.touched),
            std::mem::take(&mut self.removed),
        );
        touched.sort_unstable();
        touched.dedup();
        removed.sort_unstable();
        let nodes = touched.iter().filter_map(|&id| self.get(id));
        ProgressDelta {
            version: self.version,
            at: self.changed.0,
            place: self.changed.1,
            nodes: nodes.map(|slot| slot.view.clone()).collect(),
            removed,
        }
    }
}

fn gone(id: ProgressId) -> Error {
    let message =
        format!("node {id} isn't in the tree any more: what is around it was reset; add it anew");
    Error::new(ErrorKind::NotFound, message)
}

/// A change that the table of transitions doesn't have.
pub(crate) fn illegal(view: &ProgressNode, change: ProgressChange) -> Error {
    let (name, state) = (&view.name, view.state);
    let message = format!(
        "`{name}` is {state}, and {change} is only for what is {}",
        change.allowed_in()
    );
    Error::new(ErrorKind::Conflict, message)
}

/// A name that errors can show: what the node is inside of has ended.
pub(crate) fn ended_around(view: &ProgressNode, name: &Text) -> Error {
    let (around, state) = (&view.name, view.state);
    let message = format!("`{name}` is inside of `{around}`, which is {state}; reset that first");
    Error::new(ErrorKind::Conflict, message)
}

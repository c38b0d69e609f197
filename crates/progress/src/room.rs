//! How much of a long run is kept.

use crate::{ProgressId, arena::Arena};

/// In a tree of more nodes, what is inside of a step is forgotten when the step ends.
const NODES: usize = 10_000;

/// Inside of one step, the first of those that ended is forgotten for each that comes on top of these.
const INSIDE: usize = 1000;

impl Arena {
    /// A step has ended: makes room for those to come. What is forgotten still counts.
    pub(crate) fn make_room(&mut self, ended: ProgressId) {
        if self.count > NODES {
            self.forget_inside(ended);
        }
        let Some(around) = self.get(ended).and_then(|slot| slot.view.parent) else {
            return;
        };
        while self
            .get(around)
            .is_some_and(|slot| slot.children.len() > INSIDE)
        {
            if !self.forget_first(around) {
                return;
            }
        }
    }

    /// Forgets the first node inside of one that has ended; whether there was one.
    fn forget_first(&mut self, around: ProgressId) -> bool {
        let Some(slot) = self.get(around) else {
            return false;
        };
        let ended = slot
            .children
            .iter()
            .position(|&child| self.get(child).is_none_or(|child| child.state().is_ended()));
        let Some(at) = ended else {
            return false;
        };
        self.forget(around, at);
        true
    }

    /// Forgets all that is inside of a node that has ended.
    fn forget_inside(&mut self, around: ProgressId) {
        while self
            .get(around)
            .is_some_and(|slot| !slot.children.is_empty())
        {
            let last = self.get(around).map_or(0, |slot| slot.children.len() - 1);
            self.forget(around, last);
        }
    }

    fn forget(&mut self, around: ProgressId, at: usize) {
        let Some(slot) = self.get_mut(around) else {
            return;
        };
        let child = slot.children.remove(at);
        slot.view.forgotten += 1;
        let counted = self.get(child).map(|child| child.counted);
        if let (Some(counted), Some(slot)) = (counted, self.get_mut(around)) {
            slot.kept.forgotten.weight += counted.weight;
            slot.kept.forgotten.done += counted.done;
        }
        self.remove(child);
        self.touched.push(around);
    }
}

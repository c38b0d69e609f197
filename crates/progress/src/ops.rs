//! What can be done to a node. What isn't allowed is an error, and changes nothing.

use mainstem_core::{Error, ErrorKind, Result, Text};

use crate::{
    ProgressChange, ProgressId, ProgressNode, ProgressState,
    arena::{Arena, Kept, Slot, ended_around, illegal},
    pace::Pace,
    parts::as_weight,
};

/// How many nodes may be around one: a change goes through all of them.
pub(crate) const DEEPEST: usize = 1000;

impl Arena {
    /// Adds a node that has its number and its parent.
    pub(crate) fn add(&mut self, slot: Slot) -> Result<ProgressId> {
        let id = slot.view.id;
        if let Some(around) = slot.view.parent {
            self.check_open(self.find(around)?, &slot.view.name)?;
            if self.upwards(around).nth(DEEPEST).is_some() {
                return Err(too_deep(&slot.view.name));
            }
        }
        self.put(slot);
        self.settle(id);
        Ok(id)
    }

    /// The state after a change, if the node allows it.
    fn after(&self, id: ProgressId, change: ProgressChange) -> Result<ProgressState> {
        let view = &self.find(id)?.view;
        view.state
            .after(change)
            .ok_or_else(|| illegal(view, change))
    }

    /// Nothing happens inside of what has ended.
    fn check_open(&self, around: &Slot, name: &Text) -> Result<()> {
        match self
            .upwards(around.view.id)
            .find(|slot| slot.state().is_ended())
        {
            Some(ended) => Err(ended_around(&ended.view, name)),
            None => Ok(()),
        }
    }

    /// Begins a node, and those around it that haven't.
    pub(crate) fn start(&mut self, id: ProgressId) -> Result<()> {
        self.after(id, ProgressChange::Start)?;
        let slot = self.find(id)?;
        if let Some(around) = slot.view.parent {
            self.check_open(self.find(around)?, &slot.view.name)?;
        }
        let pending: Vec<_> = self
            .upwards(id)
            .filter(|slot| slot.state() == ProgressState::Pending)
            .map(|slot| slot.view.id)
            .collect();
        for id in pending.into_iter().rev() {
            self.begin(id);
        }
        Ok(())
    }

    fn begin(&mut self, id: ProgressId) {
        let clock = self.clock;
        if let Some(slot) = self.get_mut(id) {
            slot.view.state = ProgressState::Running;
            slot.view.started = Some(clock.now);
            slot.kept.void = false;
            (slot.kept.paused, slot.kept.paused_at) = (0, None);
            slot.kept.pace = Pace::begin(slot.worked(clock));
        }
        self.settle(id);
    }

    /// So much is done.
    pub(crate) fn update(&mut self, id: ProgressId, done: u64) -> Result<()> {
        self.after(id, ProgressChange::Update)?;
        let before = self.find(id)?.view.done;
        if done < before {
            let message = format!(
                "`{}` goes from {before} back to {done}; reset it to count anew",
                self.find(id)?.view.name
            );
            return Err(Error::new(ErrorKind::Value, message));
        }
        self.count(id, done);
        Ok(())
    }

    pub(crate) fn increment(&mut self, id: ProgressId, by: u64) -> Result<()> {
        let done = self.find(id)?.view.done;
        self.update(id, done.saturating_add(by))
    }

    /// Sets what was counted, whatever it was before.
    pub(crate) fn count(&mut self, id: ProgressId, done: u64) {
        self.set(id, |slot| slot.view.done = done);
    }

    /// Changes something that the fraction may depend on, of a node that hasn't ended.
    pub(crate) fn adjust(&mut self, id: ProgressId, set: impl FnOnce(&mut Slot)) -> Result<()> {
        let view = &self.find(id)?.view;
        if view.state.is_ended() {
            let message = format!(
                "`{}` is {}, and nothing of it changes any more; reset it first",
                view.name, view.state
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.set(id, set);
        Ok(())
    }

    pub(crate) fn set(&mut self, id: ProgressId, set: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.get_mut(id) {
            set(slot);
            slot.view.weight = as_weight(slot.weight);
            slot.view.expected = (slot.expected > 0).then(|| as_weight(slot.expected));
        }
        self.settle(id);
    }

    pub(crate) fn pause(&mut self, id: ProgressId) -> Result<()> {
        self.after(id, ProgressChange::Pause)?;
        let clock = self.clock;
        if let Some(slot) = self.get_mut(id) {
            slot.view.state = ProgressState::Paused;
            slot.kept.paused_at = Some(clock.worked());
        }
        // When the whole waits, so does all that is in it.
        self.clock.stands |= id == ProgressId::ROOT;
        self.settle(id);
        Ok(())
    }

    pub(crate) fn resume(&mut self, id: ProgressId) -> Result<()> {
        self.after(id, ProgressChange::Resume)?;
        self.clock.stands &= id != ProgressId::ROOT;
        let clock = self.clock;
        if let Some(slot) = self.get_mut(id) {
            slot.view.state = ProgressState::Running;
            let since = slot.kept.paused_at.take();
            slot.kept.paused += since.map_or(0, |since| clock.worked().saturating_sub(since));
        }
        self.settle(id);
        Ok(())
    }

    /// Ends a node by a change that does, and with it what is open inside.
    pub(crate) fn end(
        &mut self,
        id: ProgressId,
        change: ProgressChange,
        message: Option<Text>,
    ) -> Result<()> {
        let state = self.after(id, change)?;
        self.clock.stands &= id != ProgressId::ROOT;
        self.finish(id, state, message);
        self.close_inside(id, state);
        Ok(())
    }

    fn finish(&mut self, id: ProgressId, state: ProgressState, message: Option<Text>) {
        let now = self.clock.now;
        if let Some(slot) = self.get_mut(id) {
            slot.view.state = state;
            slot.view.ended = Some(now);
            slot.kept.paused_at = None;
            // What has ended well isn't still doing what it did last.
            slot.view.message = message;
        }
        match state {
            ProgressState::Skipped => self.settle_without_work(id),
            _ => self.settle(id),
        }
    }

    /// What is still open inside of what has ended was stopped; what hadn't begun was left out, if
    /// that went well.
    fn close_inside(&mut self, id: ProgressId, state: ProgressState) {
        use ProgressState::{Cancelled, Completed, Pending, Skipped};
        let mut left = self.open_inside(id, state);
        while let Some((id, around)) = left.pop() {
            let was = self.get(id).map(Slot::state);
            let now = match (around, was) {
                (Completed | Skipped, Some(Pending)) => Skipped,
                _ => Cancelled,
            };
            self.finish(id, now, None);
            left.extend(self.open_inside(id, now));
        }
    }

    /// What is open directly inside of a node that has ended so, the last first.
    fn open_inside(
        &self,
        id: ProgressId,
        state: ProgressState,
    ) -> Vec<(ProgressId, ProgressState)> {
        let inside = self.get(id).map_or(&[][..], |slot| &slot.children);
        let open = inside.iter().rev().filter(|&&child| {
            self.get(child)
                .is_some_and(|child| !child.state().is_ended())
        });
        open.map(|&child| (child, state)).collect()
    }

    /// As if a node had never begun; what is inside is removed.
    pub(crate) fn reset(&mut self, id: ProgressId) -> Result<()> {
        self.after(id, ProgressChange::Reset)?;
        let slot = self.find(id)?;
        if let Some(around) = slot.view.parent {
            self.check_open(self.find(around)?, &slot.view.name)?;
        }
        self.clock.stands &= id != ProgressId::ROOT;
        self.renew(id);
        self.settle(id);
        Ok(())
    }

    /// Takes a node back to what it was before it began. Its place in its tree, its weight and what is
    /// expected of it stay.
    pub(crate) fn renew(&mut self, id: ProgressId) {
        self.clear(id);
        if let Some(slot) = self.get_mut(id) {
            let view = &mut slot.view;
            *view = ProgressNode {
                index: view.index,
                kind: view.kind,
                step: view.step.take(),
                path: view.path.take(),
                weight: view.weight,
                total: view.total,
                expected: view.expected,
                ..ProgressNode::new(view.id, view.parent, view.name.clone())
            };
            slot.kept = Kept {
                open_ended: slot.kept.open_ended,
                unit: slot.kept.unit,
                ..Kept::default()
            };
        }
    }
}

fn too_deep(name: &Text) -> Error {
    let message = format!(
        "`{name}` would be inside of more than {DEEPEST} nodes; add it further up, or count it in \
         what it is inside of"
    );
    Error::new(ErrorKind::Value, message)
}

#[cfg(test)]
mod tests {
    use mainstem_core::ErrorKind;

    use super::*;
    use crate::{ProgressTask, ProgressTree};

    const DOCS: &str = include_str!("../../../docs/progress.md");

    fn cells(line: &str) -> Vec<&str> {
        line.trim_matches('|').split('|').map(str::trim).collect()
    }

    #[test]
    fn transitions_are_those_of_the_table_in_the_docs() {
        let mut lines = DOCS
            .lines()
            .skip_while(|line| !line.starts_with("| state |"));
        let header = cells(lines.next().unwrap());
        assert_eq!(header[1..], ProgressChange::ALL.map(ProgressChange::as_str));
        let mut rows = 0;
        for (line, state) in lines.skip(1).zip(ProgressState::ALL) {
            let row = cells(line);
            assert_eq!(row[0], state.as_str());
            assert_eq!(row.len(), header.len());
            for (cell, change) in row[1..].iter().zip(ProgressChange::ALL) {
                let after = state.after(change).map_or("-", ProgressState::as_str);
                assert_eq!(after, *cell, "{state}: {change}");
            }
            rows += 1;
        }
        assert_eq!(rows, ProgressState::ALL.len());
    }

    fn in_state(state: ProgressState) -> ProgressTask {
        let task = ProgressTree::new("import").root().child("load");
        let task = task.total(9).add().unwrap();
        if !matches!(state, ProgressState::Pending | ProgressState::Skipped) {
            task.start().unwrap();
            task.update(3).unwrap();
        }
        match state {
            ProgressState::Pending | ProgressState::Running => Ok(()),
            ProgressState::Paused => task.pause(),
            ProgressState::Completed => task.complete(),
            ProgressState::Failed => task.fail("so"),
            ProgressState::Cancelled => task.cancel(),
            ProgressState::Skipped => task.skip("so"),
        }
        .unwrap();
        assert_eq!(task.node().unwrap().state, state);
        task
    }

    fn change(task: &ProgressTask, change: ProgressChange) -> Result<()> {
        match change {
            ProgressChange::Start => task.start(),
            ProgressChange::Update => task.update(5).and_then(|()| task.increment(1)),
            ProgressChange::Pause => task.pause(),
            ProgressChange::Resume => task.resume(),
            ProgressChange::Skip => task.skip("so"),
            ProgressChange::Cancel => task.cancel(),
            ProgressChange::Complete => task.complete(),
            ProgressChange::Fail => task.fail("so"),
            ProgressChange::Reset => task.reset(),
        }
    }

    #[test]
    fn an_illegal_change_is_a_clear_error_and_changes_nothing() {
        for (state, to) in ProgressState::ALL
            .into_iter()
            .flat_map(|state| ProgressChange::ALL.map(|to| (state, to)))
        {
            let task = in_state(state);
            let before = task.node();
            let changed = change(&task, to);
            let Some(after) = state.after(to) else {
                let error = changed.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Conflict);
                let begins = format!("`load` is {state}, and {to} is only for what is ");
                assert!(error.message().starts_with(&begins), "{error}");
                assert_eq!(task.node(), before);
                continue;
            };
            changed.unwrap();
            assert_eq!(task.node().unwrap().state, after);
        }
    }

    #[test]
    fn nothing_happens_in_what_has_ended_or_is_gone() {
        let tree = ProgressTree::new("import");
        let outer = tree.root().child("outer").start().unwrap();
        let inner = outer.child("inner").add().unwrap();
        outer.complete().unwrap();
        let expected = "`more` is inside of `outer`, which is completed; reset that first";
        assert_eq!(outer.child("more").add().unwrap_err().message(), expected);
        assert!(
            inner
                .reset()
                .unwrap_err()
                .message()
                .starts_with("`inner` is inside")
        );
        let error = outer.set_total(3).unwrap_err();
        let expected = "`outer` is completed, and nothing of it changes any more; reset it first";
        assert_eq!(error.message(), expected);
        outer.reset().unwrap();
        let error = inner.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error
                .message()
                .contains("node 2 isn't in the tree any more")
        );
        assert!(inner.node().is_none() && tree.task(inner.id()).is_none());
    }

    #[test]
    fn what_was_counted_does_not_go_back() {
        let task = in_state(ProgressState::Running);
        let error = task.update(2).unwrap_err();
        assert_eq!(
            error.message(),
            "`load` goes from 3 back to 2; reset it to count anew"
        );
        task.increment(u64::MAX).unwrap();
        assert_eq!(task.node().unwrap().fraction, Some(1.0));
    }

    #[test]
    fn a_tree_is_only_so_deep_and_closes_from_its_top() {
        let tree = ProgressTree::new("import");
        let mut task = tree.root();
        for _ in 0..DEEPEST {
            task = task.child("inner").start().unwrap();
        }
        let error = task.child("one").add().unwrap_err();
        let expected = "`one` would be inside of more than 1000 nodes; add it further up, or count it in \
                        what it is inside of";
        assert_eq!(error.message(), expected);
        let again = ProgressTree::restore(tree.save()).unwrap();
        again.root().cancel().unwrap();
        let nodes = again.snapshot().nodes;
        assert_eq!(nodes.len(), DEEPEST + 1);
        assert!(
            nodes
                .iter()
                .all(|node| node.state == ProgressState::Cancelled)
        );
    }

    /// 10 subtrees of 10, of 10, of 10, with one leaf each: 10,000 leaves, 6 deep.
    fn large() -> (ProgressTree, Vec<ProgressTask>) {
        let tree = ProgressTree::new("large");
        let mut level = vec![tree.root()];
        for width in [10, 10, 10, 10, 1, 1] {
            level = level
                .iter()
                .flat_map(|around| (0..width).map(|at| around.child(format!("{at}")).total(100)))
                .map(|new| new.start().unwrap())
                .collect();
        }
        // Those around the leaves count what is inside.
        for at in 0..tree.snapshot().nodes.len() {
            let id = ProgressId(u32::try_from(at).unwrap());
            if level.binary_search_by_key(&id, ProgressTask::id).is_err() {
                tree.lock().arena.set(id, |slot| slot.view.total = None);
            }
        }
        (tree, level)
    }

    #[test]
    fn a_million_updates_touch_no_more_nodes_than_the_tree_is_deep() {
        let (tree, leaves) = large();
        assert_eq!(leaves.len(), 10_000);
        let depth = tree.lock().arena.upwards(leaves[0].id()).count() as u64 - 1;
        assert_eq!(depth, 6);
        let settled = || tree.lock().arena.settled;
        let before = settled();
        for _ in 0..100 {
            for leaf in &leaves {
                let once = settled();
                leaf.increment(1).unwrap();
                assert!(settled() - once <= depth + 1);
            }
        }
        assert_eq!(tree.snapshot().root().fraction, Some(1.0));
        assert!(settled() - before <= 1_000_000 * (depth + 1));
    }
}

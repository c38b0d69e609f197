//! What can be done to a node. What isn't allowed is an error, and changes nothing.

use mainstem_core::{Error, ErrorKind, Result, Text};

use crate::{
    ProgressChange, ProgressId, ProgressNode, ProgressState,
    arena::{Arena, Kept, Slot, ended_around, illegal},
    pace::Pace,
    parts::as_weight,
};

impl Arena {
    /// Adds a node that has its number and its parent.
    pub(crate) fn add(&mut self, slot: Slot) -> Result<ProgressId> {
        let id = slot.view.id;
        if let Some(around) = slot.view.parent {
            self.check_open(self.find(around)?, &slot.view.name)?;
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
        self.settle(id);
    }

    /// What is still open inside of what has ended was stopped; what hadn't begun was left out, if
    /// that went well.
    fn close_inside(&mut self, id: ProgressId, state: ProgressState) {
        let Some(slot) = self.get(id) else {
            return;
        };
        let open: Vec<_> = slot
            .children
            .iter()
            .filter_map(|&child| self.get(child))
            .filter(|slot| !slot.state().is_ended())
            .map(|slot| (slot.view.id, slot.state()))
            .collect();
        for (child, was) in open {
            let now = match (state, was) {
                (ProgressState::Completed | ProgressState::Skipped, ProgressState::Pending) => {
                    ProgressState::Skipped
                }
                _ => ProgressState::Cancelled,
            };
            self.finish(child, now, None);
            self.close_inside(child, now);
        }
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

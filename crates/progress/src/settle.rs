//! How a change reaches the nodes around it.

use crate::{
    ProgressId, ProgressState,
    arena::{Arena, Clock, Share, Slot},
    parts::{Parts, WHOLE, as_fraction, part_of},
};

impl Arena {
    /// Works out anew how far a node and those around it have come: each at most once, from the inside
    /// out, until nothing changes any more.
    pub(crate) fn settle(&mut self, id: ProgressId) {
        self.settle_by(id, true);
    }

    /// The same, for what counts as done without work.
    pub(crate) fn settle_without_work(&mut self, id: ProgressId) {
        self.settle_by(id, false);
    }

    fn settle_by(&mut self, id: ProgressId, is_work: bool) {
        self.touched.push(id);
        let mut next = Some(id);
        while let Some(id) = next {
            #[cfg(test)]
            {
                self.settled += 1;
            }
            let clock = self.clock;
            let Some(slot) = self.get_mut(id) else {
                return;
            };
            let has_changed = slot.settle(clock, is_work);
            let (before, now) = (slot.counted, slot.share());
            slot.counted = now;
            let around = slot.view.parent;
            if has_changed {
                self.touched.push(id);
            }
            if before == now {
                return;
            }
            if let Some(around) = around.and_then(|around| self.get_mut(around)) {
                around.inside.replace(before, now);
            }
            next = around;
        }
    }
}

impl Slot {
    /// Works out its fraction and when it will be done; whether either is another than before.
    fn settle(&mut self, clock: Clock, is_work: bool) -> bool {
        self.parts = self.done();
        let worked = self.worked(clock);
        let is_running = self.view.state == ProgressState::Running;
        if let (true, Some(parts)) = (is_running, self.parts) {
            match is_work {
                true => self.kept.pace.note(worked, parts),
                false => self.kept.pace.jump(worked, parts),
            }
        }
        let eta = match self.parts {
            Some(_) if is_running && !clock.stands => self.kept.pace.left(worked),
            _ => None,
        };
        let eta = eta.map(|left| {
            let now = clock.now.as_unix_millis();
            mainstem_core::Timestamp::from_unix_millis(now.saturating_add(left))
        });
        let fraction = self.parts.map(as_fraction);
        let has_changed = (self.view.fraction, self.view.eta) != (fraction, eta);
        (self.view.fraction, self.view.eta) = (fraction, eta);
        has_changed
    }

    /// How much of it is done.
    pub(crate) fn done(&self) -> Option<Parts> {
        match self.view.state {
            ProgressState::Pending => Some(0),
            ProgressState::Running | ProgressState::Paused => self.done_so_far(),
            ProgressState::Completed | ProgressState::Skipped => Some(WHOLE),
            // As far as it had come.
            ProgressState::Failed | ProgressState::Cancelled => self.parts,
        }
    }

    /// By what it counts itself, or else by what is inside.
    fn done_so_far(&self) -> Option<Parts> {
        if let Some(total) = self.view.total {
            return Some(part_of(self.view.done, total));
        }
        let whole = self.inside.weight.max(u128::from(self.expected));
        if self.kept.open_ended || whole == 0 || self.inside.unknown >= whole {
            return None;
        }
        Parts::try_from(self.inside.done / whole).ok()
    }

    /// What it counts for in the node around it.
    pub(crate) fn share(&self) -> Share {
        if self.kept.void {
            return Share::default();
        }
        let weight = u128::from(self.weight);
        Share {
            weight,
            done: weight * u128::from(self.parts.unwrap_or(0)),
            unknown: match self.parts {
                None if !self.view.state.is_ended() => weight,
                _ => 0,
            },
        }
    }

    /// Milliseconds of work, by its own clock: it stands still while the node is paused.
    pub(crate) fn worked(&self, clock: Clock) -> u64 {
        let until = self.kept.paused_at.unwrap_or(clock.worked());
        until.saturating_sub(self.kept.paused)
    }
}

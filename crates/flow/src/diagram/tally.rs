//! What is known of one step of a plan, over all of its rounds, items and attempts.

use std::{collections::VecDeque, time::Duration};

use mainstem_core::{Place, StepPath, Timestamp};

/// How many of those that ended last can still be taken back one by one.
const RECENT: usize = 16;

/// What is known of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// How many are under way.
    pub(super) open: u64,
    pub(super) finished: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// How often it was taken back.
    pub(super) retracted: u64,
    /// Which attempt began last.
    pub(super) attempt: u32,
    /// How the last one ended.
    pub(super) last: Option<Ending>,
    /// How long those that ended took, together.
    pub(super) took: Duration,
    /// Whether one ended whose beginning isn't known.
    pub(super) is_untimed: bool,
    /// How many items there are, if it is a map whose list is known.
    pub(super) items: Option<u64>,
    /// How much of it is done, from 0 to 1.
    pub(super) done: f64,
    /// How much of the steps inside is done, by their weights.
    pub(super) done_inside: f64,
    recent: VecDeque<Ended>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Finished,
    Failed,
    Skipped,
    Stopped,
    Retracted,
}

/// A step under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) place: Place,
    pub(super) at: Timestamp,
}

#[derive(Clone, Debug)]
struct Ended {
    path: StepPath,
    since: Place,
    how: Ending,
}

impl Tally {
    /// Rounds or items that are over, however they ended.
    pub(super) fn over(&self) -> u64 {
        self.finished + self.failed + self.skipped
    }

    pub(super) fn end(&mut self, path: &StepPath, since: Place, how: Ending) {
        // A failure that was dealt with by leaving the step out is one end, not two.
        if how == Ending::Skipped {
            self.forget(|ended| ended.path == *path);
        }
        self.count(how, 1);
        self.last = Some(how);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Ended {
            path: path.clone(),
            since,
            how,
        });
    }

    /// Takes back what ended within a path and began at a place or later.
    pub(super) fn retract(&mut self, path: &StepPath, since: Place) {
        let count = self.forget(|ended| ended.since >= since && ended.path.is_within(path));
        self.take_back(count);
    }

    /// Takes back one attempt, because the next one began.
    pub(super) fn give_up(&mut self, attempt: &StepPath) {
        let count = self.forget(|ended| ended.path == *attempt);
        self.take_back(count);
    }

    pub(super) fn take_back(&mut self, count: u64) {
        self.retracted += count;
        // One that failed stays so to the eye: perhaps another step takes its place.
        if count > 0 && self.last != Some(Ending::Failed) {
            self.last = Some(Ending::Retracted);
        }
    }

    /// As if they had never ended; how many they were.
    fn forget(&mut self, is_void: impl Fn(&Ended) -> bool) -> u64 {
        let (void, kept): (VecDeque<_>, _) =
            self.recent.drain(..).partition(|ended| is_void(ended));
        self.recent = kept;
        for ended in &void {
            self.count(ended.how, -1);
        }
        void.len() as u64
    }

    fn count(&mut self, how: Ending, by: i64) {
        let counter = match how {
            Ending::Finished => &mut self.finished,
            Ending::Failed => &mut self.failed,
            Ending::Skipped => &mut self.skipped,
            Ending::Stopped | Ending::Retracted => return,
        };
        *counter = counter.saturating_add_signed(by);
    }
}

//! What the events of a run do to its tree.

use std::collections::HashSet;

use mainstem_core::{
    Decided, DecisionKind, Event, EventKind, InputRequest, Place, Progress, RunStarted, StepPath,
    StepStarted, Text,
};
use serde::de::IgnoredAny;

use crate::{
    ProgressChange, ProgressId, ProgressKind, ProgressNode, ProgressState,
    arena::{Arena, Share, Slot},
    parts::grains_of,
};

impl Arena {
    /// Takes in an event; whether it has changed something.
    pub(crate) fn feed(&mut self, event: &Event) -> bool {
        if self.place.is_some_and(|last| event.place() <= last) {
            return false;
        }
        self.place = Some(event.place());
        if matches!(event.kind, EventKind::RunResumed(_)) {
            self.stand_until(event);
        }
        self.clock.go_on(event.at);
        self.take(event);
        self.has_changed()
    }

    fn take(&mut self, event: &Event) {
        let path = &event.path;
        match &event.kind {
            EventKind::RunStarted(started) => self.run_started(started, event.place()),
            EventKind::RunResumed(_) => self.run_resumed(),
            EventKind::StepStarted(started) => self.step_started(event, started),
            EventKind::Progress(progress) => self.progress(event, progress),
            EventKind::Decided(decided) => self.decided(path, decided),
            EventKind::Retracted(retracted) => self.retract(path, retracted.since),
            EventKind::StepFinished(_) => self.step_ended(event, ProgressChange::Complete, None),
            EventKind::StepFailed(failed) => {
                let message = Some(failed.error.message.clone());
                self.step_ended(event, ProgressChange::Fail, message);
            }
            EventKind::StepSkipped(skipped) => {
                let reason = Some(skipped.reason.clone());
                self.step_ended(event, ProgressChange::Skip, reason);
            }
            EventKind::RunFinished(_) => self.run_ended(ProgressChange::Complete, None),
            EventKind::RunFailed(failed) => {
                let message = Some(failed.error.message.clone());
                self.run_ended(ProgressChange::Fail, message);
            }
            EventKind::RunCancelled(cancelled) => {
                let by = Some(cancelled.by.as_str().into());
                self.run_ended(ProgressChange::Cancel, by);
            }
            EventKind::RunSuspended(suspended) => self.run_suspended(&suspended.requests),
            _ => {}
        }
    }

    fn run_started(&mut self, started: &RunStarted, place: Place) {
        let name = started.name.clone();
        self.set(ProgressId::ROOT, |root| {
            root.view.name = name;
            root.kept.since = Some(place);
            // Until a step says otherwise.
            root.kept.open_ended = root.expected == 0;
        });
        self.begin_root();
    }

    /// Begins the run, if it hasn't: it may be followed from its middle on.
    fn begin_root(&mut self) {
        // An error says that it had begun.
        let _begun = self.start(ProgressId::ROOT);
    }

    /// From its last event on a run stood still, if it was suspended or cut off.
    fn stand_until(&mut self, resumed: &Event) {
        let stood = std::mem::replace(&mut self.clock.stands, true);
        self.clock.go_on(resumed.at);
        self.clock.stands = stood;
    }

    fn run_resumed(&mut self) {
        if self
            .get(ProgressId::ROOT)
            .is_some_and(|root| root.state().is_ended())
        {
            // What ended it isn't in its log: its reader was dropped.
            self.reopen_root();
        }
        self.begin_root();
        let paused: Vec<_> = self
            .nodes()
            .filter(|slot| slot.state() == ProgressState::Paused)
            .map(|slot| slot.view.id)
            .collect();
        for id in paused {
            let _resumed = self.resume(id);
        }
        // When it will be done has moved.
        self.settle(ProgressId::ROOT);
    }

    /// Opens the root again, and what was closed with it.
    fn reopen_root(&mut self) {
        let ended = self.get(ProgressId::ROOT).and_then(|root| root.view.ended);
        // What was cancelled at that time with something else that had ended stays so.
        let mut opened = HashSet::from([ProgressId::ROOT]);
        let mut closed = Vec::new();
        for slot in self.nodes() {
            let is_closed = slot.state() == ProgressState::Cancelled && slot.view.ended == ended;
            let around = slot.view.parent;
            if is_closed && around.is_none_or(|around| opened.contains(&around)) {
                opened.insert(slot.view.id);
                closed.push(slot.view.id);
            }
        }
        closed.push(ProgressId::ROOT);
        for id in closed {
            self.set(id, |slot| {
                let view = &mut slot.view;
                view.state = match view.started {
                    Some(_) => ProgressState::Running,
                    None => ProgressState::Pending,
                };
                (view.ended, view.message) = (None, None);
            });
        }
    }

    fn run_ended(&mut self, change: ProgressChange, message: Option<Text>) {
        self.begin_root();
        // An error says that it wasn't paused.
        let _resumed = self.resume(ProgressId::ROOT);
        let _ended = self.end(ProgressId::ROOT, change, message);
    }

    fn run_suspended(&mut self, requests: &[InputRequest]) {
        self.begin_root();
        for request in requests {
            if let Some(id) = self.node_of(&request.step) {
                let _paused = self.pause(id);
            }
        }
        let _paused = self.pause(ProgressId::ROOT);
    }

    fn step_started(&mut self, event: &Event, started: &StepStarted) {
        let Some(id) = self.node_for(&event.path, started) else {
            return;
        };
        let is_another = event.path.last().is_some_and(|last| last.attempt() > 1);
        if id == ProgressId::ROOT {
            if is_another {
                self.begin_root_anew();
            }
        } else if self.is_closed_around(id) {
            return;
        } else if !self.is(id, ProgressState::Pending) {
            self.renew(id);
        }
        let (place, path) = (event.place(), event.path.clone());
        self.set(id, |slot| {
            slot.expect(started);
            slot.kept.since = Some(place);
            slot.view.path = Some(path);
        });
        self.begin_root();
        let _begun = self.start(id);
    }

    /// The one step of the run begins again.
    fn begin_root_anew(&mut self) {
        self.clear(ProgressId::ROOT);
        self.set(ProgressId::ROOT, |root| {
            root.uncount();
            root.view.forgotten = 0;
            root.kept.forgotten = Share::default();
        });
    }

    /// The node of a step that begins or ends: a new one, unless it has one. None, if what it is inside of
    /// has ended.
    fn node_for(&mut self, path: &StepPath, started: &StepStarted) -> Option<ProgressId> {
        let id = match self.node_of(path) {
            // Its end says no more than its beginning did.
            Some(id) if started.kind.is_empty() => return Some(id),
            Some(id) => id,
            None if self.is_whole_run(path) => ProgressId::ROOT,
            None => self.new_node(path, started)?,
        };
        self.steps.insert(path.attempt(1), id);
        let kind = self.kind_of(id, started);
        let step = (!started.kind.is_empty()).then(|| started.kind.clone());
        self.set(id, |slot| {
            slot.view.kind = kind;
            slot.view.step = step;
            // The root's, if it is the one step of its run.
            slot.view.path.get_or_insert_with(|| path.clone());
        });
        Some(id)
    }

    fn new_node(&mut self, path: &StepPath, started: &StepStarted) -> Option<ProgressId> {
        let (around, branch) = self.around(path);
        let last = path.last()?;
        let mut view = ProgressNode::new(self.next_id(), Some(around), (&*last.name()).into());
        view.index = last.index().or(branch);
        view.path = Some(path.clone());
        view.weight = started.weight.unwrap_or(1) as f64;
        self.add(Slot::new(view)).ok()
    }

    /// What a step stands for, by what it is and what it is inside of.
    pub(crate) fn kind_of(&self, id: ProgressId, started: &StepStarted) -> ProgressKind {
        let around = self
            .get(id)
            .and_then(|slot| self.get(slot.view.parent?))
            .map(|around| around.view.kind);
        match (&*started.kind, around) {
            ("flow", _) | (_, None) => ProgressKind::Workflow,
            ("turn" | "tool", _) => ProgressKind::Operation,
            (_, Some(ProgressKind::Workflow)) => ProgressKind::Step,
            (_, Some(_)) => ProgressKind::Subtask,
        }
    }

    pub(crate) fn node_of(&self, path: &StepPath) -> Option<ProgressId> {
        self.steps.get(&path.attempt(1)).copied()
    }

    /// An agent or a flow that is run by itself is one step, with the name of the run: its node is the
    /// root.
    fn is_whole_run(&self, path: &StepPath) -> bool {
        let (Some(root), Some(step)) = (self.get(ProgressId::ROOT), path.last()) else {
            return false;
        };
        let is_first = root.children.is_empty() && root.view.path.is_none();
        is_first && path.depth() == 1 && step.index().is_none() && *step.name() == *root.view.name
    }

    /// The node that a step is inside of, and which of its branches it is, if it is in one.
    fn around(&self, path: &StepPath) -> (ProgressId, Option<u32>) {
        let mut around = path.parent();
        let mut branch = None;
        while let Some(path) = around.filter(|path| !path.is_run()) {
            if let Some(id) = self.node_of(&path) {
                return (id, branch);
            }
            let outer = path.parent().unwrap_or_default();
            if let Some(last) = path.last() {
                branch = branch.or(last.index());
                let whole = outer.child(&last.name()).attempt(last.attempt());
                if let Some(id) = self.node_of(&whole) {
                    return (id, branch);
                }
            }
            around = Some(outer);
        }
        (ProgressId::ROOT, branch)
    }

    /// Whether something that a node is inside of has ended.
    fn is_closed_around(&self, id: ProgressId) -> bool {
        self.upwards(id).skip(1).any(|slot| slot.state().is_ended())
    }

    fn is(&self, id: ProgressId, state: ProgressState) -> bool {
        self.get(id).is_some_and(|slot| slot.state() == state)
    }

    fn step_ended(&mut self, event: &Event, change: ProgressChange, message: Option<Text>) {
        // Perhaps it began before what is known, or was left out before it could.
        let Some(id) = self.node_for(&event.path, &StepStarted::new("")) else {
            return;
        };
        // The end of the run follows; and what is in something that has ended, ended with it.
        if id == ProgressId::ROOT || self.is_closed_around(id) {
            return;
        }
        if change != ProgressChange::Skip {
            let _begun = self.start(id);
            let _resumed = self.resume(id);
        }
        let place = event.place();
        self.set(id, |slot| {
            slot.kept.void = false;
            slot.kept.since.get_or_insert(place);
        });
        let _ended = self.end(id, change, message);
        self.make_room(id);
    }

    fn progress(&mut self, event: &Event, progress: &Progress) {
        let id = match event.path.is_run() {
            true => ProgressId::ROOT,
            false => match self.node_of(&event.path) {
                Some(id) => id,
                None => return,
            },
        };
        if !self.is(id, ProgressState::Running) {
            return;
        }
        let place = event.place();
        self.set(id, |slot| {
            slot.view.message = Some(progress.label.clone());
            slot.view.total = progress.total;
            slot.view.done = progress.done;
            slot.kept.counted_at = Some(place);
        });
    }

    /// A map's list says how many items there are.
    fn decided(&mut self, path: &StepPath, decided: &Decided) {
        if decided.what != DecisionKind::MapList {
            return;
        }
        let (Some(id), Some(items)) = (self.node_of(path), items(decided)) else {
            return;
        };
        self.set(id, |slot| {
            let unit = slot.kept.unit.unwrap_or(1);
            slot.expected = grains_of(unit.saturating_mul(items) as f64);
            slot.kept.open_ended = false;
            // A list without items has nothing to do.
            if items == 0 {
                slot.view.total = Some(0);
            }
        });
    }

    /// What began within a path at a place or later is as if it had never been.
    fn retract(&mut self, path: &StepPath, since: Place) {
        let top = match path.is_run() {
            true => ProgressId::ROOT,
            false => match self.node_of(path) {
                Some(id) => id,
                None => self.around(path).0,
            },
        };
        let mut inside = vec![top];
        while let Some(id) = inside.pop() {
            let Some(slot) = self.get(id) else {
                continue;
            };
            let is_within = match &slot.view.path {
                Some(own) => own.is_within(path),
                None => path.is_run() && slot.kept.since.is_some(),
            };
            if is_within && slot.kept.since >= Some(since) {
                self.void(id);
                continue;
            }
            let is_counted = is_within && slot.kept.counted_at >= Some(since);
            inside.extend(&slot.children);
            if is_counted {
                self.set(id, Slot::uncount);
            }
        }
    }

    fn void(&mut self, id: ProgressId) {
        if id == ProgressId::ROOT {
            self.begin_root_anew();
            return;
        }
        self.renew(id);
        self.set(id, |slot| {
            slot.uncount();
            slot.kept.void = true;
        });
    }
}

impl Slot {
    /// What a step says of itself when it begins.
    fn expect(&mut self, started: &StepStarted) {
        self.uncount();
        self.expected = grains_of(started.total.unwrap_or(0) as f64);
        self.kept.unit = started.total;
        // Of a list the length is yet to come, and of a loop nobody knows how often.
        let is_open = matches!(&*started.kind, "map" | "repeat");
        self.kept.open_ended = is_open || started.total.is_none();
    }

    /// What was counted counts no more.
    fn uncount(&mut self) {
        self.view.done = 0;
        self.view.total = None;
        self.view.message = None;
        self.kept.counted_at = None;
    }
}

fn items(decided: &Decided) -> Option<u64> {
    match decided.value.to::<Vec<IgnoredAny>>() {
        Ok(list) => Some(list.len() as u64),
        Err(_) => decided.value.to().ok(),
    }
}

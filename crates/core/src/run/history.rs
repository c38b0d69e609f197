//! What the log of a run says of its steps, for when the run is resumed.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    Answer, Event, EventKind, FinishReason, InputRequest, JournalKey, Json, Place, RunStarted,
    StepFailed, StepFinished, StepPath, Text, TurnFinished, Usage, plan::Begun,
};

/// The steps of a run so far, folded from its events.
#[derive(Default)]
pub(super) struct History {
    pub(super) started: Option<RunStarted>,
    /// What the run waits for, if it is suspended.
    pub(super) requests: Vec<InputRequest>,
    pub(super) answers: BTreeMap<Text, Answer>,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) last: Option<Place>,
    /// What each model used, in answers that had ended.
    pub(super) by_model: BTreeMap<Text, Usage>,
    /// Who answers in each step, or did last.
    models: HashMap<StepPath, Text>,
    steps: HashMap<StepPath, Past>,
    decisions: HashMap<JournalKey, Json>,
    skipped: HashSet<StepPath>,
    /// Attempts that began because the one before was interrupted, with that one.
    inherits: HashMap<StepPath, StepPath>,
}

/// One attempt of a step.
struct Past {
    started: Place,
    ended: Option<Place>,
    end: End,
    /// What its models used, and those of all steps inside.
    used: Usage,
    /// What steps inside of it had used within an interrupted attempt, and said again; it is no part of
    /// that.
    again: Usage,
    /// Whether it says again what it had said within an interrupted attempt of a step around it.
    is_again: bool,
    /// What it said, while it is under way.
    said: Vec<(Place, Text)>,
    /// Whether its last turn of a model is over.
    is_turn_over: bool,
    /// How many events of each kind it emitted itself.
    emitted: Emitted,
    is_retracted: bool,
}

/// How many events there are of each kind, by its name.
pub(super) type Emitted = HashMap<Text, u32>;

enum End {
    UnderWay,
    Finished(StepFinished),
    Failed(StepFailed),
}

/// What becomes of a step that a resumed run comes to.
pub(super) enum Found {
    /// It begins, as this attempt; the ones before it were interrupted and are void.
    Begins { attempt: u32, void: Vec<Void> },
    /// It was under way and goes on where it was.
    GoesOn { attempt: u32, emitted: Emitted },
    /// It had finished, at this path; its models had used this.
    Finished(StepPath, StepFinished, Usage),
    /// It had failed, at this path; its models had used this.
    Failed(StepPath, StepFailed, Usage),
    /// It had finished within an interrupted attempt of a step around it: its events, those of a
    /// path between two places, are said again.
    Inherited {
        from: StepPath,
        between: (Place, Place),
        finished: StepFinished,
    },
}

/// An attempt that was interrupted.
pub(super) struct Void {
    pub(super) path: StepPath,
    pub(super) since: Place,
    /// Whether readers were told so already.
    pub(super) is_told: bool,
}

impl History {
    /// Takes the next event of the log.
    pub(super) fn take(&mut self, event: &Event) {
        self.last = Some(event.place());
        match &event.kind {
            EventKind::RunStarted(started) => self.started = Some(started.clone()),
            EventKind::RunSuspended(suspended) => self.requests.clone_from(&suspended.requests),
            EventKind::RunResumed(resumed) => {
                for answer in &resumed.answers {
                    self.requests.retain(|request| request.id != answer.id);
                    self.answers.insert(answer.id.clone(), answer.clone());
                }
            }
            EventKind::StepStarted(_) => self.begin(event),
            EventKind::StepFinished(finished) => {
                self.end(event, End::Finished(finished.clone()));
            }
            EventKind::StepFailed(failed) => {
                self.end(event, End::Failed(failed.clone()));
            }
            EventKind::StepSkipped(_) => {
                self.skipped.insert(event.path.clone());
            }
            EventKind::Decided(decided) => {
                let key = JournalKey::new(event.path.clone(), decided.key.clone());
                self.decisions.insert(key, decided.value.clone());
            }
            EventKind::TurnStarted(turn) => {
                self.models.insert(event.path.clone(), turn.model.clone());
            }
            EventKind::TurnFinished(turn) => {
                self.finish_reason = Some(turn.finish_reason.clone());
                self.use_up(&event.path, turn);
            }
            EventKind::Retracted(retracted) => self.retract(event, retracted.since),
            _ => {}
        }
        self.note(event);
    }

    fn begin(&mut self, event: &Event) {
        let past = Past {
            started: event.place(),
            ended: None,
            end: End::UnderWay,
            used: Usage::default(),
            again: Usage::default(),
            is_again: self.is_again(&event.path),
            said: Vec::new(),
            is_turn_over: false,
            emitted: Emitted::new(),
            is_retracted: false,
        };
        let path = &event.path;
        let before = path.last().map_or(1, |step| step.attempt()) - 1;
        if before > 0 {
            let before = path.attempt(before);
            let is_cut = |past: &Past| matches!(past.end, End::UnderWay);
            if self.steps.get(&before).is_some_and(is_cut) {
                self.inherits.insert(path.clone(), before);
            }
        }
        self.steps.insert(path.clone(), past);
    }

    fn end(&mut self, event: &Event, end: End) {
        let Some(past) = self.steps.get_mut(&event.path) else {
            return;
        };
        past.ended = Some(event.place());
        past.said = Vec::new();
        past.emitted = Emitted::new();
        past.end = end;
        if let (true, End::Finished(finished)) = (past.is_again, &past.end) {
            let usage = finished.usage;
            self.use_again(&event.path, usage);
        }
    }

    /// A step has said again that it had finished, within a new attempt of a step around it: to that
    /// attempt it counts as used, but no further out, where it counts already.
    fn use_again(&mut self, finished: &StepPath, usage: Usage) {
        for path in std::iter::successors(finished.parent(), StepPath::parent) {
            if let Some(past) = self.steps.get_mut(&path) {
                if past.is_again {
                    return;
                }
                past.again += usage;
            }
            if self.inherits.contains_key(&path) {
                return;
            }
        }
    }

    fn use_up(&mut self, path: &StepPath, turn: &TurnFinished) {
        if self.steps.get(path).is_some_and(|past| past.is_again) {
            return;
        }
        let usage = turn.usage;
        let model = self.models.get(path).cloned().unwrap_or_default();
        let alone = turn.by_model.is_none().then_some((model, usage));
        let shares = turn.by_model.iter().flat_map(|shares| shares.iter());
        let shares = shares.map(|(model, usage)| (model.clone(), *usage));
        for (model, usage) in shares.chain(alone) {
            *self.by_model.entry(model).or_default() += usage;
        }
        let around = std::iter::successors(Some(path.clone()), StepPath::parent);
        for path in around {
            if let Some(past) = self.steps.get_mut(&path) {
                past.used += usage;
            }
        }
    }

    fn is_again(&self, path: &StepPath) -> bool {
        let was_finished = |from: StepPath| {
            let past = self.steps.get(&from);
            past.is_some_and(|past| matches!(past.end, End::Finished(_)))
        };
        self.ancestry(path).into_iter().any(was_finished)
    }

    fn retract(&mut self, event: &Event, since: Place) {
        if let Some(past) = self.steps.get_mut(&event.path) {
            past.said.retain(|(place, _)| *place < since);
            past.is_retracted |= since <= past.started;
        }
    }

    /// What a step says and emits while it is under way.
    fn note(&mut self, event: &Event) {
        let Some(past) = self.steps.get_mut(&event.path) else {
            return;
        };
        if !matches!(past.end, End::UnderWay) {
            return;
        }
        if let Some(text) = event.text() {
            past.said.push((event.place(), text.clone()));
        }
        match event.kind {
            EventKind::TurnStarted(_) => past.is_turn_over = false,
            EventKind::TurnFinished(_) => past.is_turn_over = true,
            _ => {}
        }
        let is_own = !matches!(
            event.kind,
            EventKind::StepStarted(_) | EventKind::Decided(_)
        );
        if is_own {
            *past.emitted.entry(event.kind.name().into()).or_default() += 1;
        }
    }

    /// What there is of a step, from an attempt on, and what attempts before that, which were
    /// interrupted, had used; `goes_on`, if it isn't to begin again.
    pub(super) fn find(&mut self, step: &StepPath, attempt: u32, goes_on: bool) -> (Found, Usage) {
        let mut void = Vec::new();
        let mut lost = Usage::default();
        let mut attempt = attempt;
        loop {
            let path = step.attempt(attempt);
            let Some(past) = self.steps.get_mut(&path) else {
                return (self.inherited(step, attempt, void), lost);
            };
            match &past.end {
                End::Finished(finished) => {
                    let used = finished.usage.without(past.again);
                    return (Found::Finished(path, finished.clone(), used), lost);
                }
                End::Failed(failed) => {
                    return (Found::Failed(path, failed.clone(), past.used), lost);
                }
                End::UnderWay if goes_on && !past.is_wordless_turn() => {
                    let emitted = std::mem::take(&mut past.emitted);
                    return (Found::GoesOn { attempt, emitted }, lost);
                }
                End::UnderWay => {
                    lost += past.used;
                    void.push(Void {
                        since: past.started,
                        is_told: past.is_retracted,
                        path: path.clone(),
                    });
                }
            }
            attempt += 1;
            self.inherits.insert(step.attempt(attempt), path);
        }
    }

    /// A step that isn't there under its own path.
    fn inherited(&self, step: &StepPath, attempt: u32, void: Vec<Void>) -> Found {
        let path = step.attempt(attempt);
        for from in self.ancestry(&path) {
            let Some(past) = self.steps.get(&from) else {
                continue;
            };
            if let (End::Finished(finished), Some(ended)) = (&past.end, past.ended) {
                return Found::Inherited {
                    between: (past.started, ended),
                    finished: finished.clone(),
                    from,
                };
            }
        }
        Found::Begins { attempt, void }
    }

    /// What a path was called within the interrupted attempts of the steps around it, the newest
    /// first.
    fn ancestry(&self, path: &StepPath) -> Vec<StepPath> {
        let mut names = Vec::new();
        let mut path = path.clone();
        while let Some(before) = self.before(&path) {
            names.push(before.clone());
            path = before;
        }
        names
    }

    /// The same path within the attempt before, of the innermost step around it that has one.
    fn before(&self, path: &StepPath) -> Option<StepPath> {
        if self.inherits.is_empty() {
            return None;
        }
        let mut around = path.parent();
        while let Some(outer) = around {
            if let Some(before) = self.inherits.get(&outer) {
                return Some(path.moved(&outer, before));
            }
            around = outer.parent();
        }
        None
    }

    /// What was decided under a key; and whether that was within an attempt that is void, so that it
    /// is to be said again.
    pub(super) fn decided(&self, key: &JournalKey) -> Option<(Json, bool)> {
        if let Some(value) = self.decisions.get(key) {
            return Some((value.clone(), false));
        }
        // The step's own attempt before counts, too.
        let inside = key.step.child("_");
        self.ancestry(&inside).into_iter().find_map(|inside| {
            let key = JournalKey::new(inside.parent()?, key.name.clone());
            Some((self.decisions.get(&key)?.clone(), true))
        })
    }

    /// The new attempt, around a step, of one that was interrupted.
    pub(super) fn renewed_around(&self, step: &StepPath) -> Option<StepPath> {
        let mut around = std::iter::successors(step.parent(), StepPath::parent);
        around.find(|path| self.inherits.contains_key(path))
    }

    /// What all attempts of a step had used, whatever became of them.
    pub(super) fn used(&self, step: &StepPath) -> Usage {
        let attempts = (1..).map_while(|attempt| self.steps.get(&step.attempt(attempt)));
        attempts.fold(Usage::default(), |mut used, past| {
            used += past.used;
            used
        })
    }

    /// How far each step had come, by its path of names alone.
    pub(super) fn begun(&self) -> HashMap<StepPath, Begun> {
        let mut begun: HashMap<StepPath, Begun> = HashMap::new();
        for (path, past) in &self.steps {
            let names = path.segments();
            let names = names.fold(StepPath::run(), |names, step| names.child(&step.name()));
            let begun = begun.entry(names).or_default();
            match past.end {
                End::UnderWay => begun.open = true,
                End::Finished(_) => begun.finished = true,
                End::Failed(_) => {}
            }
        }
        begun
    }

    /// Whether readers were told that a step is skipped.
    pub(super) fn is_skipped(&self, step: &StepPath) -> bool {
        self.skipped.contains(step)
    }

    /// Where an attempt of a step began.
    pub(super) fn began(&self, attempt: &StepPath) -> Option<Place> {
        self.steps.get(attempt).map(|past| past.started)
    }

    /// What a step that is under way has said, if anything.
    pub(super) fn take_said(&mut self, step: &StepPath) -> Option<(Said, Usage)> {
        let past = self.steps.get_mut(step)?;
        let said = std::mem::take(&mut past.said);
        let text: String = said.iter().map(|(_, text)| &**text).collect();
        let is_over = past.is_turn_over;
        (!text.is_empty()).then_some((Said { text, is_over }, past.used))
    }
}

impl Past {
    /// Whether its model was asked, and cut off before its first word: there is nothing from which an
    /// agent could go on.
    fn is_wordless_turn(&self) -> bool {
        self.said.is_empty() && self.emitted.contains_key("turn_started")
    }
}

/// What a step had said before its run was resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// Its text; of a typed agent the JSON text.
    pub text: String,
    /// Whether the model that said it had ended its answer.
    pub is_over: bool,
}

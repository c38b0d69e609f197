//! Steps of a resumed run: what is found of them in its history.

use std::sync::Mutex;

use super::{
    RunContext, StepScope,
    history::{Emitted, Found, History, Said, Void},
    opening::NOT_RESUMED,
};
use crate::{
    ContextDelta, Error, ErrorKind, Event, EventKind, Place, Result, Retracted, StepFinished,
    StepPath, sync::lock,
};

/// How many events are read at once.
const PAGE: usize = 1000;

/// How a step begins.
pub(super) struct Begin {
    /// Which attempt it is.
    pub(super) attempt: u32,
    /// What it had emitted, if it goes on from there.
    pub(super) emitted: Option<Emitted>,
}

/// What there is of a step.
pub(super) enum Known {
    /// It is to be done.
    Begins(Begin),
    /// It was done, at this path.
    Finished(StepPath, StepFinished),
    /// It was done, and failed.
    Failed(Error),
}

impl RunContext {
    /// Looks a step up. What is void of it is retracted, what was done counts as used.
    pub(super) async fn look_up(&self, scope: &StepScope, attempt: u32) -> Result<Known> {
        match self.shared().history.get() {
            // Its future is large, and there is one in each step that another one is in.
            Some(history) => Box::pin(self.look_up_in(history, scope, attempt)).await,
            None => {
                self.note_attempt(scope, attempt);
                let emitted = None;
                Ok(Known::Begins(Begin { attempt, emitted }))
            }
        }
    }

    async fn look_up_in(
        &self,
        history: &Mutex<History>,
        scope: &StepScope,
        attempt: u32,
    ) -> Result<Known> {
        let step = scope.path_in(self.path());
        let (found, lost) = lock(history).find(&step, attempt, scope.resumes);
        self.recount(lost);
        Ok(match found {
            Found::Begins { attempt, void } => {
                Known::Begins(self.begin(scope, attempt, void).await)
            }
            Found::GoesOn { attempt, emitted } => {
                self.note_attempt(scope, attempt);
                let emitted = Some(emitted);
                Known::Begins(Begin { attempt, emitted })
            }
            Found::Finished(path, finished, used) => {
                self.note_attempt(scope, attempt_of(&path));
                let changes = finished.context_delta.as_deref();
                self.recount(used);
                self.take_over(scope, changes)?;
                let added = changes.filter(|_| scope.is_whole_run);
                for message in added
                    .iter()
                    .flat_map(|delta| delta.messages.values().flatten())
                {
                    self.record_message(message.clone());
                }
                Known::Finished(path, finished)
            }
            Found::Failed(path, failed, used) => {
                self.note_attempt(scope, attempt_of(&path));
                self.recount(used);
                self.take_over(scope, failed.context_delta.as_deref())?;
                Known::Failed((*failed.error).into())
            }
            Found::Inherited {
                from,
                between,
                finished,
            } => {
                let path = step.attempt(attempt);
                self.say_again(&from, &path, between).await?;
                let renewed = lock(history).renewed_around(&path);
                self.record_usage_again(finished.usage, renewed.as_ref());
                self.take_over(scope, finished.context_delta.as_deref())?;
                Known::Finished(path, finished)
            }
        })
    }

    /// Ends a run that was resumed, because this step can't use what is recorded of it: it isn't what
    /// it was.
    ///
    /// It is for who writes a step that does others, by decisions in its [journal](Self::journal). The run
    /// fails with this error, of the code `not_resumed`, whatever the steps around this one do about
    /// failures; its log isn't ended, so that it can go on once that is mended. This doesn't return: the
    /// step is dropped.
    ///
    /// # Errors
    ///
    /// The same one, in a run that wasn't resumed.
    pub async fn cannot_resume<T>(&self, error: Error) -> Result<T> {
        let error = error.with_step(self.path());
        if self.shared().history.get().is_none() {
            return Err(error);
        }
        let error = error.with_code(NOT_RESUMED).retryable(false);
        let _first = self.shared().unusable.set(error);
        self.shared().slot.wake_reader();
        std::future::pending().await
    }

    /// How a step begins whose record can't be used: as an attempt that there wasn't yet.
    pub(super) async fn begin_anew(&self, scope: &StepScope) -> Result<Begin> {
        match self.shared().history.get() {
            Some(history) => Box::pin(self.begin_anew_in(history, scope)).await,
            None => {
                self.note_attempt(scope, scope.attempt);
                let (attempt, emitted) = (scope.attempt, None);
                Ok(Begin { attempt, emitted })
            }
        }
    }

    /// What there was counts as used; what it changed isn't taken over, for it is changed again.
    async fn begin_anew_in(&self, history: &Mutex<History>, scope: &StepScope) -> Result<Begin> {
        let step = scope.path_in(self.path());
        let mut attempt = scope.attempt;
        loop {
            let (found, lost) = lock(history).find(&step, attempt, scope.resumes);
            self.recount(lost);
            match found {
                Found::Begins { attempt, void } => {
                    return Ok(self.begin(scope, attempt, void).await);
                }
                Found::GoesOn { attempt, emitted } => {
                    self.note_attempt(scope, attempt);
                    let emitted = Some(emitted);
                    return Ok(Begin { attempt, emitted });
                }
                // It was within an attempt that is void, and so is void, too.
                Found::Inherited { .. } => {
                    return Ok(self.begin(scope, attempt, Vec::new()).await);
                }
                Found::Finished(path, _, usage) | Found::Failed(path, _, usage) => {
                    self.recount(usage);
                    attempt = attempt_of(&path) + 1;
                }
            }
        }
    }

    async fn begin(&self, scope: &StepScope, attempt: u32, void: Vec<Void>) -> Begin {
        for void in void {
            self.void(void).await;
        }
        self.note_attempt(scope, attempt);
        let emitted = None;
        Begin { attempt, emitted }
    }

    /// The number of the newest attempt of a step inside of this one; 1, if it had no other.
    ///
    /// An attempt that was cut off, and found so when the run was resumed, counts, too. Who tries a
    /// step again gives the next number to [`StepScope::attempt`].
    pub fn last_attempt(&self, name: &str) -> u32 {
        let attempts = lock(&self.shared().attempts);
        if attempts.is_empty() {
            return 1;
        }
        attempts.get(&self.path().child(name)).copied().unwrap_or(1)
    }

    /// The place since which a step inside of this one would have to be taken back: where that attempt
    /// began, if it did so before the run was resumed; else here and now.
    ///
    /// To be asked before the step is performed, by who may retract it.
    pub fn place_before(&self, name: &str, attempt: u32) -> Place {
        let history = self.shared().history.get();
        let path = self.path().child(name).attempt(attempt);
        let began = history.and_then(|history| lock(history).began(&path));
        began.unwrap_or_else(|| self.next_place())
    }

    /// What this step had said before its run was resumed, for a step that
    /// [goes on](crate::Step::resumes) from there; none, if there is nothing.
    ///
    /// From then on it is up to the step not to say it again: everything that it emits is new.
    pub fn take_said(&self) -> Option<Said> {
        let history = self.shared().history.get()?;
        let (said, used) = lock(history).take_said(self.path())?;
        self.forget_emitted();
        self.recount(used);
        Some(said)
    }

    /// A step inside of this one isn't come to any more, though it may have begun before the run was
    /// resumed: what its answers used counts all the same.
    ///
    /// It is for who writes a step that does others and finds a decision against some of them in its
    /// [journal](Self::journal): to be called once for each.
    pub fn pass_over(&self, name: &str) {
        if let Some(history) = self.shared().history.get() {
            let used = lock(history).used(&self.path().child(name));
            self.recount(used);
        }
    }

    fn note_attempt(&self, scope: &StepScope, attempt: u32) {
        if attempt > 1 {
            lock(&self.shared().attempts).insert(scope.path_in(self.path()), attempt);
        }
    }

    /// An attempt that was cut off.
    async fn void(&self, void: Void) {
        if !void.is_told {
            let reason = "the run was interrupted; the step begins again";
            let retracted = Retracted::new(void.since, reason);
            self.shared().slot.put(&void.path, retracted.into()).await;
        }
    }

    /// What a step changed is changed.
    fn take_over(&self, scope: &StepScope, changes: Option<&ContextDelta>) -> Result<()> {
        let context = scope.context.as_ref().unwrap_or(self.context());
        match changes {
            Some(delta) => context.apply(delta),
            None => Ok(()),
        }
    }

    /// Says again what a step had said that finished within an attempt that is void.
    async fn say_again(
        &self,
        from: &StepPath,
        to: &StepPath,
        between: (Place, Place),
    ) -> Result<()> {
        for event in self.said_between(from, between).await? {
            let path = event.path.moved(from, to);
            self.shared().slot.put(&path, event.kind).await;
        }
        Ok(())
    }

    /// The events of a step, without what was void already.
    async fn said_between(
        &self,
        step: &StepPath,
        (first, last): (Place, Place),
    ) -> Result<Vec<Event>> {
        let Some(store) = &self.shared().store else {
            return Err(Error::new(ErrorKind::Store, "the run has no store"));
        };
        let mut events: Vec<Event> = Vec::new();
        let before = first.seq.0.checked_sub(1).filter(|seq| *seq > 0);
        let mut after = before.map(|seq| Place::new(first.epoch, crate::Seq(seq)));
        loop {
            let page = store.read(self.run_id(), after, PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(Event::place);
            for event in page {
                if event.seq > last.seq {
                    return Ok(events);
                }
                match &event.kind {
                    EventKind::Retracted(retracted) => events.retain(|said| {
                        !said.path.is_within(&event.path) || said.place() < retracted.since
                    }),
                    _ if event.path.is_within(step) => events.push(event),
                    _ => {}
                }
            }
            if is_last {
                return Ok(events);
            }
        }
    }
}

fn attempt_of(path: &StepPath) -> u32 {
    path.last().map_or(1, |step| step.attempt())
}

use std::{
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Context as Task,
};

use futures::task::AtomicWaker;
use tracing::Span;

use super::{
    StepScope,
    history::Emitted,
    shared::{Shared, Tally},
    slot::Put,
    spoken::Spoken,
};
use crate::{
    Context, Error, EventKind, InputRequest, Journal, Message, ModelSettings, Partial, Place,
    RunId, StepPath, StepSkipped, Text, TimeLimits, Traces, Usage, sync::lock,
};

/// What a step holds of the run that it is a part of.
///
/// With it a step emits events, reads and writes the [`Context`], and begins steps inside of it.
/// Cheap to clone; it can be given to threads and tasks, whose events then join the run's stream
/// for as long as the run lasts.
///
/// The `record_` methods are for who writes a step that asks a model itself, as an agent does: they
/// fill in what the run's result and its errors tell. A function that runs agents needs none of
/// them.
#[derive(Clone)]
pub struct RunContext {
    shared: Arc<Shared>,
    local: Arc<Local>,
}

struct Local {
    path: StepPath,
    context: Context,
    meter: Meter,
    is_whole_run: bool,
    /// Whether it is a tool, or inside of one.
    is_in_tool: bool,
    /// Whether its text isn't shown.
    is_quiet: bool,
    /// Whether it is a step that another one is a part of: a branch of it, or the same one.
    is_part: bool,
    /// What it says by itself; none of those that record it, and of tools.
    said: Option<Spoken>,
    /// What it asked a person while it runs, to be answered before it can go on.
    asked: Arc<Asked>,
    /// What it emitted before its run was resumed, if it goes on from there: not emitted again.
    emitted: Option<Mutex<Emitted>>,
    /// The step's span, while it lasts; none, if nobody listens.
    span: Weak<Span>,
}

/// What follows, once an event was emitted.
enum After {
    Nothing,
    /// The step said this by itself.
    Said(Text),
    /// What was emitted since is void.
    Retracted(Place),
}

/// What a step, with its branches, is to be told before it can go on.
#[derive(Default)]
pub(super) struct Asked {
    requests: Mutex<Vec<InputRequest>>,
    /// Whether there are any, to be known without the lock.
    any: AtomicBool,
    /// The step: it may be another task that asks.
    step: AtomicWaker,
}

impl Asked {
    /// Has the task woken when the step asks something, if it hasn't yet.
    pub(super) fn tell(&self, task: &Task<'_>) {
        self.step.register(task.waker());
    }

    /// What it asked, if it did.
    pub(super) fn take(&self) -> Option<Vec<InputRequest>> {
        if !self.any.load(Ordering::SeqCst) {
            return None;
        }
        self.any.store(false, Ordering::SeqCst);
        let requests = std::mem::take(&mut *lock(&self.requests));
        (!requests.is_empty()).then_some(requests)
    }
}

/// Sums the usage of a step and all inside of it.
struct Meter {
    used: Mutex<Usage>,
    outer: Option<Arc<Local>>,
}

impl RunContext {
    pub(super) fn root(shared: Arc<Shared>, context: Context) -> Self {
        let local = Local {
            path: StepPath::run(),
            context,
            meter: Meter {
                used: Mutex::default(),
                outer: None,
            },
            is_whole_run: false,
            is_in_tool: false,
            is_quiet: false,
            is_part: true,
            said: None,
            asked: Arc::default(),
            emitted: None,
            span: Weak::new(),
        };
        Self {
            shared,
            local: Arc::new(local),
        }
    }

    pub(super) fn child(
        &self,
        path: StepPath,
        context: Context,
        scope: &StepScope,
        emitted: Option<Emitted>,
        span: Weak<Span>,
    ) -> Self {
        let is_in_tool = self.local.is_in_tool || scope.is_tool();
        self.inside(Local {
            is_whole_run: scope.is_whole_run,
            is_in_tool,
            is_part: false,
            said: (!is_in_tool && !scope.records_partial()).then(Spoken::default),
            emitted: emitted.map(Mutex::new),
            span,
            ..self.local_at(path, context)
        })
    }

    /// What a step or a branch inside of this one has, at least.
    fn local_at(&self, path: StepPath, context: Context) -> Local {
        Local {
            path,
            context,
            meter: Meter {
                used: Mutex::default(),
                outer: Some(Arc::clone(&self.local)),
            },
            is_whole_run: false,
            is_in_tool: self.local.is_in_tool,
            is_quiet: self.local.is_quiet,
            is_part: true,
            said: None,
            asked: Arc::default(),
            emitted: None,
            span: Weak::clone(&self.local.span),
        }
    }

    fn inside(&self, local: Local) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            local: Arc::new(local),
        }
    }

    /// The run's id.
    pub fn run_id(&self) -> &RunId {
        &self.shared.id
    }

    /// The path of this step.
    pub fn path(&self) -> &StepPath {
        &self.local.path
    }

    /// The session; within a branch of a flow, the branch's fork of it.
    pub fn context(&self) -> &Context {
        &self.local.context
    }

    /// The record of what is done once, and found again when the run is resumed.
    pub fn journal(&self) -> &dyn Journal {
        &*self.shared.journal
    }

    /// The settings that the run's caller gave; they go before an agent's own.
    pub fn settings(&self) -> &ModelSettings {
        &self.shared.settings
    }

    /// The time limits that the run's caller gave; they go before an agent's own.
    pub fn time_limits(&self) -> Option<TimeLimits> {
        self.shared.time_limits
    }

    /// What the run tells those who listen to its spans.
    pub fn traces(&self) -> &Traces {
        &self.shared.traces
    }

    /// The step's span, while it lasts and somebody listens.
    pub(super) fn span(&self) -> Option<Arc<Span>> {
        self.local.span.upgrade()
    }

    /// Whether this step is the whole of the run, and so is to remember the conversation.
    ///
    /// It is the step that the run was made of by [`Run::of`](crate::Run::of), as agents and flows
    /// make theirs; nothing inside of it is. So the agents of a flow aren't: the flow remembers its
    /// input and its output.
    pub fn is_whole_run(&self) -> bool {
        self.local.is_whole_run
    }

    /// Whether this step is done for a model that called a tool: it is the tool, or inside of it.
    ///
    /// An agent there begins a conversation of its own; the one that called it is none of its business.
    pub fn is_in_tool(&self) -> bool {
        self.local.is_in_tool
    }

    /// Whether the run has a store.
    ///
    /// Then values go from step to step as they are read back, so that a run that is resumed sees
    /// what the first one saw.
    pub fn is_stored(&self) -> bool {
        self.shared.store.is_some()
    }

    /// This step's branch (or round, or item) of that index, from 0, on a context of its own.
    ///
    /// What is emitted there has the step's path with the index, `views[0]`; what is used there
    /// counts as used by this step. It has no beginning and no end of its own.
    #[must_use]
    pub fn branch(&self, index: u32, context: Context) -> Self {
        let path = self.local.path.index(index);
        self.inside(Local {
            asked: Arc::clone(&self.local.asked),
            ..self.local_at(path, context)
        })
    }

    /// The same step, whose output isn't shown, nor that of the steps inside of it.
    ///
    /// Text, JSON, bytes and refusals that are emitted there go nowhere; all other events are the
    /// run's as always. It is for who shows an output later, or never: a draft, a judge's verdict.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::{Run, TextDelta};
    ///
    /// let run = Run::new("r", |ctx| async move {
    ///     ctx.quiet().emit(TextDelta::new("a draft")).await;
    ///     ctx.emit(TextDelta::new("final")).await;
    ///     Ok(())
    /// });
    /// assert_eq!(run.stream().next_text().await?.unwrap(), "final");
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn quiet(&self) -> Self {
        let local = self.local_at(self.local.path.clone(), self.local.context.clone());
        self.inside(Local {
            is_quiet: true,
            asked: Arc::clone(&self.local.asked),
            ..local
        })
    }

    /// In a run with a store: until all that was emitted is there.
    pub(super) async fn until_logged(&self) {
        if self.is_stored() {
            self.shared.slot.settle().await;
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn tally<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut lock(&self.shared.tally))
    }

    /// A step inside of this one has failed.
    pub(super) fn pass_on(&self, step: &Self, error: &Error) {
        self.shared.pass_on(step.path(), error);
    }

    /// What this step is to be told before it can go on.
    pub(super) fn ask_for(&self, requests: impl IntoIterator<Item = InputRequest>) {
        lock(&self.local.asked.requests).extend(requests);
        self.local.asked.any.store(true, Ordering::SeqCst);
        self.shared.any_asked.store(true, Ordering::SeqCst);
        self.local.asked.step.wake();
    }

    /// What this step asks, for who looks at it often.
    pub(super) fn asked(&self) -> &Asked {
        &self.local.asked
    }

    /// Emits an event at this step's path.
    ///
    /// It waits until the reader has room: that is the back-pressure. The numbering, the log and
    /// the reader are the run's business, and so are the kinds that begin and end a run: emitting
    /// one of these does nothing.
    pub async fn emit(&self, kind: impl Into<EventKind>) {
        // The event is never a variable here: each would have its place in what waits.
        let Some((put, after)) = self.begin_emit(kind.into()) else {
            return;
        };
        let place = put.await;
        match (after, self.said()) {
            (After::Said(text), Some(said)) => {
                if let Some(place) = place {
                    said.add(place, text);
                }
            }
            (After::Retracted(since), said) => {
                if let Some(said) = said {
                    said.retract(since);
                }
                let mut tally = lock(&self.shared.tally);
                tally.partials.retract(&self.local.path, since);
            }
            _ => {}
        }
    }

    /// What is to be awaited, if it is to be emitted at all; and what follows from it.
    fn begin_emit(&self, kind: EventKind) -> Option<(Put<'_>, After)> {
        if kind.is_of_the_run() || self.is_hushed(&kind) || self.was_emitted(&kind) {
            return None;
        }
        let after = match &kind {
            EventKind::Retracted(retracted) => After::Retracted(retracted.since),
            other => match other.text() {
                Some(text) if self.said().is_some() => After::Said(text.clone()),
                _ => After::Nothing,
            },
        };
        Some((self.shared.slot.put(&self.local.path, kind), after))
    }

    /// Where it is kept what this step says by itself.
    fn said(&self) -> Option<&Spoken> {
        let mut local = &self.local;
        while local.is_part {
            match &local.meter.outer {
                Some(outer) => local = outer,
                None => return Some(&self.shared.said),
            }
        }
        local.said.as_ref()
    }

    /// The step ended early: what it had said by itself is partial output of the run.
    pub(super) fn record_said(&self) {
        if let Some((text, last)) = self.said().and_then(Spoken::all) {
            lock(&self.shared.tally)
                .partials
                .said(self.path(), &text, last);
        }
    }

    /// Tells that a step inside of this one is left out, and why.
    pub async fn skip(&self, name: &str, reason: impl Into<Text>) {
        let path = self.local.path.child(name);
        let history = self.shared.history.get();
        if history.is_some_and(|history| lock(history).is_skipped(&path)) {
            return;
        }
        let skipped = StepSkipped::new(reason);
        self.shared.slot.put(&path, skipped.into()).await;
    }

    pub(super) fn forget_emitted(&self) {
        if let Some(emitted) = &self.local.emitted {
            lock(emitted).clear();
        }
    }

    /// Whether it is output of a step that is [quiet](Self::quiet).
    fn is_hushed(&self, kind: &EventKind) -> bool {
        self.local.is_quiet
            && matches!(
                kind,
                EventKind::TextDelta(_)
                    | EventKind::RefusalDelta(_)
                    | EventKind::JsonDelta(_)
                    | EventKind::Bytes(_)
            )
    }

    /// Whether the run had emitted it before it was resumed; each time, one of its kind.
    fn was_emitted(&self, kind: &EventKind) -> bool {
        let Some(emitted) = &self.local.emitted else {
            return false;
        };
        let mut emitted = lock(emitted);
        let left = emitted.get_mut(kind.name());
        left.is_some_and(|left| {
            let was = *left > 0;
            *left = left.saturating_sub(1);
            was
        })
    }

    /// Adds what was used before the run was resumed: it is in the books already.
    pub(super) fn recount(&self, usage: Usage) {
        let mut local = Some(&self.local);
        while let Some(step) = local {
            *lock(&step.meter.used) += usage;
            local = step.meter.outer.as_ref();
        }
        lock(&self.shared.tally).usage += usage;
    }

    /// Adds what an interrupted attempt of a step around this one had used, and is found again: to the
    /// steps up to its new attempt. Further out it counts already.
    pub(super) fn record_usage_again(&self, usage: Usage, renewed: Option<&StepPath>) {
        let mut local = Some(&self.local);
        while let Some(step) = local {
            *lock(&step.meter.used) += usage;
            if Some(&step.path) == renewed {
                return;
            }
            local = step.meter.outer.as_ref();
        }
    }

    /// What this step has used so far, with all inside of it.
    pub fn usage(&self) -> Usage {
        *lock(&self.local.meter.used)
    }

    /// Records what this step had delivered when it ended early, in place of what it had emitted.
    ///
    /// The run's error or cancellation carries it, with that of the other steps under way. What a function
    /// emitted is there by itself; this is for who says something else, or with a reason why an answer
    /// ended, and for steps of the kinds `agent` and `turn`, of which nothing is kept. For a step that is
    /// dropped when the run is stopped, it is to be called by a destructor. Inside of a tool, or where it is
    /// [quiet](Self::quiet), it does nothing: that is no output of the run.
    pub fn record_partial(&self, partial: Partial) {
        if self.local.is_in_tool || self.local.is_quiet {
            return;
        }
        let next = self.next_place();
        let mut tally = lock(&self.shared.tally);
        tally
            .partials
            .record(self.local.path.clone(), partial, next);
    }

    /// What the steps at this path and below that ended early had delivered; none, if there are
    /// none.
    ///
    /// That of a step whose failure was handled isn't there any more, once this step has begun
    /// another one; nor what was retracted. The usage is that of this step.
    pub fn partial(&self) -> Option<Partial> {
        let used = self.usage();
        let tally = lock(&self.shared.tally);
        tally.partials.within(&self.local.path, used)
    }

    /// Records why the last model answer ended; the run's result carries it.
    pub fn record_finish_reason(&self, reason: crate::FinishReason) {
        lock(&self.shared.tally).finish_reason = Some(reason);
    }

    /// Records a message that this run added to its conversation; the run's result carries it.
    pub fn record_message(&self, message: Message) {
        lock(&self.shared.tally).messages.push(message);
    }

    /// The place that the next event of this run will have.
    ///
    /// A [`Retracted`](crate::Retracted) with it voids what comes after this moment.
    pub fn next_place(&self) -> Place {
        self.shared.slot.next_place()
    }

    /// Whether all that this step and the steps inside of it emitted can still be taken back.
    ///
    /// It is [`can_retract_since`](Self::can_retract_since) for this step's path, from its beginning.
    pub async fn can_retract(&self) -> bool {
        self.can_retract_since(&self.local.path, Place::default())
            .await
    }

    /// Whether all that was emitted at a path and below, from a place on, can still be taken back.
    ///
    /// It waits until the reader has taken what was emitted. It is false, once text of it was given to
    /// a reader of text alone or to an `on_chunk`, or an item to a reader of items: they would be broken
    /// by a [`Retracted`](crate::Retracted) of that path and place. Readers of events can take
    /// everything back, and nobody who awaits the run was shown anything.
    ///
    /// The path is that of the step that would retract. What a step had emitted that has ended counts
    /// as emitted by the step around it.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::{Run, TextDelta};
    ///
    /// let run = Run::new("r", |ctx| async move {
    ///     ctx.emit(TextDelta::new("given")).await;
    ///     let since = ctx.next_place();
    ///     Ok((ctx.can_retract().await, ctx.can_retract_since(ctx.path(), since).await))
    /// });
    /// let mut stream = run.stream();
    /// assert_eq!(stream.next_text().await?.unwrap(), "given");
    /// assert_eq!(stream.await?.output, (false, true));
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn can_retract_since(&self, path: &StepPath, since: Place) -> bool {
        self.shared.slot.settle().await;
        !lock(&self.shared.given).has_any_since(path, since)
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext")
            .field("run", &self.shared.id)
            .field("path", &self.local.path)
            .finish_non_exhaustive()
    }
}

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures::FutureExt;
use serde::Serialize;

use super::{StepScope, Stepped, driver::panicked, shared::Shared};
use crate::{
    Context, ErrorKind, EventKind, Journal, Json, Message, ModelSettings, Partial, Place, Result,
    RunId, StepFailed, StepFinished, StepPath, StepSkipped, StepStarted, Text, TimeLimits, Usage,
    sync::lock,
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
}

/// Sums the usage of a step and all inside of it.
struct Meter {
    used: Mutex<Usage>,
    outer: Option<Arc<Local>>,
}

impl RunContext {
    pub(super) fn root(shared: Arc<Shared>) -> Self {
        let local = Local {
            path: StepPath::run(),
            context: shared.context.clone(),
            meter: Meter {
                used: Mutex::default(),
                outer: None,
            },
            is_whole_run: false,
        };
        Self {
            shared,
            local: Arc::new(local),
        }
    }

    fn child(&self, path: StepPath, context: Context, is_whole_run: bool) -> Self {
        let local = Local {
            path,
            context,
            meter: Meter {
                used: Mutex::default(),
                outer: Some(Arc::clone(&self.local)),
            },
            is_whole_run,
        };
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

    /// Whether this step is the whole of the run, and so is to remember the conversation.
    ///
    /// It is the step that the run was made of by [`Run::of`](crate::Run::of), as agents and flows
    /// make theirs; nothing inside of it is. So the agents of a flow aren't: the flow remembers its
    /// input and its output.
    pub fn is_whole_run(&self) -> bool {
        self.local.is_whole_run
    }

    /// Whether the run has a store.
    ///
    /// Then values go from step to step as they are read back, so that a run that is resumed sees
    /// what the first one saw.
    pub fn is_stored(&self) -> bool {
        self.shared.is_stored
    }

    /// This step's branch (or round, or item) of that index, from 0, on a context of its own.
    ///
    /// What is emitted there has the step's path with the index, `views[0]`; what is used there
    /// counts as used by this step. It has no beginning and no end of its own.
    #[must_use]
    pub fn branch(&self, index: u32, context: Context) -> Self {
        self.child(self.local.path.index(index), context, false)
    }

    /// Emits an event at this step's path.
    ///
    /// It waits until the reader has room: that is the back-pressure. The numbering, the log and
    /// the reader are the run's business, and so are the kinds that begin and end a run: emitting
    /// one of these does nothing.
    pub async fn emit(&self, kind: impl Into<EventKind>) {
        let kind = kind.into();
        if kind.is_of_the_run() {
            return;
        }
        let retracted = match &kind {
            EventKind::Retracted(retracted) => Some(retracted.since),
            _ => None,
        };
        self.shared.slot.put(&self.local.path, kind).await;
        if let Some(since) = retracted {
            let mut tally = lock(&self.shared.tally);
            tally.partials.retract(&self.local.path, since);
        }
    }

    /// Tells that a step inside of this one is left out, and why.
    pub async fn skip(&self, name: &str, reason: impl Into<Text>) {
        let path = self.local.path.child(name);
        self.shared
            .slot
            .put(&path, StepSkipped::new(reason).into())
            .await;
    }

    /// Runs a step inside of this one.
    ///
    /// Its beginning and its end are events: [`StepStarted`] of the given kind, then
    /// [`StepFinished`] with the output, or [`StepFailed`].
    ///
    /// # Errors
    ///
    /// The step's own, with the step's path; of kind [`ErrorKind::Value`], if the output can't be
    /// JSON; of kind [`ErrorKind::Step`], if it panicked.
    pub async fn step<T, F, Fut>(&self, name: &str, kind: &str, body: F) -> Result<T>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let scope = StepScope::new(name, kind);
        Ok(self.step_in(scope, body).await?.output)
    }

    /// Runs a step inside of this one, as [`step`](Self::step) does, with more to say about it.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step).
    pub async fn step_in<T, F, Fut>(&self, scope: StepScope, body: F) -> Result<Stepped<T>>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let path = self.local.path.child(&scope.name).attempt(scope.attempt);
        let context = scope.context.unwrap_or_else(|| self.local.context.clone());
        let ctx = self.child(path, context, scope.is_whole_run);
        let mut open = OpenStep::begin(&ctx);
        let mut started = StepStarted::new(scope.kind);
        started.weight = scope.weight;
        started.total = scope.total;
        ctx.emit(started).await;
        match ctx.output_of(body).await {
            Ok(stepped) => {
                ctx.emit(StepFinished::new(stepped.json.clone(), stepped.usage))
                    .await;
                open.finish();
                Ok(stepped)
            }
            Err(error) => {
                let error = error.of_run(ctx.run_id()).with_step(ctx.path());
                self.shared.pass_on(ctx.path(), &error);
                if error.kind() != ErrorKind::Suspended {
                    ctx.emit(StepFailed::new((&error).into())).await;
                }
                Err(error)
            }
        }
    }

    /// Does what a step does; that it panics is its error.
    async fn output_of<T, F, Fut>(&self, body: F) -> Result<Stepped<T>>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        // The call itself may panic, too.
        let work = async { body(self.clone()).await };
        let output = AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|_panic| Err(panicked()))?;
        let json = Json::new(&output)?;
        let usage = self.usage();
        Ok(Stepped {
            output,
            json,
            usage,
        })
    }

    /// Adds to what this step, the steps around it and the run have used: once for each answer of a
    /// model, also for one that broke off.
    pub fn record_usage(&self, usage: Usage) {
        let mut local = Some(&self.local);
        while let Some(step) = local {
            *lock(&step.meter.used) += usage;
            local = step.meter.outer.as_ref();
        }
        lock(&self.shared.tally).usage += usage;
    }

    /// What this step has used so far, with all inside of it.
    pub fn usage(&self) -> Usage {
        *lock(&self.local.meter.used)
    }

    /// Records what this step had delivered when it ended early.
    ///
    /// The run's error or cancellation carries it, with that of the other steps under way. For a
    /// step that is dropped when the run is stopped, it is to be called by a destructor.
    pub fn record_partial(&self, partial: Partial) {
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

/// A step between its beginning and its end, however it ends.
struct OpenStep<'a> {
    ctx: &'a RunContext,
    finished: bool,
}

impl<'a> OpenStep<'a> {
    fn begin(ctx: &'a RunContext) -> Self {
        lock(&ctx.shared.tally).partials.begin(ctx.path());
        Self {
            ctx,
            finished: false,
        }
    }

    fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for OpenStep<'_> {
    fn drop(&mut self) {
        let mut tally = lock(&self.ctx.shared.tally);
        if self.finished {
            tally.partials.finish(self.ctx.path());
        } else {
            tally.partials.end(self.ctx.path());
        }
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

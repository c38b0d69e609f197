//! A run: one typed stream of events.

mod append_only;
mod asides;
mod batches;
mod clock;
mod context;
mod driver;
mod end;
mod engine;
mod followed;
mod growing;
mod history;
mod item_stream;
mod journal;
mod log;
mod merge;
mod observers;
mod opening;
mod partial_view;
mod partials;
mod patch_stream;
mod perform;
mod question;
mod replay;
mod result;
mod resume;

mod scope;
mod session;
mod shared;
mod shown;
mod slot;
mod spans;
mod spending;
mod spoken;
mod steps;
mod stream;
mod text;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicBool},
    time::Duration,
};

pub use append_only::{AppendOnly, Appended};
use asides::Asides;
pub use batches::ChunkBatches;
pub use context::RunContext;
pub use driver::StopHandle;
use driver::{Driver, Work};
use engine::Engine;
use futures::{FutureExt, future::BoxFuture};
pub use history::Said;
pub use item_stream::ItemStream;
use journal::RunJournal;
pub use merge::{Labelled, Merged, MergedText, merge};
use observers::Observers;
use opening::{Opened, Opening};
pub use partial_view::PartialView;
pub use patch_stream::PatchStream;
pub use question::Question;
pub use result::{Outcome, RunResult};
pub use resume::Resume;
pub use scope::{StepScope, Stepped};
use serde::{Serialize, de::DeserializeOwned};
use session::Session;
use shared::{Past, Shared, Tally};
use slot::Slot;
use spans::RunSpan;
pub use spending::Spending;
use spoken::Spoken;
pub use stream::{RunFuture, RunStream};
pub use text::TextStream;
use tracing::Span;

use crate::{
    Busy, Context, Error, ErrorKind, Event, Journal, Json, ModelSettings, NewRun, Prices, Result,
    RunId, RunStarted, Step, StepPlan, Store, Text, TimeLimits, Traces, UsageLimits, sync::lock,
    usage::Ledger,
};

type Body<T> = Box<dyn FnOnce(RunContext) -> BoxFuture<'static, Result<T>> + Send>;

/// A run that hasn't begun: set it up, then await or stream it.
///
/// Agents and flows make it. `.await` gives the [`RunResult`]; [`stream`](Self::stream) the
/// [`RunStream`] of its events. Both do the same work in the same way: awaiting is streaming
/// without looking. Nothing happens before it is polled, and dropping it stops it.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{Run, TextDelta};
///
/// let run = Run::new("greet", |ctx| async move {
///     ctx.emit(TextDelta::new("Hello")).await;
///     Ok("Hello".to_owned())
/// });
/// let mut stream = run.stream();
/// assert_eq!(stream.next_text().await?.unwrap(), "Hello");
/// assert_eq!(stream.await?.output, "Hello");
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "a run does nothing unless it is awaited or streamed"]
pub struct Run<T> {
    name: Text,
    body: Body<T>,
    input: Option<Json>,
    id: Option<RunId>,
    owner: Option<Text>,
    metadata: BTreeMap<String, serde_json::Value>,
    context: Option<Context>,
    busy: Busy,
    settings: ModelSettings,
    time_limits: Option<TimeLimits>,
    wall_clock: Option<Duration>,
    max_output_bytes: Option<u64>,
    usage_limits: UsageLimits,
    prices: Option<Prices>,
    store: Option<Arc<dyn Store>>,
    journal: Option<Arc<dyn Journal>>,
    observers: Observers,
    plan: Option<StepPlan>,
    resume: Option<Resume>,
    traces: Traces,
}

impl<T: Serialize + Send + 'static> Run<T> {
    /// A run of a function.
    ///
    /// It is how agents and flows are made: the function emits events through its [`RunContext`]
    /// and returns the output. [`Run::of`] is the run of one [`Step`].
    pub fn new<F, Fut>(name: impl Into<Text>, body: F) -> Self
    where
        F: FnOnce(RunContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        Self {
            name: name.into(),
            body: Box::new(|ctx| body(ctx).boxed()),
            input: None,
            id: None,
            owner: None,
            metadata: BTreeMap::new(),
            context: None,
            busy: Busy::Wait,
            settings: ModelSettings::new(),
            time_limits: None,
            wall_clock: None,
            max_output_bytes: None,
            usage_limits: UsageLimits::new(),
            prices: None,
            store: None,
            journal: None,
            observers: Observers::default(),
            plan: None,
            resume: None,
            traces: Traces::new(),
        }
    }

    /// The run of a step.
    pub fn of<In, S>(step: S, input: In) -> Self
    where
        In: Serialize + Send + 'static,
        S: Step<In, Output = T>,
    {
        let name: Text = step.name().into();
        let json = Json::new(&input).ok();
        let plan = step.plan();
        let run = Self::new(name, move |ctx| async move {
            let scope = StepScope::of(step.name(), &step).of_the_whole_run();
            let work = |ctx| step.call(ctx, input);
            Ok(ctx.step_in(scope, work).await?.output)
        });
        Self {
            input: json,
            plan: Some(plan),
            ..run
        }
    }

    /// The run of a step that goes on: one that was suspended, with answers, or one whose process
    /// died.
    ///
    /// It needs the [`store`](Self::store) that has its log. What had finished comes from there and
    /// isn't done again; what was under way is retracted and begins again, unless it
    /// [resumes](Step::resumes). The events go on after the last one with
    /// [`RunResumed`](crate::RunResumed); what came before is in the log.
    ///
    /// The run works on the session that it had when it was begun. A [`context`](Self::context) that
    /// is given gets what the run adds to it, when it ends.
    ///
    /// If the run can't go on (it has ended; the step isn't what it was; an answer doesn't fit), it
    /// fails with an error of the code `not_resumed`, and its log stays as it was.
    pub fn resume<In, S>(step: S, run: impl Into<Resume>) -> Self
    where
        In: DeserializeOwned + Send + 'static,
        S: Step<In, Output = T>,
        T: DeserializeOwned,
    {
        let resume = run.into();
        let name: Text = step.name().into();
        let plan = step.plan();
        let body = move |ctx: RunContext| async move {
            let input: In = ctx.first_input().await?;
            let scope = StepScope::of(step.name(), &step).of_the_whole_run();
            ctx.perform(scope, move |ctx| step.call(ctx, input)).await
        };
        Self {
            id: Some(resume.run.clone()),
            resume: Some(resume),
            plan: Some(plan),
            ..Self::new(name, body)
        }
    }

    /// Uses a session; without one, the run has a new one of its own.
    ///
    /// A run has its turn on the context until it ends. A step that starts another run on the same
    /// context and awaits it waits for itself; within a run, use [`RunContext::step`].
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// What to do when another run is using the context; by default this one waits.
    pub fn when_busy(mut self, busy: Busy) -> Self {
        self.busy = busy;
        self
    }

    /// Calls a function with each piece of text, as a text view gives it.
    ///
    /// It is called when the event is handed to the reader, before the reader has it. A callback
    /// that panics is reported by a notice, once, and called again.
    pub fn on_chunk(mut self, call: impl FnMut(&Text) + Send + 'static) -> Self {
        self.observers.on_chunk(call);
        self
    }

    /// Calls a function with each event; as [`on_chunk`](Self::on_chunk).
    pub fn on_event(mut self, call: impl FnMut(&Event) + Send + 'static) -> Self {
        self.observers.on_event(call);
        self
    }

    /// Settings for this run; they go before those of its agents.
    pub fn settings(mut self, settings: ModelSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Limits how long models may keep this run waiting; they go before those of its agents.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.time_limits = Some(limits);
        self
    }

    /// Limits the time of the whole run by the wall clock, the time that its reader takes included.
    ///
    /// None by default. [`time_limits`](Self::time_limits) count waiting on the model alone.
    pub fn wall_clock_limit(mut self, limit: Duration) -> Self {
        self.wall_clock = Some(limit);
        self
    }

    /// Limits the output in bytes; none by default.
    ///
    /// Everything that models and steps say counts: text, JSON, reasoning, refusals, the arguments
    /// of tools, bytes. The piece that would pass the limit isn't shown; the run fails with
    /// [`ErrorKind::Limit`](crate::ErrorKind::Limit) and keeps what was shown as partial output.
    pub fn max_output_bytes(mut self, bytes: u64) -> Self {
        self.max_output_bytes = Some(bytes);
        self
    }

    /// Limits what the run uses, over all of its models, attempts and branches; none by default.
    ///
    /// Its context may have [limits](Context::set_usage_limits) of its own besides. A run that is resumed
    /// counts what it had used before, as far as that is in its log: by answers that had ended.
    pub fn usage_limits(mut self, limits: UsageLimits) -> Self {
        self.usage_limits = limits;
        self
    }

    /// Says what models cost: for [`RunResult::cost`], and for a limit of cost. By default the
    /// [prices of its context](Context::set_prices).
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Keeps the run's events in a store; each is shown only once the store has it.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Uses another journal than the run's own.
    ///
    /// Its own enters what it is given as [`Decided`](crate::Decided) events, which are in the log
    /// if there is a store; another one keeps its entries to itself.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Gives the run an id of the caller's; by default it gets one that can't be guessed.
    pub fn id(mut self, id: impl Into<RunId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says whose the run is; its [`store`](Self::store) keeps it and lists runs by it.
    pub fn owner(mut self, owner: impl Into<Text>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Says something about the run; [`RunStarted`] carries it.
    pub fn metadata(
        mut self,
        name: impl Into<String>,
        value: impl Into<serde_json::Value>,
    ) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// What the run tells those who listen to its spans; by default, no content.
    pub fn traces(mut self, traces: Traces) -> Self {
        self.traces = traces;
        self
    }

    /// The stream of the run's events.
    pub fn stream(self) -> RunStream<T> {
        let slot = Arc::new(Slot::new(self.max_output_bytes));
        let history = Past::default();
        let is_stored = self.store.is_some();
        let journal = self.journal.unwrap_or_else(|| {
            let (slot, history) = (Arc::clone(&slot), Arc::clone(&history));
            Arc::new(RunJournal::new(slot, history, is_stored))
        });
        let id = self.id.unwrap_or_else(RunId::new);
        let span = RunSpan::begin(&id, &self.name, self.resume.is_some(), &self.traces);
        let context = self.context.unwrap_or_default();
        let prices = self.prices.unwrap_or_else(|| context.prices());
        let shared = Arc::new(Shared {
            id,
            slot,
            store: self.store,
            context,
            session: Mutex::default(),
            history,
            unusable: OnceLock::new(),
            attempts: Mutex::default(),
            journal,
            settings: self.settings,
            time_limits: self.time_limits,
            tally: Mutex::new(Tally::default()),
            ledger: Ledger::limited("run", self.usage_limits, prices),
            asides: Asides::default(),
            given: Mutex::default(),
            traces: self.traces,
            any_asked: AtomicBool::default(),
            said: Spoken::default(),
        });
        let mut new = NewRun::new(shared.id.clone(), self.name.clone());
        new.owner = self.owner;
        let mut started = RunStarted::new(shared.id.clone(), self.name);
        started.input = self.input;
        started.metadata = self.metadata;

        let output = Arc::new(Mutex::new(None));
        let work = work(
            Arc::clone(&shared),
            self.busy,
            self.body,
            Arc::clone(&output),
        );
        let driver = Driver::new(work, Arc::clone(&shared.slot));
        let first = (new, &started, span.get());
        let is_new = self.resume.is_none();
        let opening = opening(&shared, self.busy, self.plan, first, self.resume);
        let mut engine = Engine::new(Arc::clone(&shared), Arc::new(driver), started, span);
        if let Some(opening) = opening {
            engine.open(opening, is_new);
        }
        engine.observers = self.observers;
        engine.wall_clock.limit = self.wall_clock;
        engine.max_output_bytes = self.max_output_bytes;
        RunStream::new(engine, output)
    }

    /// Runs until the end, and gives a suspension as a value.
    ///
    /// # Errors
    ///
    /// The run's failure, or of kind [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
    pub async fn outcome(self) -> Result<Outcome<T>> {
        self.stream().outcome().await
    }
}

/// What makes a run's log ready; none for a run that needs none.
fn opening(
    shared: &Arc<Shared>,
    busy: Busy,
    plan: Option<StepPlan>,
    (new, started, span): (NewRun, &RunStarted, Span),
    resume: Option<Resume>,
) -> Option<BoxFuture<'static, Result<Opened>>> {
    let Some(store) = shared.store.clone() else {
        let run = resume?.run;
        let message = format!(
            "run `{run}` goes on from its log; give it the store that has it, by `Run::store`"
        );
        return Some(std::future::ready(Err(Error::new(ErrorKind::Config, message))).boxed());
    };
    let opening = Opening {
        shared: Arc::clone(shared),
        store,
        busy,
        plan,
        started: started.clone(),
        span,
    };
    Some(match resume {
        None => opening.begin(new).boxed(),
        Some(resume) => opening.resume(resume).boxed(),
    })
}

/// The work of a run: its turn on the context, its body, and its output for both kinds of reader.
fn work<T: Serialize + Send + 'static>(
    shared: Arc<Shared>,
    busy: Busy,
    body: Body<T>,
    typed: Arc<Mutex<Option<T>>>,
) -> Work {
    async move {
        let ready = lock(&shared.session).take();
        let session = match ready {
            Some(session) => session?,
            None => Session::direct(&shared, busy).await?,
        };
        let context = session.context().clone();
        let ctx = RunContext::root(shared, context);
        let output = {
            let mut body = body(ctx.clone());
            let work = ctx.until_asked(|task| body.as_mut().poll(task));
            session.during(work).await
        };
        let output = session.end(output)?;
        let json = Json::new(&output)?;
        *lock(&typed) = Some(output);
        Ok(json)
    }
    .boxed()
}

impl<T: Serialize + Send + 'static> IntoFuture for Run<T> {
    type Output = Result<RunResult<T>, Error>;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        self.stream().into_future()
    }
}

impl<T> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

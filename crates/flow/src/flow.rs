use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Context, Result, Run, RunContext, RunStream, Step, StepPath, StepPlan, Text};

use crate::{
    Branch, Each, IntoBranches, IntoRace, IntoStep, List, StepValue, Until,
    child::misbuilt,
    memory::Memory,
    node::Node,
    value::{Value, downcast},
};

/// Steps, one after the other: from an `I` to an `O`.
///
/// Immutable, cheap to clone, and shared by any number of runs. A run is one stream of events, each
/// with the path of its step: `guide/views[0]/expert`. A flow is a [`Step`] itself.
///
/// Only what a step emits is text: agents and functions that say something. What a step gives travels
/// in its [`StepFinished`](mainstem_core::StepFinished), and to the next step.
///
/// When a step fails, the run ends with its error, which names the step; what was delivered before
/// stays, and nothing runs twice.
///
/// # What it remembers
///
/// The agents in a flow read the history of the run's [`Context`](mainstem_core::Context) as it was
/// when the run began; only those with a thread of their own write to it. At the run's end its input and output are
/// added as the user's message and the answer: text as it is, other values as JSON. A run that fails
/// or is stopped leaves the input, and what its last step had said as a partial answer.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::Flow;
///
/// let shout = Flow::new("shout")
///     .step("trim", |text: String| text.trim().to_owned())
///     .parallel("both", (|text: String| text.to_uppercase(), |text: String| text.len()))
///     .step("join", async |(text, length): (String, usize)| Ok(format!("{text} ({length})")));
///
/// assert_eq!(shout.run(" jay ").await?.output, "JAY (3)");
/// # Ok(())
/// # }
/// ```
pub struct Flow<I, O = I> {
    name: Text,
    nodes: Arc<Vec<Node>>,
    /// Set once nothing was found wrong with it: it can't change any more.
    checked: Arc<AtomicBool>,
    pub(crate) version: Text,
    pub(crate) compatible_with: Vec<Text>,
    /// What declares the keys.
    pub(crate) keys: Vec<Declare>,
    _types: PhantomData<fn(I) -> O>,
}

/// Declares a key in a context.
pub(crate) type Declare = Arc<dyn Fn(&Context) + Send + Sync>;

impl<I> Flow<I> {
    /// A flow without steps, which gives its input.
    ///
    /// The name is the first segment of its events' paths.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            nodes: Arc::default(),
            checked: Arc::default(),
            version: "1".into(),
            compatible_with: Vec::new(),
            keys: Vec::new(),
            _types: PhantomData,
        }
    }
}

/// What a step gives.
type Given<In, S, M> = <<S as IntoStep<In, M>>::Step as Step<In>>::Output;

impl<I, O: Send + 'static> Flow<I, O> {
    /// Adds a step that takes what the one before gives.
    ///
    /// [`IntoStep`] says what can be one. Names of steps differ within a flow: a run of one with the
    /// same name twice fails with [`ErrorKind::Config`](mainstem_core::ErrorKind::Config).
    pub fn step<S, M>(self, name: impl Into<Text>, step: S) -> Flow<I, Given<O, S, M>>
    where
        S: IntoStep<O, M>, // an async closure that captures: `with(value, async |value, input| ..)`
        S::Step: Step<O>, // async: gives a `StepResult`, holds only what is `Send` over an `.await`
        Given<O, S, M>: StepValue,
    {
        self.push(Node::new(name.into(), step.into_step()))
    }

    /// Adds steps that run at the same time, each on a clone of what the step before gives.
    ///
    /// A tuple of up to eight, which gives the tuple of their outputs, or a list of steps of one type,
    /// which gives the list of them. Their events interleave, with
    /// paths like `views[0]/expert`; [`named`](crate::named) gives a branch another name,
    /// [`at_most`](crate::at_most) bounds how many run at once. Each has a fork of the context; when
    /// all have finished, the forks are [merged](mainstem_core::Context::merge) in the order of the
    /// branches. When one fails, the others are stopped, their model's connections closed; when one is
    /// suspended, they go on to their end first.
    pub fn parallel<B, M>(self, name: impl Into<Text>, branches: B) -> Flow<I, B::Output>
    where
        O: Clone,
        B: IntoBranches<O, M>,
        B::Output: StepValue,
    {
        self.push(Node::new(name.into(), branches.into_branches()))
    }

    /// Adds steps that compete: the first to finish wins, and the others are stopped.
    ///
    /// A tuple of up to eight, or a list of steps of one type; all give the same. Each has a clone of
    /// what the step before gives, and a fork of the context, of which only the winner's is merged.
    /// What the others had shown is [retracted](mainstem_core::Retracted): a reader of text alone, which
    /// can't take anything back, fails if a loser had said something. A step that fails or is suspended
    /// is out; if all fail, so does the race.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// use std::time::Duration;
    ///
    /// use mainstem_flow::Flow;
    ///
    /// async fn slow(n: u8) -> mainstem_core::StepResult<u8> {
    ///     tokio::time::sleep(Duration::from_secs(n.into())).await;
    ///     Ok(n)
    /// }
    ///
    /// let flow = Flow::<u8>::new("f").race("fastest", (slow, async |n: u8| Ok(n + 1)));
    /// assert_eq!(flow.run(7u8).await?.output, 8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn race<B, M>(self, name: impl Into<Text>, steps: B) -> Flow<I, B::Output>
    where
        O: Clone,
        B: IntoRace<O, M>,
        B::Output: StepValue,
    {
        self.push(Node::new(name.into(), steps.into_race()))
    }

    /// Adds one of several steps, by a key of what the step before gives.
    ///
    /// [`by`](crate::by) takes the key from it by a function, [`by_value`](crate::by_value) takes it as
    /// it is, [`by_step`](crate::by_step) asks a routing step. All arms take the same and give the same.
    pub fn branch<K, T>(self, name: impl Into<Text>, branch: Branch<O, K, T>) -> Flow<I, T>
    where
        K: PartialEq + StepValue + Sync,
        T: StepValue,
    {
        self.push(Node::new(name.into(), branch.into_step()))
    }

    /// Does a step for each item of the list that the step before gives: `each(read).at_most(4)`.
    ///
    /// It gives the list of what they give. [`each`](crate::each) says more.
    pub fn map<T, S, M>(self, name: impl Into<Text>, items: Each<S>) -> Flow<I, Vec<Given<T, S, M>>>
    where
        O: List<T>,
        T: Send + 'static,
        S: IntoStep<T, M>,
        S::Step: Step<T>,
        Given<T, S, M>: StepValue,
    {
        let step = IntoStep::<O, _>::into_step(items);
        self.push(Node::new::<O, _>(name.into(), step))
    }

    /// Repeats a step until a condition holds, a bounded number of rounds:
    /// `up_to(5, improve).until(|draft: &Draft| draft.is_good)`.
    ///
    /// Each round takes what the one before gave; the events of the third are those of `refine[2]`.
    /// [`up_to`](crate::up_to) says more.
    pub fn repeat<S, M>(self, name: impl Into<Text>, rounds: Until<O, S>) -> Self
    where
        O: StepValue,
        S: IntoStep<O, M>,
        S::Step: Step<O, Output = O>,
    {
        self.push(Node::new(name.into(), rounds.into_step()))
    }

    fn push<T>(mut self, node: Node) -> Flow<I, T> {
        Arc::make_mut(&mut self.nodes).push(node);
        Flow {
            name: self.name,
            nodes: self.nodes,
            checked: Arc::default(),
            version: self.version,
            compatible_with: self.compatible_with,
            keys: self.keys,
            _types: PhantomData,
        }
    }

    /// The flow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds what is put together wrongly in it, and in the flows and steps inside of it.
    ///
    /// Two steps of one name, a branch without arms, a bound of 0: whatever would be found before
    /// anything runs. It is for tests; every run begins with it.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`](mainstem_core::ErrorKind::Config), with the path of what is wrong.
    ///
    /// ```
    /// use mainstem_flow::Flow;
    ///
    /// let flow = Flow::new("count").step("add", |n: u8| n + 1).step("add", |n: u8| n + 2);
    /// let error = flow.check().unwrap_err();
    /// assert_eq!(error.step().unwrap().to_string(), "count/add");
    /// ```
    pub fn check(&self) -> Result<()> {
        self.check_at(&StepPath::run().child(&self.name))
    }

    fn check_at(&self, path: &StepPath) -> Result<()> {
        if self.checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.name.trim().is_empty() {
            return Err(misbuilt(
                path,
                "a flow has no name; give it one by `Flow::new`",
            ));
        }
        if self.compatible_with.contains(&self.version) {
            let message = format!(
                "flow `{}` is of version `{1}`, and says that it is compatible with `{1}`; say by \
                 `version` which one it is now",
                self.name, self.version
            );
            return Err(misbuilt(path, message));
        }
        let mut names: Vec<_> = self.nodes.iter().map(Node::name).collect();
        names.sort_unstable();
        if names.first().is_some_and(|name| name.trim().is_empty()) {
            let message = format!(
                "flow `{}` has a step without a name; give it one",
                self.name
            );
            return Err(misbuilt(path, message));
        }
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!(
                "flow `{}` has two steps named `{}`; give one of them another name",
                self.name, pair[0]
            );
            return Err(misbuilt(&path.child(pair[0]), message));
        }
        self.nodes.iter().try_for_each(|node| node.check(path))?;
        self.checked.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl<I: StepValue, O: StepValue> Flow<I, O> {
    /// A run on an input, to be set up, then awaited or streamed.
    pub fn run(&self, input: impl Into<I>) -> Run<O> {
        Run::of(self.clone(), input.into())
    }

    /// The stream of a run on an input: `run(input).stream()`.
    pub fn run_streamed(&self, input: impl Into<I>) -> RunStream<O> {
        self.run(input).stream()
    }
}

impl<I: StepValue, O: StepValue> Step<I> for Flow<I, O> {
    type Output = O;

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "flow"
    }

    fn plan(&self) -> StepPlan {
        let steps = self.nodes.iter().map(|node| node.plan().clone());
        let plan = StepPlan::new(self.name.clone(), "flow").inside(steps);
        let mut plan = plan.gives_as_inside();
        plan.version = Some(self.version.clone());
        plan.compatible_with.clone_from(&self.compatible_with);
        plan
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.check_at(path)
    }

    fn call(&self, ctx: RunContext, input: I) -> BoxFuture<'static, Result<O>> {
        let flow = self.clone();
        async move {
            flow.check_at(ctx.path())?;
            flow.keys.iter().for_each(|declare| declare(ctx.context()));
            let mut memory = Memory::begin(&ctx, &input);
            let mut value: Value = Box::new(input);
            for (index, node) in flow.nodes.iter().enumerate() {
                if index + 1 == flow.nodes.len() {
                    memory.begin_last_step();
                }
                value = node.perform(ctx.clone(), value).await?;
            }
            let output: O = downcast(value)?;
            memory.end(&output);
            Ok(output)
        }
        .boxed()
    }
}

impl<I, O> Clone for Flow<I, O> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            nodes: Arc::clone(&self.nodes),
            checked: Arc::clone(&self.checked),
            version: self.version.clone(),
            compatible_with: self.compatible_with.clone(),
            keys: self.keys.clone(),
            _types: PhantomData,
        }
    }
}

impl<I, O> fmt::Debug for Flow<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.nodes.iter().map(Node::name).collect();
        f.debug_struct("Flow")
            .field("name", &self.name)
            .field("steps", &steps)
            .finish()
    }
}

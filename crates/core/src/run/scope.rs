use crate::{Context, ContextDelta, Json, Step, StepFinished, StepPath, StepPlan, Text, Usage};

/// Which step is to run, and on what: for [`RunContext::step_in`](crate::RunContext::step_in).
///
/// ```
/// use mainstem_core::StepScope;
///
/// let second = StepScope::new("write", "agent").attempt(2);
/// # let _ = second;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StepScope {
    pub(super) name: Text,
    /// The step's own name, where its place has another one: a key may be anybody's text.
    own_name: Option<Text>,
    pub(super) kind: Text,
    pub(super) index: Option<u32>,
    pub(super) attempt: u32,
    pub(super) context: Option<Context>,
    pub(super) is_whole_run: bool,
    pub(super) resumes: bool,
    pub(super) weight: Option<u64>,
    pub(super) total: Option<u64>,
}

impl StepScope {
    /// A step with its name, and its kind: `agent`, `function`, `flow`, ….
    ///
    /// What is said inside of a step of the kind `tool` isn't the run's text: views of text and of JSON
    /// leave it out, readers of events get it.
    pub fn new(name: impl Into<Text>, kind: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            own_name: None,
            kind: kind.into(),
            index: None,
            attempt: 1,
            context: None,
            is_whole_run: false,
            resumes: false,
            weight: None,
            total: None,
        }
    }

    /// As a step says it of itself: its kind, whether it [resumes](crate::Step::resumes), how much
    /// there is to do.
    pub fn of<In>(name: impl Into<Text>, step: &impl Step<In>) -> Self {
        let scope = Self::new(name, step.kind())
            .resumes(step.resumes())
            .plan(&step.plan());
        Self {
            own_name: Some(step.name().into()),
            ..scope
        }
    }

    /// What it is called for those who trace it.
    pub(super) fn title(&self) -> &str {
        self.own_name.as_ref().unwrap_or(&self.name)
    }

    /// How much there is to do, by its plan.
    pub fn plan(mut self, plan: &StepPlan) -> Self {
        let total = plan.total();
        self.weight = (total != 1).then_some(total);
        self.total = plan.total_inside();
        self
    }

    /// Whether it goes on where it was, if its run is resumed; not so by default. See
    /// [`Step::resumes`](crate::Step::resumes).
    pub fn resumes(mut self, resumes: bool) -> Self {
        self.resumes = resumes;
        self
    }

    /// The step is all that the run consists of.
    pub(super) fn of_the_whole_run(mut self) -> Self {
        self.is_whole_run = true;
        self
    }

    /// Which one it is of several of its name, from 0: a segment of its path, as in `turn[1]`.
    pub fn index(mut self, index: u32) -> Self {
        self.index = Some(index);
        self
    }

    /// Which attempt it is, from 1; the first by default.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Its path inside of another step, at its first attempt.
    pub(super) fn path_in(&self, around: &StepPath) -> StepPath {
        let path = around.child(&self.name);
        match self.index {
            Some(index) => path.index(index),
            None => path,
        }
    }

    /// Whether it is a tool of a model.
    pub(super) fn is_tool(&self) -> bool {
        &*self.kind == "tool"
    }

    /// Whether it keeps what it says, and records it when it ends early.
    pub(super) fn records_partial(&self) -> bool {
        matches!(&*self.kind, "agent" | "turn")
    }

    /// The context that it sees; by default that of the step around it.
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }
}

/// What a step gave, and the JSON of it that its [`StepFinished`](crate::StepFinished) tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stepped<T> {
    /// The output.
    pub output: T,
    /// The same as JSON.
    pub json: Json,
    /// What the step used, with all inside of it.
    pub usage: Usage,
    /// What it changed in the context; in a run with a store alone.
    pub context_delta: Option<Box<ContextDelta>>,
}

impl<T> Stepped<T> {
    pub(super) fn as_event(&self) -> StepFinished {
        let mut finished = StepFinished::new(self.json.clone(), self.usage);
        finished.context_delta.clone_from(&self.context_delta);
        finished
    }
}

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Context, Model, ModelSettings, OutputSpec, Result, Resume, Run, RunContext, RunStream, Step,
    StepPlan, Text, TimeLimits, TokenCounter,
};
use mainstem_structured::Front;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    AgentBuilder, Instructions, drive::drive, guards::Guards, providers::Supply, reading::Reading,
    route::words_of, tools::Tools,
};

/// A model with instructions, settings and an output type.
///
/// Its output is text, or a type by [`AgentBuilder::output`]. Cheap to clone, `Send + Sync`, and
/// without state: any number of runs may share it.
///
/// As a step of a flow it takes a `String`.
pub struct Agent<T = String> {
    parts: Arc<Parts>,
    /// Reads the output from the model's whole text.
    read: fn(&str) -> serde_json::Result<T>,
}

/// What an agent is made of, whatever its output.
pub(crate) struct Parts {
    pub(crate) name: Text,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) instructions: Option<Instructions>,
    pub(crate) settings: ModelSettings,
    pub(crate) time_limits: TimeLimits,
    pub(crate) output: Option<OutputSpec>,
    /// At least one.
    pub(crate) output_attempts: u32,
    pub(crate) hold_until_valid: bool,
    /// Whether an answer that was cut off is continued when the run is resumed.
    pub(crate) continue_interrupted: bool,
    pub(crate) front: Option<Front>,
    pub(crate) max_input_bytes: Option<usize>,
    pub(crate) max_input_tokens: Option<u64>,
    pub(crate) token_counter: Option<Arc<dyn TokenCounter>>,
    pub(crate) allow_empty_input: bool,
    pub(crate) thread: Option<Text>,
    pub(crate) supply: Supply,
    pub(crate) guards: Guards,
    pub(crate) tools: Option<Arc<Tools>>,
    /// At least one.
    pub(crate) max_turns: u32,
}

impl Agent {
    /// Begins an agent on a model.
    pub fn builder(model: impl Model) -> AgentBuilder {
        AgentBuilder::new(model)
    }
}

impl<T> Agent<T> {
    pub(crate) fn new(parts: Parts, read: fn(&str) -> serde_json::Result<T>) -> Self {
        Self {
            parts: Arc::new(parts),
            read,
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Reads the output from the model's whole text.
    pub(crate) fn read(&self, text: &str) -> serde_json::Result<T> {
        (self.read)(text)
    }

    /// Its name, the first segment of its events' paths.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The id of its model.
    pub fn model(&self) -> &str {
        self.parts.model.id()
    }
}

impl<T> Agent<T> {
    /// Whether its output is JSON.
    pub(crate) fn is_typed(&self) -> bool {
        self.parts.output.is_some()
    }
}

impl<T: Serialize + Send + 'static> Agent<T> {
    /// A run on an input, to be set up, then awaited or streamed.
    ///
    /// An input that is empty (or nothing but white space), or longer than the agent allows, fails
    /// with [`ErrorKind::Input`](mainstem_core::ErrorKind::Input) before the model is asked.
    pub fn run(&self, input: impl Into<String>) -> Run<T> {
        Run::of(self.clone(), input.into())
    }

    /// The stream of a run on an input: `run(input).stream()`.
    pub fn run_streamed(&self, input: impl Into<String>) -> RunStream<T> {
        self.run(input).stream()
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Agent<T> {
    /// A run that goes on after its process died, from the store that has its log.
    ///
    /// What the agent had said is retracted and it begins again; with
    /// [`continue_interrupted`](crate::AgentBuilder::continue_interrupted) it goes on from there.
    /// [`Run::resume`] tells the rest.
    pub fn resume(&self, run: impl Into<Resume>) -> Run<T> {
        Run::resume(self.clone(), run)
    }
}

impl Parts {
    /// Whether it goes on from what it had said. Checked JSON doesn't: what was shown of it may not
    /// be what the model wrote.
    pub(crate) fn continues(&self) -> bool {
        self.continue_interrupted && self.output.is_none()
    }

    /// What its model is told in a run on an input.
    pub(crate) fn instructions_for(
        &self,
        context: &Context,
        input: &str,
        more: Option<&Text>,
    ) -> Result<Option<Text>> {
        let told = self.instructions.as_ref();
        let told = told.map(|told| told.fill(&self.name, context, input));
        Ok(match (told.transpose()?, more) {
            (Some(told), Some(more)) => Some(format!("{told}\n\n{more}").into()),
            (told, more) => told.or_else(|| more.cloned()),
        })
    }

    /// How its output is read out of the model's text.
    pub(crate) fn reading(&self, output: &OutputSpec) -> Reading {
        // Who may call tools says something before it does, whoever holds it to the schema.
        let is_free = self.tools.is_some();
        Reading::new(&*self.model, output, self.front.as_ref(), is_free)
    }
}

impl<T: Serialize + Send + 'static> Step<String> for Agent<T> {
    type Output = T;

    fn name(&self) -> &str {
        &self.parts.name
    }

    fn kind(&self) -> &'static str {
        "agent"
    }

    fn plan(&self) -> StepPlan {
        let output = self.parts.output.as_ref();
        let words = output.map(|output| words_of(output.schema.as_value()));
        StepPlan::new(self.name(), self.kind()).gives(words.unwrap_or_default())
    }

    fn resumes(&self) -> bool {
        self.parts.tools.is_some() || self.parts.continues()
    }

    fn call(&self, ctx: RunContext, input: String) -> BoxFuture<'static, Result<T>> {
        drive(self.clone(), ctx, input).boxed()
    }
}

impl<T> Clone for Agent<T> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            read: self.read,
        }
    }
}

impl<T> fmt::Debug for Agent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.parts.name)
            .field("model", &self.parts.model.id())
            .finish_non_exhaustive()
    }
}

//! Routers: an agent says where an input goes, as one of the declared destinations.

mod builder;
mod destinations;

use std::{fmt, sync::Arc};

pub use builder::RouterBuilder;
use destinations::Destinations;
pub(crate) use destinations::words_of;
use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    DecisionKind, JournalKey, Json, Result, Resume, Run, RunContext, RunStream, Step, StepPlan,
    StepScope, Text,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Agent, Prompt, Template, Templated};

/// The step inside of a router's that asks the model.
const AGENT: &str = "agent";

/// Says where an input goes: one of the destinations that were declared; made by
/// [`AgentBuilder::routes`](crate::AgentBuilder::routes) and
/// [`AgentBuilder::route`](crate::AgentBuilder::route).
///
/// It is a step that gives the destination, a word or a `K`: what a branch of a flow chooses by. The model
/// is held to the destinations by the schema of its output. An answer that isn't one of them is an output
/// that doesn't fit: there is another
/// [attempt](crate::AgentBuilder::output_attempts), if one is allowed, and then the run fails. No
/// error ever chooses a destination.
///
/// What was decided is a [`Decided`](mainstem_core::Decided) event of the kind
/// [`Route`](DecisionKind::Route) with the key `route`; a run that is resumed doesn't ask again. What the
/// model writes isn't the run's text. A router reads the conversation, as any agent, and adds nothing to it.
///
/// Cheap to clone, `Send + Sync`, and without state.
pub struct Router<K = String>(Arc<Parts<K>>);

struct Parts<K> {
    agent: Agent<Choice>,
    destinations: Destinations,
    read: fn(&Text) -> Result<K>,
}

/// What the model answers, and what is recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Choice {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    to: Text,
}

impl<K> Router<K> {
    /// Its name, the segment of its events' paths.
    pub fn name(&self) -> &str {
        self.0.agent.name()
    }

    /// The destinations, as they were declared.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.0.destinations.names().map(|name| &**name)
    }

    /// The router as a step that takes something else than a `String`: see [`Agent::prompt`].
    pub fn prompt<In, F, P>(&self, prompt: F) -> Prompt<In, F, Self>
    where
        F: Fn(&In) -> P + Send + Sync + 'static,
        P: Into<String>,
    {
        Prompt::by_function(self.clone(), prompt)
    }

    /// The router as a step that fills a [`Template`] with what the step before gives: see
    /// [`Agent::template`].
    pub fn template<In>(&self, template: Template) -> Templated<In, Self> {
        Templated::new(self.clone(), template)
    }
}

impl<K: Serialize + DeserializeOwned + Send + 'static> Router<K> {
    /// A run on an input, to be set up, then awaited.
    pub fn run(&self, input: impl Into<String>) -> Run<K> {
        Run::of(self.clone(), input.into())
    }

    /// The stream of a run on an input: `run(input).stream()`.
    pub fn run_streamed(&self, input: impl Into<String>) -> RunStream<K> {
        self.run(input).stream()
    }

    /// A run that goes on after its process died: [`Run::resume`] tells how.
    pub fn resume(&self, run: impl Into<Resume>) -> Run<K> {
        Run::resume(self.clone(), run)
    }
}

impl<K: Serialize + Send + 'static> Step<String> for Router<K> {
    type Output = K;

    fn name(&self) -> &str {
        self.0.agent.name()
    }

    fn kind(&self) -> &'static str {
        "router"
    }

    fn plan(&self) -> StepPlan {
        let words = self.0.destinations.names();
        StepPlan::new(self.name(), self.kind()).gives(words.cloned())
    }

    fn resumes(&self) -> bool {
        true
    }

    fn call(&self, ctx: RunContext, input: String) -> BoxFuture<'static, Result<K>> {
        let parts = Arc::clone(&self.0);
        async move {
            let agent = parts.agent.clone();
            let scope = StepScope::of(AGENT, &agent);
            let quiet = ctx.quiet();
            let asked = quiet.perform(scope, move |ctx| agent.call(ctx, input));
            let choice = Json::new(&asked.await?)?;
            let key = JournalKey::new(ctx.path().clone(), "route");
            let decided = ctx.journal().decide(key, DecisionKind::Route, choice);
            let choice: Choice = decided.await?.to()?;
            (parts.read)(&choice.to)
        }
        .boxed()
    }
}

impl<K> Clone for Router<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Router<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("name", &self.name())
            .field("destinations", &self.destinations().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

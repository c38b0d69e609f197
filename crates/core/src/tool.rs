use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{Json, Question, RunContext, StepResult, Text};

/// Something that a model can call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tool",
    label = "this isn't a `Tool`",
    note = "a function becomes a tool by `tool_fn(\"name\", \"what it does\", function)`, an agent by \
            `agent.as_tool(..)`, any other step by `step_tool(..)`"
)]
pub trait Tool: Send + Sync + 'static {
    /// What the model is told of it.
    fn spec(&self) -> &ToolSpec;

    /// Does what the model asked for.
    ///
    /// The arguments are well-formed JSON; whether they fit is the tool's to judge. The result is
    /// what the model reads.
    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>>;

    /// How an agent is to treat its calls.
    fn policy(&self) -> ToolPolicy {
        ToolPolicy::default()
    }

    /// Whether it goes on where it was, when its run is resumed while it was under way: as
    /// [`Step::resumes`](crate::Step::resumes). By default it is called again.
    fn resumes(&self) -> bool {
        false
    }
}

impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> &ToolSpec {
        (**self).spec()
    }

    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>> {
        (**self).call(ctx, arguments)
    }

    fn policy(&self) -> ToolPolicy {
        (**self).policy()
    }

    fn resumes(&self) -> bool {
        (**self).resumes()
    }
}

impl fmt::Debug for dyn Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tool").field(&self.spec().name).finish()
    }
}

/// How an agent treats the calls of a tool.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ToolPolicy {
    /// How long a call may take, without the wait for its approval; as long as it likes, if none is set.
    pub time_limit: Option<Duration>,
    /// What becomes of a call that fails.
    pub when_it_fails: WhenToolFails,
    /// Who has to be asked before it is called; nobody, if none is set.
    pub approval: Option<Approval>,
}

/// What becomes of a tool call that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenToolFails {
    /// The model is told so, and goes on; the default.
    #[default]
    TellModel,
    /// The agent fails with the tool's error.
    EndRun,
}

/// What a person is asked before a tool is called.
#[derive(Clone)]
pub struct Approval(Arc<Ask>);

type Ask = dyn Fn(&Json) -> Option<Question> + Send + Sync;

impl Approval {
    /// The question about a call's arguments; none, if that call needs no approval.
    ///
    /// The same arguments must give the same question: it is asked for again when the run is resumed.
    pub fn new(question: impl Fn(&Json) -> Option<Question> + Send + Sync + 'static) -> Self {
        Self(Arc::new(question))
    }

    /// What is to be asked about a call.
    pub fn question(&self, arguments: &Json) -> Option<Question> {
        (self.0)(arguments)
    }
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Approval")
    }
}

/// What a model is told of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, 64 at most.
    pub name: Text,
    /// What it does, for the model to choose by.
    pub description: Text,
    /// The JSON schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

impl ToolSpec {
    /// A tool's description.
    pub fn new(
        name: impl Into<Text>,
        description: impl Into<Text>,
        parameters: serde_json::Value,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters,
        }
    }
}

//! What an agent's model can call.

mod call;
mod exchange;
mod function;
mod guarded;
mod span;
mod step;

use std::sync::Arc;

pub(crate) use call::{Call, make_calls};
pub(crate) use exchange::Exchange;
pub use function::{FunctionTool, ToolArguments, ToolFunction, tool_fn};
pub use guarded::{Guarded, ToolExt};
use mainstem_core::{Error, ErrorKind, Result, Text, Tool, ToolChoice, ToolPolicy, ToolSpec};
use mainstem_structured::{Checker, Schema};
pub use step::{StepTool, step_tool};

/// The most bytes of a tool's name that providers take.
const LONGEST_NAME: usize = 64;

/// The tools of an agent.
pub(crate) struct Tools(Vec<Arc<Equipped>>);

/// A tool, and what was made ready for its calls.
pub(crate) struct Equipped {
    tool: Arc<dyn Tool>,
    policy: ToolPolicy,
    /// Of its arguments.
    schema: Schema,
}

impl Tools {
    /// Makes an agent's tools ready.
    pub(crate) fn new(agent: &str, tools: Vec<Arc<dyn Tool>>) -> Result<Self> {
        let mut equipped: Vec<Arc<Equipped>> = Vec::with_capacity(tools.len());
        for tool in tools {
            let tool = Equipped::new(agent, tool)?;
            if equipped.iter().any(|other| other.name() == tool.name()) {
                let message = format!(
                    "agent `{agent}` has two tools called `{}`; give one of them another name",
                    tool.name()
                );
                return Err(config(message));
            }
            equipped.push(Arc::new(tool));
        }
        Ok(Self(equipped))
    }

    /// What the model is told of them.
    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        self.0.iter().map(|tool| tool.tool.spec().clone()).collect()
    }

    fn find(&self, name: &str) -> Option<&Arc<Equipped>> {
        self.0.iter().find(|tool| tool.name() == name)
    }

    /// Whether there is one of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|tool| tool.name()).collect();
        names.join(", ")
    }

    /// Judges the arguments of a call as they arrive. Of a tool that isn't there, they are to be JSON.
    pub(crate) fn checker(&self, name: &str) -> Checker {
        match self.find(name) {
            Some(tool) => tool.schema.checker(),
            None => Schema::any().checker(),
        }
    }

    /// A tool that must be called must be there.
    pub(crate) fn check_choice(&self, choice: Option<&ToolChoice>) -> Result<()> {
        match choice {
            Some(ToolChoice::Tool(name)) if self.find(name).is_none() => Err(config(format!(
                "the tool choice names `{name}`, which the agent hasn't got; it has: {}",
                self.names()
            ))),
            _ => Ok(()),
        }
    }
}

impl Equipped {
    fn new(agent: &str, tool: Arc<dyn Tool>) -> Result<Self> {
        let spec = tool.spec();
        let name = &spec.name;
        if !is_name(name) {
            return Err(config(format!(
                "agent `{agent}` has a tool called `{name}`; a tool's name is made of letters, digits, \
                 `_` and `-`, {LONGEST_NAME} at most"
            )));
        }
        if spec.parameters.get("type").and_then(|it| it.as_str()) != Some("object") {
            return Err(config(format!(
                "the arguments of tool `{name}` are no JSON object; make them a struct with named fields"
            )));
        }
        let schema = Schema::from_value(spec.parameters.clone()).map_err(|error| {
            config(format!("the schema of tool `{name}` can't be used")).with_source(error)
        })?;
        Ok(Self {
            policy: tool.policy(),
            schema,
            tool,
        })
    }

    fn name(&self) -> &str {
        &self.tool.spec().name
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(fits)
}

fn config(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Config, message)
}

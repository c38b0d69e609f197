use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{Json, RunContext, StepResult, Text};

/// Something that a model can call.
pub trait Tool: Send + Sync + 'static {
    /// What the model is told of it.
    fn spec(&self) -> &ToolSpec;

    /// Does what the model asked for.
    ///
    /// The arguments are well-formed JSON; whether they fit is the tool's to judge. The result is
    /// what the model reads.
    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>>;
}

impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> &ToolSpec {
        (**self).spec()
    }

    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>> {
        (**self).call(ctx, arguments)
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

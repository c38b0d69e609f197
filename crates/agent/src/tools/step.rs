use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Json, RunContext, Step, StepResult, Text, Tool, ToolSpec};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    ToolArguments,
    function::{parameters_of, unreadable},
};
use crate::Agent;

/// The name of the only argument, of a step that doesn't take an object.
const INPUT: &str = "input";

/// A step that a model can call: an agent, a flow, or another one; made by [`step_tool`] and
/// [`Agent::as_tool`].
#[derive(Clone)]
pub struct StepTool {
    spec: ToolSpec,
    call: Arc<Call>,
}

type Call = dyn Fn(RunContext, Json) -> BoxFuture<'static, StepResult<Json>> + Send + Sync;

/// Makes a step a tool: a flow, say.
///
/// Its input is the tool's arguments; what isn't an object, such as a `String`, is the argument `input`. Its
/// events are those of a step inside of the tool's, and its text isn't that of the agent that calls it. When
/// a run is resumed, it goes on where it was.
///
/// ```
/// use mainstem_agent::{Agent, step_tool};
/// use mainstem_core::Tool;
///
/// # use mainstem_core::test_util::ScriptedModel;
/// # let agent = Agent::builder(ScriptedModel::new()).build()?;
/// let expert = step_tool("ask_expert", "Answers questions about birds.", agent);
/// assert_eq!(expert.spec().parameters["required"], serde_json::json!(["input"]));
/// # Ok::<(), mainstem_core::Error>(())
/// ```
pub fn step_tool<In, S>(name: impl Into<Text>, description: impl Into<Text>, step: S) -> StepTool
where
    In: ToolArguments,
    S: Step<In>,
    S::Output: DeserializeOwned,
{
    let mut parameters = parameters_of::<In>();
    let is_object = parameters.get("type").and_then(|it| it.as_str()) == Some("object");
    if !is_object {
        parameters = serde_json::json!({
            "type": "object",
            "properties": {INPUT: parameters},
            "required": [INPUT],
        });
    }
    let tool: Text = name.into();
    let name = tool.clone();
    let step = Arc::new(step);
    let call = move |ctx: RunContext, arguments: Json| {
        let input = read::<In>(&arguments, is_object).map_err(|error| unreadable(&tool, &error));
        let step = Arc::clone(&step);
        async move {
            let output = ctx.run(step.name().to_owned(), &step, input?).await?;
            Ok(Json::new(&output)?)
        }
        .boxed()
    };
    StepTool {
        spec: ToolSpec::new(name, description, parameters),
        call: Arc::new(call),
    }
}

fn read<In: DeserializeOwned>(arguments: &Json, is_object: bool) -> serde_json::Result<In> {
    if is_object {
        return serde_json::from_str(arguments.as_str());
    }
    let mut arguments: serde_json::Value = serde_json::from_str(arguments.as_str())?;
    serde_json::from_value(arguments[INPUT].take())
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Agent<T> {
    /// The agent as a tool of another one.
    ///
    /// The model that calls it gives its input, and reads its output. The agent begins a conversation of its
    /// own with each call; with a [`thread`](crate::AgentBuilder::thread) it remembers the ones before.
    /// What it used counts for the run.
    ///
    /// ```
    /// # use mainstem_core::test_util::ScriptedModel;
    /// use mainstem_agent::Agent;
    ///
    /// # let (model, other) = (ScriptedModel::new(), ScriptedModel::new());
    /// let poet = Agent::builder(model).name("poet").build()?;
    /// let editor = Agent::builder(other)
    ///     .tool(poet.as_tool("write_poem", "Writes a poem about a subject."))
    ///     .build()?;
    /// # let _ = editor;
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn as_tool(&self, name: impl Into<Text>, description: impl Into<Text>) -> StepTool {
        step_tool::<String, _>(name, description, self.clone())
    }
}

impl Tool for StepTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>> {
        (self.call)(ctx, arguments)
    }

    fn resumes(&self) -> bool {
        true
    }
}

impl fmt::Debug for StepTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StepTool").field(&self.spec.name).finish()
    }
}

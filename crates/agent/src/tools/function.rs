use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Json, RunContext, StepError, StepResult, Text, Tool, ToolSpec,
    function::{Function, StepOutput},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A function that a model can call; made by [`tool_fn`].
#[derive(Clone)]
pub struct FunctionTool {
    spec: ToolSpec,
    call: Arc<Call>,
}

type Call = dyn Fn(RunContext, Json) -> BoxFuture<'static, StepResult<Json>> + Send + Sync;

/// What a tool takes: a struct with named fields that can be read from JSON and has a schema.
///
/// Everything that is `DeserializeOwned`, `JsonSchema`, `Send` and `'static` is one. The model reads the
/// schema: names of fields, their types, and the comments on them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the arguments of a tool",
    label = "isn't read from JSON, or has no schema",
    note = "derive `serde::Deserialize` and `schemars::JsonSchema` for `{Self}`: the model is told of \
            its fields, and writes them as JSON"
)]
pub trait ToolArguments: DeserializeOwned + JsonSchema + Send + 'static {}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> ToolArguments for T {}

/// What can be a tool: a function of its arguments, with a [`RunContext`] before them if it wants one.
///
/// `fn(A) -> T`, `fn(A) -> StepResult<T>` and `async fn(A) -> StepResult<T>`; `Marker` tells them apart
/// and is inferred.
#[diagnostic::on_unimplemented(
    message = "this is no function of a tool",
    label = "doesn't take a tool's arguments, or gives what the model can't read",
    note = "a tool is `fn(Args) -> T`, `fn(Args) -> StepResult<T>` or `async fn(Args) -> StepResult<T>`, \
            with a `RunContext` before the arguments if it wants one",
    note = "all arguments are one struct, which derives `serde::Deserialize` and `schemars::JsonSchema`",
    note = "what it gives must be `serde::Serialize`, and its future `Send`",
    note = "the parameters of closures need their types: `async |args: Args| ..`",
    note = "an async closure can't capture: `with(value, async |value, args: Args| ..)` hands it what it \
            needs"
)]
pub trait ToolFunction<A, Marker>: Send + Sync + 'static {
    /// Calls it.
    fn call(&self, ctx: RunContext, arguments: A) -> BoxFuture<'static, StepResult<Json>>;
}

impl<A, F, Args, Kind> ToolFunction<A, (Args, Kind)> for F
where
    F: Function<A, Args> + Send + Sync + 'static,
    F::Gives: StepOutput<Kind>,
{
    fn call(&self, ctx: RunContext, arguments: A) -> BoxFuture<'static, StepResult<Json>> {
        let output = Function::call(self, ctx, arguments).settle();
        output.map(|output| Ok(Json::new(&output?)?)).boxed()
    }
}

/// Makes a function a tool.
///
/// The model is told the name, the description and the schema of the arguments; without a description,
/// that of the arguments' type: its doc comment. The arguments are judged by the schema while they arrive.
/// What the function gives is what the model reads: a text as it is, anything else as JSON. An error is told
/// to the model in its own words, unless [`when_it_fails`](crate::ToolExt::when_it_fails) says otherwise; a
/// panic is such an error.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::{FinishReason, ModelEvent, test_util::{Script, ScriptedModel}};
/// # let call = Script::new()
/// #     .event(ModelEvent::ToolCall { index: 0, id: "1".into(), name: "add".into() })
/// #     .event(ModelEvent::ToolArguments { index: 0, text: r#"{"a": 2, "b": 3}"#.into() })
/// #     .event(ModelEvent::Finished(FinishReason::ToolCalls));
/// # let model = ScriptedModel::new().script(call).answer(["It is 5."]);
/// use mainstem_agent::{Agent, tool_fn};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Add { a: i64, b: i64 }
///
/// let add = tool_fn("add", "Adds two numbers.", async |args: Add| Ok(args.a + args.b));
/// let agent = Agent::builder(model.clone()).tool(add).build()?;
/// assert_eq!(agent.run("What is 2 + 3?").await?.output, "It is 5.");
/// # assert_eq!(model.requests()[1].messages.len(), 3);
/// # Ok(())
/// # }
/// ```
pub fn tool_fn<A, F, Marker>(
    name: impl Into<Text>,
    description: impl Into<Text>,
    function: F,
) -> FunctionTool
where
    A: ToolArguments,
    F: ToolFunction<A, Marker>,
{
    let parameters = parameters_of::<A>();
    let mut description: Text = description.into();
    if description.is_empty()
        && let Some(comment) = parameters.get("description").and_then(|it| it.as_str())
    {
        description = comment.into();
    }
    let tool: Text = name.into();
    let name = tool.clone();
    let call = move |ctx, arguments: Json| match serde_json::from_str::<A>(arguments.as_str()) {
        Ok(arguments) => function.call(ctx, arguments),
        Err(error) => std::future::ready(Err(unreadable(&tool, &error))).boxed(),
    };
    FunctionTool {
        spec: ToolSpec::new(name, description, parameters),
        call: Arc::new(call),
    }
}

/// The schema of a type, without what tells a model nothing.
pub(super) fn parameters_of<A: JsonSchema>() -> serde_json::Value {
    let mut schema = schemars::schema_for!(A);
    schema.remove("$schema");
    schema.to_value()
}

/// What fits the schema, and the type's own `Deserialize` refused it. It is the model's own text.
pub(super) fn unreadable(tool: &str, error: &serde_json::Error) -> StepError {
    format!("the arguments for tool `{tool}` can't be read: {error}").into()
}

impl Tool for FunctionTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>> {
        (self.call)(ctx, arguments)
    }
}

impl fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FunctionTool")
            .field(&self.spec.name)
            .finish()
    }
}

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    RunContext, StepResult, Text,
    function::{Function, StepOutput},
};
use serde::Serialize;

use super::{ContextBlock, ContextProvider, ContextQuery};

/// A function that gives an agent context; made by [`context_fn`].
#[derive(Clone)]
pub struct FunctionContext {
    name: Text,
    provide: Arc<Provide>,
}

type Provide = dyn Fn(RunContext, ContextQuery) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>>
    + Send
    + Sync;

/// What a function of [`context_fn`] may give: a text, a block, several, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no context",
    note = "a function for `context_fn` gives a `String`, a `ContextBlock`, a `Vec<ContextBlock>`, or an \
            `Option` of one"
)]
pub trait ProvidedContext: Serialize + Send + 'static {
    /// As blocks; a text is one with the name of who gives it.
    fn into_blocks(self, name: &Text) -> Vec<ContextBlock>;
}

impl ProvidedContext for String {
    fn into_blocks(self, name: &Text) -> Vec<ContextBlock> {
        vec![ContextBlock::new(name.clone(), self)]
    }
}

impl ProvidedContext for &'static str {
    fn into_blocks(self, name: &Text) -> Vec<ContextBlock> {
        vec![ContextBlock::new(name.clone(), self)]
    }
}

impl ProvidedContext for ContextBlock {
    fn into_blocks(self, _name: &Text) -> Vec<ContextBlock> {
        vec![self]
    }
}

impl ProvidedContext for Vec<ContextBlock> {
    fn into_blocks(self, _name: &Text) -> Vec<ContextBlock> {
        self
    }
}

impl<C: ProvidedContext> ProvidedContext for Option<C> {
    fn into_blocks(self, name: &Text) -> Vec<ContextBlock> {
        self.map_or_else(Vec::new, |context| context.into_blocks(name))
    }
}

/// Makes a function a [`ContextProvider`].
///
/// It takes a [`ContextQuery`], with a [`RunContext`] before it if it wants one, and gives a text, a
/// [`ContextBlock`], several, or none.
///
/// ```
/// use mainstem_agent::{ContextBlock, ContextQuery, context_fn};
///
/// let found = context_fn("search", async |query: ContextQuery| {
///     let birds = ["A jay hides acorns.", "A wren sings."];
///     let known = birds.iter().filter(|bird| query.input.contains(&bird[2..5]));
///     Ok(known.map(|bird| ContextBlock::new("birds", *bird)).collect::<Vec<_>>())
/// });
/// # let _ = found;
/// ```
pub fn context_fn<F, Kind, Args>(name: impl Into<Text>, function: F) -> FunctionContext
where
    F: Function<ContextQuery, Args> + Send + Sync + 'static,
    F::Gives: StepOutput<Kind>,
    <F::Gives as StepOutput<Kind>>::Output: ProvidedContext,
{
    let name = name.into();
    let own = name.clone();
    let provide = move |ctx, query| {
        let own = own.clone();
        let given = function.call(ctx, query).settle();
        given.map(move |given| Ok(given?.into_blocks(&own))).boxed()
    };
    FunctionContext {
        name,
        provide: Arc::new(provide),
    }
}

impl ContextProvider for FunctionContext {
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(
        &self,
        ctx: RunContext,
        query: ContextQuery,
    ) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>> {
        (self.provide)(ctx, query)
    }
}

impl fmt::Debug for FunctionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FunctionContext").field(&self.name).finish()
    }
}

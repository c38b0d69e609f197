use std::{fmt, marker::PhantomData};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Result, RunContext, Step, StepResult};

use crate::{Function, marker};

/// A function as a step; made by [`IntoStep`](crate::IntoStep).
pub struct FunctionStep<F, Kind, Args> {
    function: F,
    _kind: PhantomData<fn() -> (Kind, Args)>,
}

impl<F, Kind, Args> FunctionStep<F, Kind, Args> {
    pub(crate) fn new(function: F) -> Self {
        Self {
            function,
            _kind: PhantomData,
        }
    }
}

/// A value is ready at once.
impl<In, F, Args, T> Step<In> for FunctionStep<F, marker::Plain, Args>
where
    In: Send + 'static,
    F: Function<In, Args, Gives = T> + Send + Sync + 'static,
    Args: 'static,
    T: serde::Serialize + Send + 'static,
{
    type Output = T;

    fn name(&self) -> &str {
        F::name()
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<T>> {
        std::future::ready(Ok(self.function.call(ctx, input))).boxed()
    }
}

impl<In, F, Args, T> Step<In> for FunctionStep<F, marker::Fallible, Args>
where
    In: Send + 'static,
    F: Function<In, Args, Gives = StepResult<T>> + Send + Sync + 'static,
    Args: 'static,
    T: serde::Serialize + Send + 'static,
{
    type Output = T;

    fn name(&self) -> &str {
        F::name()
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<T>> {
        let result = self.function.call(ctx, input).map_err(Into::into);
        std::future::ready(result).boxed()
    }
}

impl<In, F, Args, T> Step<In> for FunctionStep<F, marker::Async, Args>
where
    In: Send + 'static,
    F: Function<In, Args> + Send + Sync + 'static,
    F::Gives: Future<Output = StepResult<T>> + Send + 'static,
    Args: 'static,
    T: serde::Serialize + Send + 'static,
{
    type Output = T;

    fn name(&self) -> &str {
        F::name()
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<T>> {
        let future = self.function.call(ctx, input);
        async { future.await.map_err(Into::into) }.boxed()
    }
}

impl<F, Kind, Args> fmt::Debug for FunctionStep<F, Kind, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionStep").finish_non_exhaustive()
    }
}

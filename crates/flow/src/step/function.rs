use std::{fmt, marker::PhantomData};

use futures::future::BoxFuture;
use mainstem_core::{Result, RunContext, Step};

use crate::{Function, StepOutput};

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

impl<In, F, Kind, Args> Step<In> for FunctionStep<F, Kind, Args>
where
    In: Send + 'static,
    F: Function<In, Args> + Send + Sync + 'static,
    F::Gives: StepOutput<Kind>,
    Kind: 'static,
    Args: 'static,
{
    type Output = <F::Gives as StepOutput<Kind>>::Output;

    fn name(&self) -> &str {
        F::name()
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Self::Output>> {
        self.function.call(ctx, input).settle()
    }
}

impl<F, Kind, Args> fmt::Debug for FunctionStep<F, Kind, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionStep").finish_non_exhaustive()
    }
}

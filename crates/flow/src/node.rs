//! A step of a flow, whatever its types.

use std::{marker::PhantomData, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Result, RunContext, Step, Text};

use crate::{
    StepValue,
    perform::perform,
    value::{Value, downcast},
};

/// A step with its name; cheap to clone.
#[derive(Clone)]
pub(crate) struct Node {
    name: Text,
    work: Arc<dyn Work>,
}

/// A step whose types are erased.
trait Work: Send + Sync {
    fn perform(
        &self,
        ctx: RunContext,
        name: Text,
        input: Value,
    ) -> BoxFuture<'static, Result<Value>>;
}

struct Typed<In, S> {
    step: Arc<S>,
    _input: PhantomData<fn(In)>,
}

impl Node {
    /// A step under its own name.
    pub(crate) fn of<In, S>(step: S) -> Self
    where
        In: Send + 'static,
        S: Step<In>,
        S::Output: StepValue,
    {
        let name: Text = step.name().into();
        Self::new(name, step)
    }

    pub(crate) fn new<In, S>(name: Text, step: S) -> Self
    where
        In: Send + 'static,
        S: Step<In>,
        S::Output: StepValue,
    {
        let work = Typed {
            step: Arc::new(step),
            _input: PhantomData,
        };
        Self {
            name,
            work: Arc::new(work),
        }
    }

    pub(crate) fn name(&self) -> &Text {
        &self.name
    }

    /// Does it inside of the given step.
    pub(crate) fn perform(
        &self,
        ctx: RunContext,
        input: Value,
    ) -> BoxFuture<'static, Result<Value>> {
        self.work.perform(ctx, self.name.clone(), input)
    }
}

impl<In, S> Work for Typed<In, S>
where
    In: Send + 'static,
    S: Step<In>,
    S::Output: StepValue,
{
    fn perform(
        &self,
        ctx: RunContext,
        name: Text,
        input: Value,
    ) -> BoxFuture<'static, Result<Value>> {
        let step = Arc::clone(&self.step);
        async move {
            let input: In = downcast(input)?;
            let kind = step.kind();
            let output = perform(ctx, name, kind, move |ctx| step.call(ctx, input)).await?;
            Ok(Box::new(output) as Value)
        }
        .boxed()
    }
}

//! A step of a flow, whatever its types.

use std::{any::type_name, marker::PhantomData, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Result, RunContext, Step, StepPlan, StepScope, Text};

use crate::{
    StepValue,
    value::{Value, downcast},
};

/// A step with its name; cheap to clone.
#[derive(Clone)]
pub(crate) struct Node {
    plan: Arc<StepPlan>,
    /// How it is announced.
    scope: StepScope,
    work: Arc<dyn Work>,
}

/// A step whose types are erased.
trait Work: Send + Sync {
    fn perform(
        &self,
        ctx: RunContext,
        scope: StepScope,
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
        let mut plan = step.plan();
        plan.name = name.clone();
        plan.input = Some(type_name::<In>().into());
        plan.output = Some(type_name::<S::Output>().into());
        let scope = StepScope::new(name, step.kind())
            .resumes(step.resumes())
            .plan(&plan);
        let work = Typed {
            step: Arc::new(step),
            _input: PhantomData,
        };
        Self {
            plan: Arc::new(plan),
            scope,
            work: Arc::new(work),
        }
    }

    pub(crate) fn name(&self) -> &Text {
        &self.plan.name
    }

    pub(crate) fn plan(&self) -> &StepPlan {
        &self.plan
    }

    /// Does it inside of the given step.
    pub(crate) fn perform(
        &self,
        ctx: RunContext,
        input: Value,
    ) -> BoxFuture<'static, Result<Value>> {
        self.work.perform(ctx, self.scope.clone(), input)
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
        scope: StepScope,
        input: Value,
    ) -> BoxFuture<'static, Result<Value>> {
        let step = Arc::clone(&self.step);
        async move {
            let input: In = downcast(input)?;
            let output: S::Output = ctx.perform(scope, move |ctx| step.call(ctx, input)).await?;
            Ok(Box::new(output) as Value)
        }
        .boxed()
    }
}

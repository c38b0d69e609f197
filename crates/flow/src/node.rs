//! A step of a flow, whatever its types.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Result, RunContext, Step, StepPath, StepPlan, Text};

use crate::{
    StepValue,
    child::Child,
    value::{Value, downcast},
};

/// A step with its name; cheap to clone.
#[derive(Clone)]
pub(crate) struct Node {
    plan: Arc<StepPlan>,
    work: Arc<dyn Work>,
}

/// A step whose types are erased.
trait Work: Send + Sync {
    fn perform(&self, ctx: RunContext, input: Value) -> BoxFuture<'static, Result<Value>>;

    fn check(&self, around: &StepPath) -> Result<()>;
}

impl Node {
    /// A step under its own name.
    pub(crate) fn of<In, S>(step: S) -> Self
    where
        In: Send + 'static,
        S: Step<In>,
        S::Output: StepValue,
    {
        Self::from(Child::of(step))
    }

    pub(crate) fn new<In, S>(name: Text, step: S) -> Self
    where
        In: Send + 'static,
        S: Step<In>,
        S::Output: StepValue,
    {
        Self::from(Child::new(name, step))
    }

    pub(crate) fn name(&self) -> &Text {
        &self.plan.name
    }

    pub(crate) fn plan(&self) -> &StepPlan {
        &self.plan
    }

    /// Finds what is put together wrongly in it.
    pub(crate) fn check(&self, around: &StepPath) -> Result<()> {
        self.work.check(around)
    }

    /// Does it inside of the given step.
    pub(crate) fn perform(
        &self,
        ctx: RunContext,
        input: Value,
    ) -> BoxFuture<'static, Result<Value>> {
        self.work.perform(ctx, input)
    }
}

impl<In, Out> From<Child<In, Out>> for Node
where
    In: Send + 'static,
    Out: StepValue,
{
    fn from(child: Child<In, Out>) -> Self {
        Self {
            plan: Arc::clone(&child.plan),
            work: Arc::new(child),
        }
    }
}

impl<In, Out> Work for Child<In, Out>
where
    In: Send + 'static,
    Out: StepValue,
{
    fn perform(&self, ctx: RunContext, input: Value) -> BoxFuture<'static, Result<Value>> {
        let child = self.clone();
        async move {
            let input: In = downcast(input)?;
            let output = Child::perform(&child, ctx, input).await?;
            Ok(Box::new(output) as Value)
        }
        .boxed()
    }

    fn check(&self, around: &StepPath) -> Result<()> {
        Child::check(self, around)
    }
}

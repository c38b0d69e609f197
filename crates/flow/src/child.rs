//! A step inside of another one.

use std::{any::type_name, sync::Arc};

use mainstem_core::{Context, Error, ErrorKind, Result, RunContext, Step, StepPath, StepPlan};
use mainstem_core::{StepScope, Text};

use crate::StepValue;

/// A step with its name and its types; cheap to clone.
pub(crate) struct Child<In, Out> {
    pub(crate) plan: Arc<StepPlan>,
    /// How it is announced.
    scope: StepScope,
    step: Arc<dyn Step<In, Output = Out>>,
}

impl<In, Out> Clone for Child<In, Out> {
    fn clone(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            scope: self.scope.clone(),
            step: Arc::clone(&self.step),
        }
    }
}

impl<In, Out> Child<In, Out>
where
    In: Send + 'static,
    Out: StepValue,
{
    /// A step under its own name.
    pub(crate) fn of(step: impl Step<In, Output = Out>) -> Self {
        let name: Text = step.name().into();
        Self::new(name, step)
    }

    pub(crate) fn new(name: Text, step: impl Step<In, Output = Out>) -> Self {
        let mut plan = step.plan();
        plan.name = name.clone();
        plan.input = Some(type_name::<In>().into());
        plan.output = Some(type_name::<Out>().into());
        let scope = StepScope::new(name, step.kind())
            .resumes(step.resumes())
            .plan(&plan);
        Self {
            plan: Arc::new(plan),
            scope,
            step: Arc::new(step),
        }
    }

    pub(crate) fn name(&self) -> &Text {
        &self.plan.name
    }

    pub(crate) fn plan(&self) -> StepPlan {
        StepPlan::clone(&self.plan)
    }

    /// Finds what is put together wrongly in it.
    pub(crate) fn check(&self, around: &StepPath) -> Result<()> {
        self.step.check(&around.child(self.name()))
    }

    /// Does it inside of the given step.
    pub(crate) fn perform(
        &self,
        ctx: RunContext,
        input: In,
    ) -> impl Future<Output = Result<Out>> + Send + use<In, Out> {
        self.perform_as(ctx, self.scope.clone(), input)
    }

    /// The same as an attempt, on a context of its own.
    pub(crate) fn attempt(
        &self,
        ctx: RunContext,
        attempt: u32,
        context: Context,
        input: In,
    ) -> impl Future<Output = Result<Out>> + Send + use<In, Out> {
        let scope = self.scope.clone().attempt(attempt).context(context);
        self.perform_as(ctx, scope, input)
    }

    fn perform_as(
        &self,
        ctx: RunContext,
        scope: StepScope,
        input: In,
    ) -> impl Future<Output = Result<Out>> + Send + use<In, Out> {
        let step = Arc::clone(&self.step);
        async move { ctx.perform(scope, move |ctx| step.call(ctx, input)).await }
    }
}

/// An error of what is put together wrongly, at its place.
pub(crate) fn misbuilt(path: &StepPath, message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Config, message).with_step(path)
}

use std::fmt;

use futures::future::BoxFuture;
use mainstem_core::{Result, RunContext, Step, StepPath, StepPlan};

use crate::IntoStep;

/// A step with a weight; made by [`weighted`].
#[derive(Clone, Debug)]
pub struct Weighted<S> {
    weight: u32,
    step: S,
}

/// Says how much of the whole a step is, for progress: as much as so many plain steps.
///
/// Without it a step counts as 1, and one that is made of others as much as these.
///
/// ```
/// use mainstem_core::Step;
/// use mainstem_flow::{Flow, weighted};
///
/// let flow = Flow::<String>::new("guide")
///     .step("trim", |text: String| text.trim().to_owned())
///     .step("write", weighted(9, async |text: String| Ok(text)));
/// assert_eq!(flow.plan().total(), 10);
/// ```
pub fn weighted<S>(weight: u32, step: S) -> Weighted<S> {
    Weighted { weight, step }
}

#[diagnostic::do_not_recommend]
impl<In, S, M> IntoStep<In, Weighted<M>> for Weighted<S>
where
    S: IntoStep<In, M>,
{
    type Step = WeightedStep<S::Step>;

    fn into_step(self) -> Self::Step {
        WeightedStep(Weighted {
            weight: self.weight,
            step: self.step.into_step(),
        })
    }
}

/// A [`Weighted`] step, made one.
pub struct WeightedStep<S>(Weighted<S>);

impl<In, S> Step<In> for WeightedStep<S>
where
    S: Step<In>,
{
    type Output = S::Output;

    fn name(&self) -> &str {
        self.0.step.name()
    }

    fn kind(&self) -> &'static str {
        self.0.step.kind()
    }

    fn plan(&self) -> StepPlan {
        self.0.step.plan().weight(self.0.weight)
    }

    fn resumes(&self) -> bool {
        self.0.step.resumes()
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.0.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<S::Output>> {
        self.0.step.call(ctx, input)
    }
}

impl<S> fmt::Debug for WeightedStep<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightedStep")
            .field("weight", &self.0.weight)
            .finish_non_exhaustive()
    }
}

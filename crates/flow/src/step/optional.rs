use std::fmt;

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{ErrorKind, Result, RunContext, Step, StepPath, StepPlan};

use crate::{IntoStep, StepValue, child::Child};

/// A step that may fail; made by [`optional`].
#[derive(Clone, Debug)]
pub struct Optional<S>(S);

/// Goes on without what a step gives, if it fails: with `None`.
///
/// Its failure stays visible as a [`StepFailed`](mainstem_core::StepFailed), and so does what it had
/// shown. What it had written into the context is gone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_core::StepResult;
/// use mainstem_flow::{Flow, optional};
///
/// async fn price(bird: String) -> StepResult<u32> {
///     Ok(bird.parse()?)
/// }
///
/// let flow = Flow::<String>::new("shop").step("price", optional(price));
/// assert_eq!(flow.run("7").await?.output, Some(7));
/// assert_eq!(flow.run("jay").await?.output, None);
/// # Ok(())
/// # }
/// ```
pub fn optional<S>(step: S) -> Optional<S> {
    Optional(step)
}

#[diagnostic::do_not_recommend]
impl<In, S, M> IntoStep<In, Optional<M>> for Optional<S>
where
    In: Send + 'static,
    S: IntoStep<In, M>,
    S::Step: Step<In>,
    <S::Step as Step<In>>::Output: StepValue,
{
    type Step = OptionalStep<In, <S::Step as Step<In>>::Output>;

    fn into_step(self) -> Self::Step {
        OptionalStep(Child::of(self.0.into_step()))
    }
}

/// An [`Optional`] step, made one.
pub struct OptionalStep<In, Out>(Child<In, Out>);

impl<In, Out> Step<In> for OptionalStep<In, Out>
where
    In: Send + 'static,
    Out: StepValue,
{
    type Output = Option<Out>;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "optional"
    }

    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name(), self.kind()).inside([self.0.plan()])
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.0.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Option<Out>>> {
        let step = self.0.clone();
        async move {
            let fork = ctx.context().fork(step.name().clone());
            match step.attempt(ctx.clone(), 1, fork.clone(), input).await {
                Ok(output) => {
                    ctx.context().merge([&fork])?;
                    Ok(Some(output))
                }
                Err(error) if error.kind() == ErrorKind::Suspended => Err(error),
                Err(_failure) => Ok(None),
            }
        }
        .boxed()
    }
}

impl<In, Out> fmt::Debug for OptionalStep<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OptionalStep")
            .field(&self.0.plan.name)
            .finish()
    }
}

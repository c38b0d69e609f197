use std::fmt;

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    DecisionKind, Error, ErrorKind, JournalKey, Json, Place, PlanShape, Result, Retracted,
    RunContext, Step, StepPath, StepPlan,
};

use crate::{IntoStep, StepValue, child::Child};

/// Why a failure stands in spite of another step.
const NO_OTHER: &str = "the other step wasn't done, for text of this one was already given to a reader \
                        that can't take it back; read events";

/// A step, and another one for when it fails; made by [`fallback`].
#[derive(Clone, Debug)]
pub struct Fallback<S, T> {
    first: S,
    other: T,
}

/// Does another step, if the first one fails.
///
/// Both take the same and give the same. What the first had shown is
/// [retracted](mainstem_core::Retracted), what it had written into the context is gone. If a reader
/// was shown what can't be taken back, the failure stands: see
/// [`can_retract_since`](RunContext::can_retract_since). The steps are those of `write[0]` and
/// `write[1]`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_core::StepResult;
/// use mainstem_flow::{Flow, fallback};
///
/// async fn look_up(word: String) -> StepResult<usize> {
///     Ok(word.parse()?)
/// }
///
/// let flow = Flow::<String>::new("number")
///     .step("find", fallback(look_up, |word: String| word.len()));
/// assert_eq!(flow.run("7").await?.output, 7);
/// assert_eq!(flow.run("wren").await?.output, 4);
/// # Ok(())
/// # }
/// ```
pub fn fallback<S, T>(first: S, other: T) -> Fallback<S, T> {
    Fallback { first, other }
}

#[diagnostic::do_not_recommend]
impl<In, S, T, M, N> IntoStep<In, Fallback<M, N>> for Fallback<S, T>
where
    In: Clone + Send + 'static,
    S: IntoStep<In, M>,
    S::Step: Step<In>,
    <S::Step as Step<In>>::Output: StepValue,
    T: IntoStep<In, N>,
    T::Step: Step<In, Output = <S::Step as Step<In>>::Output>,
{
    type Step = FallbackStep<In, <S::Step as Step<In>>::Output>;

    fn into_step(self) -> Self::Step {
        FallbackStep {
            first: Child::of(self.first.into_step()),
            other: Child::of(self.other.into_step()),
        }
    }
}

/// A [`Fallback`] as a step.
pub struct FallbackStep<In, Out> {
    first: Child<In, Out>,
    other: Child<In, Out>,
}

impl<In, Out> Step<In> for FallbackStep<In, Out>
where
    In: Clone + Send + 'static,
    Out: StepValue,
{
    type Output = Out;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "fallback"
    }

    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name(), self.kind())
            .shape(PlanShape::Until)
            .inside([self.first.plan(), self.other.plan()])
            .gives_as_inside()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.first.check(&path.index(0))?;
        self.other.check(&path.index(1))
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Out>> {
        let (first, other) = (self.first.clone(), self.other.clone());
        async move {
            let fork = ctx.context().fork(first.name().clone());
            let branch = ctx.branch(0, fork.clone());
            let since = branch.place_before(first.name(), 1);
            let error = match first.perform(branch, input.clone()).await {
                Ok(output) => {
                    ctx.context().merge([&fork])?;
                    return Ok(output);
                }
                Err(error) if error.kind() == ErrorKind::Suspended => return Err(error),
                Err(error) => error,
            };
            let reason = format!("the step failed: {}", error.message());
            go_on(&ctx, since, error).await?;
            ctx.emit(Retracted::new(since, reason)).await;
            let branch = ctx.branch(1, ctx.context().clone());
            other.perform(branch, input).await
        }
        .boxed()
    }
}

/// Decides to do the other step; the first one's failure stands, if a reader can't forget it.
async fn go_on(ctx: &RunContext, since: Place, error: Error) -> Result<()> {
    let decide = {
        let ctx = ctx.clone();
        async move {
            match ctx.can_retract_since(ctx.path(), since).await {
                true => Json::new("other"),
                false => Err(error.with_note(NO_OTHER)),
            }
        }
    };
    let key = JournalKey::new(ctx.path().clone(), "takes");
    let decided = ctx.journal().run(key, DecisionKind::Branch, decide.boxed());
    decided.await.map(|_| ())
}

impl<In, Out> fmt::Debug for FallbackStep<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entry(&self.first.plan.name)
            .entry(&self.other.plan.name)
            .finish()
    }
}

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    DecisionKind, Error, ErrorKind, JournalKey, Json, PlanShape, Result, RunContext, Step,
    StepPath, StepPlan,
};

use super::when::Condition;
use crate::{
    IntoStep, StepValue,
    child::{Child, misbuilt},
};

/// A step for a bounded number of rounds; made by [`up_to`].
#[derive(Clone, Debug)]
pub struct UpTo<S> {
    rounds: u32,
    step: S,
}

/// A step that is repeated until a condition holds; made by [`UpTo::until`].
pub struct Until<T, S> {
    rounds: u32,
    step: S,
    condition: Condition<T>,
    keeps_last: bool,
}

/// Repeats a step up to so many rounds, at least one.
///
/// [`until`](UpTo::until) says when it is enough.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::{Flow, up_to};
///
/// let flow = Flow::<u32>::new("grow")
///     .repeat("double", up_to(10, |n: u32| n * 2).until(|n: &u32| *n > 100));
/// assert_eq!(flow.run(7u32).await?.output, 112);
///
/// let error = flow.run(0u32).await.unwrap_err();
/// assert_eq!(error.kind(), mainstem_core::ErrorKind::Limit);
/// # Ok(())
/// # }
/// ```
pub fn up_to<S>(rounds: u32, step: S) -> UpTo<S> {
    UpTo { rounds, step }
}

impl<S> UpTo<S> {
    /// Ends the loop after the round whose value the condition holds of.
    ///
    /// If it holds of none, the step fails with an error of kind [`ErrorKind::Limit`];
    /// [`or_keep_last`](Until::or_keep_last) changes that. The condition should look at the value
    /// alone; what it says is recorded as a decision.
    #[must_use]
    pub fn until<T>(self, condition: impl Fn(&T) -> bool + Send + Sync + 'static) -> Until<T, S> {
        Until {
            rounds: self.rounds,
            step: self.step,
            condition: Arc::new(condition),
            keeps_last: false,
        }
    }
}

impl<T, S> Until<T, S> {
    /// Gives the last round's value, if the condition holds of none.
    #[must_use]
    pub fn or_keep_last(mut self) -> Self {
        self.keeps_last = true;
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T, S, M> IntoStep<T, Until<T, M>> for Until<T, S>
where
    T: StepValue,
    S: IntoStep<T, M>,
    S::Step: Step<T, Output = T>,
{
    type Step = Repeat<T>;

    fn into_step(self) -> Self::Step {
        Repeat(Arc::new(Until {
            rounds: self.rounds,
            step: Child::of(self.step.into_step()),
            condition: self.condition,
            keeps_last: self.keeps_last,
        }))
    }
}

/// A step that does another one round by round: `refine[0]/write`.
pub struct Repeat<T>(Arc<Until<T, Child<T, T>>>);

impl<T: StepValue> Step<T> for Repeat<T> {
    type Output = T;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "repeat"
    }

    fn plan(&self) -> StepPlan {
        let rounds = self.0.rounds;
        StepPlan::new(self.name(), self.kind())
            .detail(format!("up to {rounds} rounds"))
            .shape(PlanShape::Repeated)
            .inside([self.0.step.plan()])
            .gives_as_inside()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        if self.0.rounds == 0 {
            let message = "the loop has no rounds; give `up_to` at least 1";
            return Err(misbuilt(path, message));
        }
        self.0.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: T) -> BoxFuture<'static, Result<T>> {
        let repeat = Arc::clone(&self.0);
        async move {
            let mut value = input;
            for round in 0..repeat.rounds {
                let inside = ctx.branch(round, ctx.context().clone());
                value = repeat.step.perform(inside, value).await?;
                let holds = Json::new(&(repeat.condition)(&value))?;
                let key = JournalKey::new(ctx.path().clone(), format!("until[{round}]"));
                let decided = ctx.journal().decide(key, DecisionKind::Loop, holds).await?;
                if decided.to()? {
                    return Ok(value);
                }
            }
            if repeat.keeps_last {
                return Ok(value);
            }
            let message = format!(
                "the loop's condition held after none of {} rounds; allow more by `up_to`, or take \
                 the last value by `or_keep_last`",
                repeat.rounds
            );
            Err(Error::new(ErrorKind::Limit, message))
        }
        .boxed()
    }
}

impl<T, S> fmt::Debug for Until<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Until")
            .field("rounds", &self.rounds)
            .field("keeps_last", &self.keeps_last)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Repeat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

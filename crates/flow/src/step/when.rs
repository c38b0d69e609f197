use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{DecisionKind, JournalKey, Json, Result, RunContext, Step, StepPath, StepPlan};

use crate::{IntoStep, StepValue, child::Child};

/// A question about a value.
pub(crate) type Condition<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// A step that is done if a condition holds; made by [`when`].
pub struct When<T, S> {
    condition: Condition<T>,
    step: S,
}

/// Does a step only for what a condition holds of; everything else goes on as it is.
///
/// So the step gives what it takes. Whether it is done is recorded as a decision; a step that isn't
/// is told of by a [`StepSkipped`](mainstem_core::StepSkipped).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::{Flow, when};
///
/// let flow = Flow::<String>::new("post").step(
///     "shorten",
///     when(|text: &String| text.len() > 8, |text: String| format!("{} …", &text[..8])),
/// );
/// assert_eq!(flow.run("a jay").await?.output, "a jay");
/// assert_eq!(flow.run("jays are blue").await?.output, "jays are …");
/// # Ok(())
/// # }
/// ```
pub fn when<T, S>(condition: impl Fn(&T) -> bool + Send + Sync + 'static, step: S) -> When<T, S> {
    When {
        condition: Arc::new(condition),
        step,
    }
}

#[diagnostic::do_not_recommend]
impl<T, S, M> IntoStep<T, When<T, M>> for When<T, S>
where
    T: StepValue,
    S: IntoStep<T, M>,
    S::Step: Step<T, Output = T>,
{
    type Step = WhenStep<T>;

    fn into_step(self) -> Self::Step {
        WhenStep {
            condition: self.condition,
            step: Child::of(self.step.into_step()),
        }
    }
}

/// A [`When`] as a step.
pub struct WhenStep<T> {
    condition: Condition<T>,
    step: Child<T, T>,
}

impl<T: StepValue> Step<T> for WhenStep<T> {
    type Output = T;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "when"
    }

    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name(), self.kind()).inside([self.step.plan()])
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: T) -> BoxFuture<'static, Result<T>> {
        let holds = Json::new(&(self.condition)(&input));
        let step = self.step.clone();
        async move {
            let key = JournalKey::new(ctx.path().clone(), "holds");
            let decided = ctx
                .journal()
                .decide(key, DecisionKind::Branch, holds?)
                .await?;
            if decided.to()? {
                return step.perform(ctx, input).await;
            }
            ctx.skip(step.name(), "its condition doesn't hold").await;
            Ok(input)
        }
        .boxed()
    }
}

impl<T, S> fmt::Debug for When<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WhenStep<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WhenStep")
            .field(&self.step.plan.name)
            .finish()
    }
}

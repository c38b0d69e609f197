use std::{fmt, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, Result, RunContext, Step, StepPath, StepPlan};

use crate::IntoStep;

/// A step that may take only so long; made by [`time_limit`].
#[derive(Clone, Debug)]
pub struct TimeLimit<S> {
    limit: Duration,
    step: S,
}

/// Lets a step take only so long.
///
/// When the time has passed, the step and all inside of it are stopped, and it fails with an error of
/// kind [`ErrorKind::Timeout`], which another attempt may mend. In a run that is resumed the step has
/// the whole time again. It needs Tokio's runtime.
///
/// `retry(3, time_limit(d, step))` limits each attempt, `time_limit(d, retry(3, step))` all of them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use std::time::Duration;
///
/// use mainstem_flow::{Flow, time_limit};
///
/// async fn dream(hours: u64) -> mainstem_core::StepResult<u64> {
///     tokio::time::sleep(Duration::from_secs(3600 * hours)).await;
///     Ok(hours)
/// }
///
/// let night = Duration::from_secs(3600 * 8);
/// let flow = Flow::<u64>::new("sleep").step("dream", time_limit(night, dream));
/// assert_eq!(flow.run(7u64).await?.output, 7);
/// assert_eq!(flow.run(9u64).await.unwrap_err().kind(), mainstem_core::ErrorKind::Timeout);
/// # Ok(())
/// # }
/// ```
pub fn time_limit<S>(limit: Duration, step: S) -> TimeLimit<S> {
    TimeLimit { limit, step }
}

#[diagnostic::do_not_recommend]
impl<In, S, M> IntoStep<In, TimeLimit<M>> for TimeLimit<S>
where
    S: IntoStep<In, M>,
{
    type Step = TimeLimited<S::Step>;

    fn into_step(self) -> Self::Step {
        TimeLimited(TimeLimit {
            limit: self.limit,
            step: self.step.into_step(),
        })
    }
}

/// A step with a [`TimeLimit`].
pub struct TimeLimited<S>(TimeLimit<S>);

impl<In, S> Step<In> for TimeLimited<S>
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
        let mut plan = self.0.step.plan();
        let own = format!("within {:?}", self.0.limit);
        plan.detail = Some(match plan.detail {
            Some(detail) => format!("{detail}, {own}").into(),
            None => own.into(),
        });
        plan
    }

    fn resumes(&self) -> bool {
        self.0.step.resumes()
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.0.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<S::Output>> {
        let limit = self.0.limit;
        let work = self.0.step.call(ctx, input);
        async move {
            tokio::time::timeout(limit, work)
                .await
                .unwrap_or_else(|_passed| Err(too_long(limit)))
        }
        .boxed()
    }
}

fn too_long(limit: Duration) -> Error {
    let message = format!("the step took longer than its limit of {limit:?}; allow more time");
    Error::new(ErrorKind::Timeout, message)
}

impl<S> fmt::Debug for TimeLimited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLimited")
            .field("limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

use std::time::Duration;

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, Result, StepPlan, StepWrapper};

use crate::Wrapped;

/// How long a step may take; put around it by [`time_limit`].
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit(Duration);

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
pub fn time_limit<S>(limit: Duration, step: S) -> Wrapped<TimeLimit, S> {
    Wrapped::new(TimeLimit(limit), step)
}

impl StepWrapper for TimeLimit {
    fn plan(&self, mut inner: StepPlan) -> StepPlan {
        let own = format!("within {:?}", self.0);
        inner.detail = Some(match inner.detail {
            Some(detail) => format!("{detail}, {own}").into(),
            None => own.into(),
        });
        inner
    }

    fn call<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T>>,
    ) -> BoxFuture<'static, Result<T>> {
        let limit = self.0;
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

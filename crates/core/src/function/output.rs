//! What functions give, made one.

use futures::{FutureExt, future::BoxFuture};
use serde::Serialize;

use super::marker;
use crate::{Result, StepResult};

/// What a function of a kind gives, as the output of a step or a tool: a value, a `StepResult`, or a
/// future of one.
///
/// Implemented for all of these; `Kind` tells them apart and is inferred.
#[diagnostic::on_unimplemented(
    message = "a function of a step or a tool can't give `{Self}`",
    label = "gives `{Self}`",
    note = "it gives a value that is `serde::Serialize`, a `StepResult` of one, or, if it is async, a \
            future of a `StepResult`: `async fn(..) -> StepResult<T>`"
)]
pub trait StepOutput<Kind> {
    /// The step's output.
    type Output: Serialize + Send + 'static;

    /// Waits for it, if it must be waited for.
    fn settle(self) -> BoxFuture<'static, Result<Self::Output>>;
}

impl<T> StepOutput<marker::Plain> for T
where
    T: Serialize + Send + 'static,
{
    type Output = T;

    fn settle(self) -> BoxFuture<'static, Result<T>> {
        std::future::ready(Ok(self)).boxed()
    }
}

impl<T> StepOutput<marker::Fallible> for StepResult<T>
where
    T: Serialize + Send + 'static,
{
    type Output = T;

    fn settle(self) -> BoxFuture<'static, Result<T>> {
        std::future::ready(self.map_err(Into::into)).boxed()
    }
}

impl<F, T> StepOutput<marker::Async> for F
where
    F: Future<Output = StepResult<T>> + Send + 'static,
    T: Serialize + Send + 'static,
{
    type Output = T;

    fn settle(self) -> BoxFuture<'static, Result<T>> {
        self.map(|result| result.map_err(Into::into)).boxed()
    }
}

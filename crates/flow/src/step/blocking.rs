use std::{fmt, marker::PhantomData, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, Result, RunContext, Step, StepResult};
use tokio::task::JoinError;

use crate::{Function, IntoStep, StepOutput, marker};

/// A function that blocks or computes for long; made by [`blocking`].
#[derive(Clone)]
pub struct Blocking<F>(F);

/// Runs a function on a thread for blocking work, so that it holds nobody else up.
///
/// It is for what blocks its thread: files, synchronous clients, long computing. It needs Tokio's
/// runtime. A run that is stopped or dropped doesn't wait for it; but nothing can stop a thread, so
/// the function goes on to its end, unseen. One that may take long asks now and then whether it is
/// still wanted, by a flag of its own.
///
/// Within it, `tokio::runtime::Handle::current().block_on(ctx.emit(..))` emits.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::{Flow, blocking};
///
/// let flow = Flow::new("sum").step("add", blocking(|n: u64| (1..=n).sum::<u64>()));
/// assert_eq!(flow.run(1000u64).await?.output, 500_500);
/// # Ok(())
/// # }
/// ```
pub fn blocking<F>(function: F) -> Blocking<F> {
    Blocking(function)
}

#[diagnostic::do_not_recommend]
impl<In, F, Args> IntoStep<In, Blocking<(marker::Plain, Args)>> for Blocking<F>
where
    F: Function<In, Args>,
    F::Gives: serde::Serialize,
{
    type Step = BlockingStep<F, marker::Plain, Args>;

    fn into_step(self) -> Self::Step {
        BlockingStep::new(self.0)
    }
}

#[diagnostic::do_not_recommend]
impl<In, F, Args, T> IntoStep<In, Blocking<(marker::Fallible, Args, T)>> for Blocking<F>
where
    F: Function<In, Args, Gives = StepResult<T>>,
{
    type Step = BlockingStep<F, marker::Fallible, Args>;

    fn into_step(self) -> Self::Step {
        BlockingStep::new(self.0)
    }
}

/// A [`Blocking`] function as a step.
pub struct BlockingStep<F, Kind, Args> {
    function: Arc<F>,
    _kind: PhantomData<fn() -> (Kind, Args)>,
}

impl<F, Kind, Args> BlockingStep<F, Kind, Args> {
    fn new(function: F) -> Self {
        Self {
            function: Arc::new(function),
            _kind: PhantomData,
        }
    }
}

impl<In, F, Kind, Args> Step<In> for BlockingStep<F, Kind, Args>
where
    In: Send + 'static,
    F: Function<In, Args> + Send + Sync + 'static,
    F::Gives: StepOutput<Kind> + Send + 'static,
    Kind: 'static,
    Args: 'static,
{
    type Output = <F::Gives as StepOutput<Kind>>::Output;

    fn name(&self) -> &str {
        F::name()
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Self::Output>> {
        let function = Arc::clone(&self.function);
        async move {
            // In here, so that nothing begins before the step is polled.
            let done = tokio::task::spawn_blocking(move || function.call(ctx, input));
            match done.await {
                Ok(gives) => gives.settle().await,
                Err(lost) => Err(failed(&lost)),
            }
        }
        .boxed()
    }
}

fn failed(lost: &JoinError) -> Error {
    let what = if lost.is_panic() {
        "panicked"
    } else {
        "was given up, because the runtime shut down"
    };
    let message = format!("the step's blocking function {what}");
    Error::new(ErrorKind::Step, message).retryable(false)
}

impl<F> fmt::Debug for Blocking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking")
    }
}

impl<F, Kind, Args> fmt::Debug for BlockingStep<F, Kind, Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingStep")
    }
}

use futures::future::BoxFuture;

use crate::{Result, RunContext, Step, StepPath, StepPlan};

/// What is put around a step that stays the same in all else: a limit, a weight, a name.
///
/// Everything that isn't said here is the step's own, whatever it takes and gives: its kind, what it is made
/// of, which words it gives, whether it goes on when its run is resumed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use std::time::{Duration, Instant};
///
/// use futures::future::BoxFuture;
/// use mainstem_core::{Result, Run, StepPlan, StepWrapper, WrappedStep};
/// # use mainstem_core::{RunContext, Step};
/// # struct Count;
/// # impl Step<String> for Count {
/// #     type Output = usize;
/// #     fn name(&self) -> &str { "count" }
/// #     fn kind(&self) -> &'static str { "function" }
/// #     fn call(&self, _: RunContext, text: String) -> BoxFuture<'static, Result<usize>> {
/// #         Box::pin(async move { Ok(text.len()) })
/// #     }
/// # }
/// # let count = Count;
///
/// struct Timed;
///
/// impl StepWrapper for Timed {
///     fn plan(&self, inner: StepPlan) -> StepPlan {
///         inner.detail("timed")
///     }
///
///     fn call<T: Send + 'static>(
///         &self,
///         work: BoxFuture<'static, Result<T>>,
///     ) -> BoxFuture<'static, Result<T>> {
///         Box::pin(async move {
///             let began = Instant::now();
///             let output = work.await;
///             assert!(began.elapsed() < Duration::from_secs(60));
///             output
///         })
///     }
/// }
///
/// let timed = WrappedStep::new(Timed, count);
/// assert_eq!(Run::of(timed, "jay".to_owned()).await?.output, 3);
/// # Ok(())
/// # }
/// ```
pub trait StepWrapper: Send + Sync + 'static {
    /// Its name; the step's own by default.
    fn name<'a>(&'a self, inner: &'a str) -> &'a str {
        inner
    }

    /// What it is made of; what the step is made of by default. The name is set afterwards.
    fn plan(&self, inner: StepPlan) -> StepPlan {
        inner
    }

    /// Finds what is put together wrongly in it, before the step is looked at; nothing by default.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`](crate::ErrorKind::Config), with the path of what is wrong.
    fn check(&self, path: &StepPath) -> Result<()> {
        let _ = path;
        Ok(())
    }

    /// Does the step's work; as it is, by default.
    fn call<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T>>,
    ) -> BoxFuture<'static, Result<T>> {
        work
    }
}

/// A step with something around it: see [`StepWrapper`].
#[derive(Clone, Debug)]
pub struct WrappedStep<W, S> {
    wrapper: W,
    step: S,
}

impl<W, S> WrappedStep<W, S> {
    /// Puts it around a step.
    pub fn new(wrapper: W, step: S) -> Self {
        Self { wrapper, step }
    }
}

impl<In, W, S> Step<In> for WrappedStep<W, S>
where
    W: StepWrapper,
    S: Step<In>,
{
    type Output = S::Output;

    fn name(&self) -> &str {
        self.wrapper.name(self.step.name())
    }

    fn kind(&self) -> &'static str {
        self.step.kind()
    }

    fn plan(&self) -> StepPlan {
        let mut plan = self.wrapper.plan(self.step.plan());
        plan.name = Step::<In>::name(self).into();
        plan
    }

    fn resumes(&self) -> bool {
        self.step.resumes()
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.wrapper.check(path)?;
        self.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<S::Output>> {
        self.wrapper.call(self.step.call(ctx, input))
    }
}

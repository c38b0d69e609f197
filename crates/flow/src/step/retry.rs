use std::{fmt, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    DecisionKind, Error, JournalKey, Json, Place, Result, Retracted, RunContext, Step, StepPath,
    StepPlan,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{IntoStep, Retry, StepValue, child::Child};

/// Why a failure stands that another attempt might have mended.
const NOT_AGAIN: &str = "not tried again, for its text was already given to a reader that can't take \
                         it back; read events";

/// A step that is tried again; made by [`retry`].
#[derive(Clone, Debug)]
pub struct Retrying<S> {
    policy: Retry,
    step: S,
}

/// Tries a step again when it fails, up to so many attempts, or as a [`Retry`] says.
///
/// Only what another attempt may mend is tried again: see [`Error::is_retryable`]. Before that, what
/// the attempt had shown is [retracted](Retracted), and what it had written into the context is gone;
/// the attempts are those of `write/writer`, `write/writer#2`, …. Then it waits, longer each time, and
/// at least as long as the upstream [asks for](Error::retry_after). It needs Tokio's runtime.
///
/// If a reader was shown what can't be taken back, the failure stands: a reader of text alone isn't
/// given another beginning, one of events is. See
/// [`can_retract_since`](RunContext::can_retract_since).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use std::sync::{Arc, Mutex};
///
/// use mainstem_flow::{Flow, retry, with};
///
/// let answers = Arc::new(Mutex::new(vec!["7", "seven"]));
/// let flow = Flow::<()>::new("ask").step(
///     "number",
///     retry(3, with(answers, async |answers: Arc<Mutex<Vec<&'static str>>>, (): ()| {
///         let answer = answers.lock().unwrap().pop().unwrap_or_default();
///         Ok(answer.parse::<u8>()?)
///     })),
/// );
/// assert_eq!(flow.run(()).await?.output, 7);
/// # Ok(())
/// # }
/// ```
pub fn retry<S>(policy: impl Into<Retry>, step: S) -> Retrying<S> {
    Retrying {
        policy: policy.into(),
        step,
    }
}

#[diagnostic::do_not_recommend]
impl<In, S, M> IntoStep<In, Retrying<M>> for Retrying<S>
where
    In: Clone + Send + 'static,
    S: IntoStep<In, M>,
    S::Step: Step<In>,
    <S::Step as Step<In>>::Output: StepValue,
{
    type Step = RetryStep<In, <S::Step as Step<In>>::Output>;

    fn into_step(self) -> Self::Step {
        RetryStep(Retrying {
            policy: self.policy,
            step: Child::of(self.step.into_step()),
        })
    }
}

/// A [`Retrying`] step, made one.
pub struct RetryStep<In, Out>(Retrying<Child<In, Out>>);

impl<In, Out> Step<In> for RetryStep<In, Out>
where
    In: Clone + Send + 'static,
    Out: StepValue,
{
    type Output = Out;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "retry"
    }

    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name(), self.kind())
            .detail(self.0.policy.to_string())
            .inside([self.0.step.plan()])
            .gives_as_inside()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.0.policy.check(path)?;
        self.0.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Out>> {
        let Retrying { policy, step } = self.0.clone();
        async move {
            let mut next = Next::default();
            let mut tries = 0;
            loop {
                tries += 1;
                let began = Instant::now();
                let fork = ctx.context().fork(step.name().clone());
                let since = ctx.place_before(step.name(), next.attempt);
                let attempt = step.attempt(ctx.clone(), next.attempt, fork.clone(), input.clone());
                let error = match attempt.await {
                    Ok(output) => {
                        ctx.context().merge([&fork])?;
                        return Ok(output);
                    }
                    Err(error) => error,
                };
                let failed = Failed {
                    tries,
                    attempt: ctx.last_attempt(step.name()),
                    since,
                    spent: next.spent() + began.elapsed(),
                };
                next = failed.then(&ctx, policy, error).await?;
            }
        }
        .boxed()
    }
}

/// An attempt that failed.
struct Failed {
    /// How many there were so far.
    tries: u32,
    /// Its number. An attempt that was cut off by a crash has one, too.
    attempt: u32,
    /// Where it began.
    since: Place,
    /// How long all of them took, and the waiting between.
    spent: Duration,
}

/// What was decided about the next attempt.
#[derive(Serialize, Deserialize)]
struct Next {
    attempt: u32,
    wait_ms: u64,
    /// How long all attempts will have taken by then.
    spent_ms: u64,
}

impl Default for Next {
    fn default() -> Self {
        Self {
            attempt: 1,
            wait_ms: 0,
            spent_ms: 0,
        }
    }
}

impl Next {
    fn spent(&self) -> Duration {
        Duration::from_millis(self.spent_ms)
    }
}

impl Failed {
    /// Waits for the next attempt; the error, if there is none.
    async fn then(self, ctx: &RunContext, policy: Retry, error: Error) -> Result<Next> {
        let (tries, since) = (self.tries, self.since);
        let reason = format!("attempt {} failed: {}", self.attempt, error.message());
        let decide = {
            let ctx = ctx.clone();
            async move { Json::new(&self.decide(&ctx, &policy, error).await?) }
        };
        let key = |name: &str| JournalKey::new(ctx.path().clone(), format!("{name}[{tries}]"));
        let next: Next = ctx
            .journal()
            .run(key("again"), DecisionKind::Loop, decide.boxed())
            .await?
            .to()?;
        ctx.emit(Retracted::new(since, reason)).await;
        let wait = Duration::from_millis(next.wait_ms);
        ctx.journal().sleep(key("wait"), wait).await?;
        Ok(next)
    }

    async fn decide(self, ctx: &RunContext, policy: &Retry, error: Error) -> Result<Next> {
        let Some(wait) = policy.wait(self.tries, self.spent, &error) else {
            return Err(error);
        };
        if !ctx.can_retract_since(ctx.path(), self.since).await {
            return Err(error.with_note(NOT_AGAIN));
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Ok(Next {
            attempt: self.attempt + 1,
            wait_ms: millis(wait),
            spent_ms: millis(self.spent.saturating_add(wait)),
        })
    }
}

impl<In, Out> fmt::Debug for RetryStep<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStep")
            .field("policy", &self.0.policy)
            .field("step", &self.0.step.plan.name)
            .finish()
    }
}

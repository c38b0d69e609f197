use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Result, RunContext, StepScope, Text,
    function::{Function, StepOutput},
};
use serde::{Deserialize, Serialize};

use super::{Verdict, refusal::What};

/// Looks at what an agent is asked, before anything else is done with it; see
/// [`guard_input`](crate::AgentBuilder::guard_input).
///
/// It is a step of the run, `agent/input:NAME`: what it uses counts, what it says is no text of the run, and a
/// run that is resumed finds what it said instead of asking again.
#[derive(Clone)]
pub struct InputGuard {
    name: Text,
    check: Arc<Check>,
}

type Check = dyn Fn(RunContext, Text) -> BoxFuture<'static, Result<Outcome>> + Send + Sync;

/// What becomes of an input.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Allow,
    Refuse(String),
    Rewrite(String),
}

impl InputGuard {
    /// A function that says whether an input passes, with the guard's name.
    ///
    /// It takes the input as a [`Text`], with a [`RunContext`] before it if it wants one, and gives a
    /// [`Verdict`].
    pub fn new<F, Kind, Args>(name: impl Into<Text>, function: F) -> Self
    where
        F: Function<Text, Args> + Send + Sync + 'static,
        F::Gives: StepOutput<Kind, Output = Verdict>,
    {
        Self::of(name, function, |verdict| match verdict {
            Verdict::Allow => Outcome::Allow,
            Verdict::Refuse(reason) => Outcome::Refuse(reason),
        })
    }

    /// A function that gives another text, which the agent takes instead; an error refuses the input.
    ///
    /// The conversation remembers the new text alone.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["Hello!"]);
    /// use mainstem_agent::{Agent, InputGuard};
    /// use mainstem_core::Text;
    ///
    /// let mask = InputGuard::rewriting("mask", |input: Text| input.replace("Ada", "A."));
    /// let agent = Agent::builder(model.clone()).guard_input(mask).build()?;
    /// agent.run("I am Ada.").await?;
    /// assert_eq!(model.requests()[0].messages[0].text(), "I am A..");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rewriting<F, Kind, Args>(name: impl Into<Text>, function: F) -> Self
    where
        F: Function<Text, Args> + Send + Sync + 'static,
        F::Gives: StepOutput<Kind, Output = String>,
    {
        Self::of(name, function, Outcome::Rewrite)
    }

    fn of<F, Kind, Args, T: 'static>(
        name: impl Into<Text>,
        function: F,
        outcome: impl Fn(T) -> Outcome + Send + Sync + Copy + 'static,
    ) -> Self
    where
        F: Function<Text, Args> + Send + Sync + 'static,
        F::Gives: StepOutput<Kind, Output = T>,
    {
        let check = move |ctx, input| {
            let given = function.call(ctx, input).settle();
            given.map(move |given| given.map(outcome)).boxed()
        };
        Self {
            name: name.into(),
            check: Arc::new(check),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, ctx: &RunContext, input: &Text) -> Result<Outcome> {
        let scope = StepScope::new(What::Input.step(&self.name), "guard");
        let (check, input) = (Arc::clone(&self.check), input.clone());
        // Within, so that its panic is its own.
        let body = move |ctx| async move { check(ctx, input).await };
        ctx.perform(scope, body).await
    }
}

/// What the guards leave of an input.
pub(crate) async fn admit(
    guards: &[InputGuard],
    ctx: &RunContext,
    input: String,
) -> Result<String> {
    let ctx = ctx.quiet();
    let mut input = Text::from(input);
    for guard in guards {
        let checked = guard.check(&ctx, &input).await;
        match checked.map_err(|error| What::Input.failed(&guard.name, error))? {
            Outcome::Allow => {}
            Outcome::Refuse(reason) => return Err(What::Input.refused(&guard.name, &reason)),
            Outcome::Rewrite(text) => input = text.into(),
        }
    }
    Ok(input.into())
}

impl fmt::Debug for InputGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InputGuard").field(&self.name).finish()
    }
}

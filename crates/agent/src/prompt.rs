use std::{fmt, marker::PhantomData, sync::Arc};

use futures::future::BoxFuture;
use mainstem_core::{Result, RunContext, Step, StepPath, StepPlan};

use crate::Agent;

/// An agent that takes an `In`, by a function that makes its prompt; made by [`Agent::prompt`].
///
/// `S` is the agent, or what is made of one.
pub struct Prompt<In, F, S = Agent> {
    step: S,
    prompt: Arc<F>,
    _input: PhantomData<fn(&In)>,
}

impl<In, F, S> Prompt<In, F, S> {
    pub(crate) fn new(step: S, prompt: F) -> Self {
        Self {
            step,
            prompt: Arc::new(prompt),
            _input: PhantomData,
        }
    }
}

impl<T> Agent<T> {
    /// The agent as a step that takes something else than a `String`.
    ///
    /// The function makes the prompt from what the step before gives. The agent's name, settings and
    /// memory are its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// use mainstem_agent::Agent;
    /// use mainstem_core::Run;
    ///
    /// # let model = ScriptedModel::new().answer(["Blue."]);
    /// let agent = Agent::builder(model.clone()).build()?;
    /// let painter = agent.prompt(|bird: &Vec<String>| format!("Which colour has a {}?", bird[0]));
    /// assert_eq!(Run::of(painter, vec!["jay".to_owned()]).await?.output, "Blue.");
    /// assert_eq!(model.requests()[0].messages[0].text(), "Which colour has a jay?");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prompt<In, F, P>(&self, prompt: F) -> Prompt<In, F, Self>
    where
        F: Fn(&In) -> P + Send + Sync + 'static,
        P: Into<String>,
    {
        Prompt::new(self.clone(), prompt)
    }
}

impl<In, F, P, S> Step<In> for Prompt<In, F, S>
where
    In: Send + 'static,
    F: Fn(&In) -> P + Send + Sync + 'static,
    P: Into<String>,
    S: Step<String>,
{
    type Output = S::Output;

    fn name(&self) -> &str {
        self.step.name()
    }

    fn kind(&self) -> &'static str {
        self.step.kind()
    }

    fn plan(&self) -> StepPlan {
        self.step.plan()
    }

    fn resumes(&self) -> bool {
        self.step.resumes()
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<S::Output>> {
        let prompt = (self.prompt)(&input).into();
        self.step.call(ctx, prompt)
    }
}

impl<In, F, S: Clone> Clone for Prompt<In, F, S> {
    fn clone(&self) -> Self {
        Self {
            step: self.step.clone(),
            prompt: Arc::clone(&self.prompt),
            _input: PhantomData,
        }
    }
}

impl<In, F, S: fmt::Debug> fmt::Debug for Prompt<In, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prompt").field(&self.step).finish()
    }
}

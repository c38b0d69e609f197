//! Agents that take something else than a `String`.

use std::{fmt, marker::PhantomData, sync::Arc};

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use mainstem_core::{Result, RunContext, Step, StepPath, StepPlan};
use serde::Serialize;

use crate::{Agent, Template};

/// An agent that takes an `In`, by a function that makes its prompt; made by [`Agent::prompt`].
///
/// `S` is the agent, or what is made of one.
pub type Prompt<In, F, S = Agent> = Prompted<In, ByFunction<F>, S>;

/// An agent that takes an `In`, by a template that makes its prompt; made by [`Agent::template`].
///
/// `S` is the agent, or what is made of one.
pub type Templated<In, S = Agent> = Prompted<In, Template, S>;

/// An agent, or what is made of one, that takes an `In`: a [`Prompt`] or a [`Templated`].
pub struct Prompted<In, M, S = Agent> {
    step: S,
    makes: M,
    _input: PhantomData<fn(&In)>,
}

/// What makes a prompt of an `In`: a [`Template`], or a function.
pub trait MakesPrompt<In>: Send + Sync + 'static {
    /// The prompt.
    ///
    /// # Errors
    ///
    /// What the template says of a value that it can't be filled with.
    fn prompt(&self, input: &In) -> Result<String>;
}

/// A function that makes a prompt.
pub struct ByFunction<F>(Arc<F>);

impl<In, F, P> MakesPrompt<In> for ByFunction<F>
where
    F: Fn(&In) -> P + Send + Sync + 'static,
    P: Into<String>,
{
    fn prompt(&self, input: &In) -> Result<String> {
        Ok((self.0)(input).into())
    }
}

impl<In: Serialize> MakesPrompt<In> for Template {
    fn prompt(&self, input: &In) -> Result<String> {
        self.fill(input)
    }
}

impl<In, F, S> Prompt<In, F, S> {
    pub(crate) fn by_function(step: S, prompt: F) -> Self {
        Self::new(step, ByFunction(Arc::new(prompt)))
    }
}

impl<In, M, S> Prompted<In, M, S> {
    pub(crate) fn new(step: S, makes: M) -> Self {
        Self {
            step,
            makes,
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
        Prompt::by_function(self.clone(), prompt)
    }

    /// The agent as a step that fills a [`Template`] with what the step before gives.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// use mainstem_agent::{Agent, Template};
    /// use mainstem_core::Run;
    /// use serde_json::json;
    ///
    /// # let model = ScriptedModel::new().answer(["Blue."]);
    /// let agent = Agent::builder(model.clone()).build()?;
    /// let painter = agent.template(Template::new("Which colour has a {{bird}}?")?);
    /// assert_eq!(Run::of(painter, json!({"bird": "jay"})).await?.output, "Blue.");
    /// assert_eq!(model.requests()[0].messages[0].text(), "Which colour has a jay?");
    /// # Ok(())
    /// # }
    /// ```
    pub fn template<In>(&self, template: Template) -> Templated<In, Self> {
        Templated::new(self.clone(), template)
    }
}

impl<In, M, S> Step<In> for Prompted<In, M, S>
where
    In: Send + 'static,
    M: MakesPrompt<In>,
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
        match self.makes.prompt(&input) {
            Ok(prompt) => self.step.call(ctx, prompt),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }
}

impl<F> Clone for ByFunction<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> fmt::Debug for ByFunction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByFunction")
    }
}

impl<In, M: Clone, S: Clone> Clone for Prompted<In, M, S> {
    fn clone(&self) -> Self {
        Self::new(self.step.clone(), self.makes.clone())
    }
}

impl<In, M: fmt::Debug, S: fmt::Debug> fmt::Debug for Prompted<In, M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompted")
            .field("step", &self.step)
            .field("makes", &self.makes)
            .finish()
    }
}

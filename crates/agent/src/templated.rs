use std::{fmt, marker::PhantomData};

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use mainstem_core::{Result, RunContext, Step, StepPath, StepPlan};
use serde::Serialize;

use crate::{Agent, Template};

/// An agent that takes an `In`, by a template that makes its prompt; made by [`Agent::template`].
///
/// `S` is the agent, or what is made of one.
pub struct Templated<In, S = Agent> {
    step: S,
    template: Template,
    _input: PhantomData<fn(&In)>,
}

impl<In, S> Templated<In, S> {
    pub(crate) fn new(step: S, template: Template) -> Self {
        Self {
            step,
            template,
            _input: PhantomData,
        }
    }
}

impl<T> Agent<T> {
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

impl<In, S> Step<In> for Templated<In, S>
where
    In: Serialize + Send + 'static,
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
        match self.template.fill(&input) {
            Ok(prompt) => self.step.call(ctx, prompt),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }
}

impl<In, S: Clone> Clone for Templated<In, S> {
    fn clone(&self) -> Self {
        Self {
            step: self.step.clone(),
            template: self.template.clone(),
            _input: PhantomData,
        }
    }
}

impl<In, S: fmt::Debug> fmt::Debug for Templated<In, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templated")
            .field("step", &self.step)
            .field("template", &self.template)
            .finish()
    }
}

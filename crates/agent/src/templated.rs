use std::{fmt, marker::PhantomData};

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use mainstem_core::{Result, RunContext, Step, StepPlan};
use serde::Serialize;

use crate::{Agent, Template};

/// An agent that takes an `In`, by a template that makes its prompt; made by [`Agent::template`].
pub struct Templated<In, T = String> {
    agent: Agent<T>,
    template: Template,
    _input: PhantomData<fn(&In)>,
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
    pub fn template<In>(&self, template: Template) -> Templated<In, T> {
        Templated {
            agent: self.clone(),
            template,
            _input: PhantomData,
        }
    }
}

impl<In, T> Step<In> for Templated<In, T>
where
    In: Serialize + Send + 'static,
    Agent<T>: Step<String, Output = T>,
    T: Serialize + Send + 'static,
{
    type Output = T;

    fn name(&self) -> &str {
        self.agent.name()
    }

    fn kind(&self) -> &'static str {
        self.agent.kind()
    }

    fn plan(&self) -> StepPlan {
        self.agent.plan()
    }

    fn resumes(&self) -> bool {
        self.agent.resumes()
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<T>> {
        match self.template.fill(&input) {
            Ok(prompt) => self.agent.call(ctx, prompt),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }
}

impl<In, T> Clone for Templated<In, T> {
    fn clone(&self) -> Self {
        Self {
            agent: self.agent.clone(),
            template: self.template.clone(),
            _input: PhantomData,
        }
    }
}

impl<In, T> fmt::Debug for Templated<In, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templated")
            .field("agent", &self.agent)
            .field("template", &self.template)
            .finish()
    }
}

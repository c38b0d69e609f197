use std::{fmt, marker::PhantomData, sync::Arc};

use futures::future::BoxFuture;
use mainstem_core::{Result, RunContext, Step};
use serde::Serialize;

use crate::Agent;

/// An agent that takes an `In`, by a function that makes its prompt; made by [`Agent::prompt`].
pub struct Prompt<In, F, T = String> {
    agent: Agent<T>,
    prompt: Arc<F>,
    _input: PhantomData<fn(&In)>,
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
    pub fn prompt<In, F, P>(&self, prompt: F) -> Prompt<In, F, T>
    where
        F: Fn(&In) -> P + Send + Sync + 'static,
        P: Into<String>,
    {
        Prompt {
            agent: self.clone(),
            prompt: Arc::new(prompt),
            _input: PhantomData,
        }
    }
}

impl<In, F, P, T> Step<In> for Prompt<In, F, T>
where
    In: Send + 'static,
    F: Fn(&In) -> P + Send + Sync + 'static,
    P: Into<String>,
    T: Serialize + Send + 'static,
{
    type Output = T;

    fn name(&self) -> &str {
        self.agent.name()
    }

    fn kind(&self) -> &'static str {
        self.agent.kind()
    }

    fn resumes(&self) -> bool {
        self.agent.resumes()
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<T>> {
        let prompt = (self.prompt)(&input).into();
        self.agent.call(ctx, prompt)
    }
}

impl<In, F, T> Clone for Prompt<In, F, T> {
    fn clone(&self) -> Self {
        Self {
            agent: self.agent.clone(),
            prompt: Arc::clone(&self.prompt),
            _input: PhantomData,
        }
    }
}

impl<In, F, T> fmt::Debug for Prompt<In, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prompt").field(&self.agent).finish()
    }
}

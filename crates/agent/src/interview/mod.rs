//! Conversations that go on until a typed value is complete.

mod builder;
mod needs;
mod turn;

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Result, Resume, Run, RunContext, Step, StepScope, Text};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use self::builder::InterviewBuilder;
use self::needs::Needs;
use crate::{Agent, Prompt, Template, Templated};

/// An agent that talks with a person until it knows all of a `T`; made by
/// [`AgentBuilder::interview`](crate::AgentBuilder::interview).
///
/// In each turn a reader, which is another agent, writes down what the person has said so far. If that is a
/// `T`, the interview is complete. Otherwise the agent asks for what is missing; its question streams as
/// text. A field is needed, if `T` can't be read without it: an `Option` isn't, nor is one with a
/// `#[serde(default)]`. What fits the schema and is refused by the type's own `Deserialize` is asked for,
/// too.
///
/// There are two ways to use it. A chat calls [`say`](Self::say) with each thing that the person says. In a
/// flow it is a step, which takes what the person said first and gives the `T`: each question suspends the
/// run, under the id `booking/answer[0]` and so on (`answer[0]`, if it is the whole run), until there is an
/// [answer](mainstem_core::Suspension::answer), a string.
///
/// Cheap to clone, `Send + Sync`, and without state.
pub struct Interview<T>(Arc<Parts<T>>);

struct Parts<T> {
    /// Asks.
    agent: Agent,
    /// Says what is known.
    reader: Agent<Value>,
    needs: Needs<T>,
    thread: Text,
    max_questions: u32,
}

/// What comes of a turn of an [`Interview`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterviewTurn<T> {
    /// Something is missing, and this asks for it.
    Question(String),
    /// Nothing is missing.
    Complete(T),
}

impl<T> Interview<T> {
    /// Its name, a segment of its events' paths.
    pub fn name(&self) -> &str {
        self.0.agent.name()
    }

    /// The interview as a step that takes something else than a `String`: see [`Agent::prompt`].
    pub fn prompt<In, F, P>(&self, prompt: F) -> Prompt<In, F, Self>
    where
        F: Fn(&In) -> P + Send + Sync + 'static,
        P: Into<String>,
    {
        Prompt::by_function(self.clone(), prompt)
    }

    /// The interview as a step that fills a [`Template`] with what the step before gives: see
    /// [`Agent::template`].
    pub fn template<In>(&self, template: Template) -> Templated<In, Self> {
        Templated::new(self.clone(), template)
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Interview<T> {
    /// A turn: what the person says, and then a question, or the value.
    ///
    /// What was said is in the run's [`Context`](mainstem_core::Context), which must be the same for all
    /// turns, in a thread of the interview's own. Another interview needs another context, or a
    /// [`thread`](crate::AgentBuilder::thread) of another name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new()
    /// #     .answer([r#"{"bird": "jay", "eggs": null}"#])
    /// #     .answer(["How ", "many eggs?"])
    /// #     .answer([r#"{"bird": "jay", "eggs": 5}"#]);
    /// use mainstem_agent::{Agent, InterviewTurn};
    /// use mainstem_core::Context;
    ///
    /// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    /// struct Nest { bird: String, eggs: u8 }
    ///
    /// let nests = Agent::builder(model).interview::<Nest>().build()?;
    /// let ctx = Context::new();
    /// let mut turn = nests.say("I saw a jay's nest.").context(&ctx).stream();
    /// assert_eq!(turn.next_text().await?.unwrap(), "How ");
    /// let asked = InterviewTurn::Question("How many eggs?".to_owned());
    /// assert_eq!(turn.await?.output, asked);
    ///
    /// let turn = nests.say("Five.").context(&ctx).await?.output;
    /// assert_eq!(turn, InterviewTurn::Complete(Nest { bird: "jay".to_owned(), eggs: 5 }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn say(&self, text: impl Into<String>) -> Run<InterviewTurn<T>> {
        Run::of(self.turn(), text.into())
    }

    /// A turn that goes on after its process died: [`Run::resume`] tells how.
    pub fn resume_turn(&self, run: impl Into<Resume>) -> Run<InterviewTurn<T>> {
        Run::resume(self.turn(), run)
    }

    fn turn(&self) -> turn::Turn<T> {
        turn::Turn(Arc::clone(&self.0))
    }

    /// A run of all of it, whose questions suspend it, from what the person says first.
    pub fn run(&self, input: impl Into<String>) -> Run<T> {
        Run::of(self.clone(), input.into())
    }

    /// A run of all of it that goes on: with an answer, or after its process died.
    pub fn resume(&self, run: impl Into<Resume>) -> Run<T> {
        Run::resume(self.clone(), run)
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Step<String> for Interview<T> {
    type Output = T;

    fn name(&self) -> &str {
        self.0.agent.name()
    }

    fn kind(&self) -> &'static str {
        "interview"
    }

    fn resumes(&self) -> bool {
        true
    }

    fn call(&self, ctx: RunContext, input: String) -> BoxFuture<'static, Result<T>> {
        let parts = Arc::clone(&self.0);
        async move {
            // Of this step in this run alone: the session may hold others.
            let thread: Text = format!("{}@{}", ctx.path(), ctx.run_id()).into();
            let (mut said, mut number) = (input, 0);
            loop {
                let turn = {
                    let (parts, thread) = (Arc::clone(&parts), thread.clone());
                    let scope = StepScope::new("turn", "turn").index(number).resumes(true);
                    ctx.perform(scope, move |ctx| parts.turn(ctx, thread, said))
                };
                let question = match turn.await? {
                    InterviewTurn::Complete(value) => return Ok(value),
                    InterviewTurn::Question(question) => question,
                };
                let scope = StepScope::new("answer", "ask").index(number).resumes(true);
                let ask = ctx.perform(scope, move |ctx| async move {
                    ctx.ask_as_step::<String>(question).await
                });
                said = ask.await?;
                number += 1;
            }
        }
        .boxed()
    }
}

impl<T> Clone for Interview<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Interview<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interview")
            .field("agent", &self.0.agent)
            .field("max_questions", &self.0.max_questions)
            .finish_non_exhaustive()
    }
}

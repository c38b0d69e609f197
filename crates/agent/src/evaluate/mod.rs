//! Answers that are judged, and asked for again until one is good enough.

mod judge;
mod rounds;

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Error, ErrorKind, PlanShape, Result, Run, RunContext, RunStream, Step, StepPath, StepPlan,
};
use serde::{Serialize, de::DeserializeOwned};

pub use self::judge::{Draft, Evaluation, Judge};
use self::rounds::Rounds;
use crate::{Agent, Prompt, Template, Templated, drive::admitted};

/// An agent whose answers are judged; made by [`Agent::evaluated_by`].
///
/// It is a step like the agent itself, and runs by itself, too. Its attempts are rounds of it:
/// `write[0]/write`, judged in `write[0]/judge`; each score is an
/// [`Evaluated`](mainstem_core::Evaluated).
pub struct EvaluatedAgent<T = String>(Arc<Parts<T>>);

/// Makes the prompt of another attempt.
type AskAgain<T> = dyn Fn(&Retake<'_, T>) -> Result<String> + Send + Sync;

struct Parts<T> {
    agent: Agent<T>,
    judge: Judge<T>,
    threshold: f64,
    attempts: u32,
    is_live: bool,
    must_pass: bool,
    again: Arc<AskAgain<T>>,
    /// A name in the template of another attempt that stands for nothing.
    unknown: Option<String>,
}

/// What is known when an answer is asked for again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Retake<'a, T = String> {
    /// What was asked at first.
    pub input: &'a str,
    /// The last answer.
    pub output: &'a T,
    /// What the judge said of it.
    pub evaluation: &'a Evaluation,
    /// The score that is needed.
    pub threshold: f64,
}

impl<T: Serialize + Clone + Send + Sync + 'static> Agent<T> {
    /// The agent, with its answers judged and asked for again until one is good enough.
    ///
    /// A score of 85 is enough by default, and 3 attempts are made at most; each one after the first is
    /// told of the last answer and of what the judge said. If none is good enough, the best one is the
    /// output: see [`must_pass`](EvaluatedAgent::must_pass). A judge that fails fails the run: no score
    /// is made up.
    ///
    /// No text of an attempt is shown before it has passed; [`live`](EvaluatedAgent::live) changes that.
    /// What the judge writes is never shown as text.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// use mainstem_agent::{Agent, Evaluation};
    ///
    /// # let writer = ScriptedModel::new().answer(["Birds fly."]).answer(["Jays hide acorns."]);
    /// # let judge = ScriptedModel::new()
    /// #     .answer([r#"{"score": 40, "feedback": "Name a species."}"#])
    /// #     .answer([r#"{"score": 90, "feedback": ""}"#]);
    /// let judge = Agent::builder(judge).name("judge").output::<Evaluation>().build()?;
    /// let writer = Agent::builder(writer).name("writer").build()?;
    /// let result = writer.evaluated_by(judge).run("Something about birds").await?;
    /// assert_eq!(result.output, "Jays hide acorns.");
    /// # Ok(())
    /// # }
    /// ```
    pub fn evaluated_by(&self, judge: impl Into<Judge<T>>) -> EvaluatedAgent<T> {
        EvaluatedAgent(Arc::new(Parts {
            agent: self.clone(),
            judge: judge.into(),
            threshold: 85.0,
            attempts: 3,
            is_live: false,
            must_pass: false,
            again: Arc::new(|retake| Ok(ask_again(retake))),
            unknown: None,
        }))
    }
}

impl<T> EvaluatedAgent<T> {
    /// The score that is enough, from 0 to 100; 85 by default.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        self.with(|parts| parts.threshold = threshold)
    }

    /// How many attempts are made at most, at least 1; 3 by default.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        self.with(|parts| parts.attempts = attempts)
    }

    /// Shows the text of each attempt while it arrives, and retracts it if it isn't good enough.
    ///
    /// What a reader of text alone was shown can't be taken back: then the attempt stands, whatever
    /// its score, and a notice says so: with the code `not_asked_again`, or `not_the_best`, if it was the
    /// last one and an earlier one was better.
    #[must_use]
    pub fn live(self) -> Self {
        self.with(|parts| parts.is_live = true)
    }

    /// Fails if no attempt is good enough; by default the best one is the output.
    ///
    /// The error is of kind [`ErrorKind::Output`] and has the code `not_good_enough`.
    #[must_use]
    pub fn must_pass(self) -> Self {
        self.with(|parts| parts.must_pass = true)
    }

    /// How it is asked for another attempt, instead of the words of its own.
    #[must_use]
    pub fn ask_again(
        self,
        prompt: impl Fn(&Retake<'_, T>) -> String + Send + Sync + 'static,
    ) -> Self {
        self.with(|parts| parts.again = Arc::new(move |retake| Ok(prompt(retake))))
    }

    /// How it is asked for another attempt, by a template.
    ///
    /// Its names: `INPUT` is what was asked at first, `RESULT` the last answer, `EVAL_RESULT` what would
    /// make it better, `SCORE` what it got, and `THRESHOLD` what is needed. Another one is an error of
    /// kind [`ErrorKind::Config`] before anything runs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// use mainstem_agent::{Agent, Draft, Evaluation, Judge, Template};
    ///
    /// # let model = ScriptedModel::new().answer(["Birds"]).answer(["Birds fly."]);
    /// let dot = Judge::function("dot", async |draft: Draft| {
    ///     let score = if draft.output.ends_with('.') { 100.0 } else { 0.0 };
    ///     Ok(Evaluation::new(score).feedback("End with a dot."))
    /// });
    /// let writer = Agent::builder(model.clone())
    ///     .build()?
    ///     .evaluated_by(dot)
    ///     .ask_again_by(Template::new("{{INPUT}} Not {{RESULT}}: {{EVAL_RESULT}}")?);
    /// assert_eq!(writer.run("Write.").await?.output, "Birds fly.");
    /// assert_eq!(model.requests()[1].messages[0].text(), "Write. Not Birds: End with a dot.");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ask_again_by(self, template: Template) -> Self
    where
        T: Serialize,
    {
        let known = ["INPUT", "RESULT", "EVAL_RESULT", "SCORE", "THRESHOLD"];
        let first = |name: &str| {
            name.split('.')
                .next()
                .is_some_and(|name| known.contains(&name))
        };
        let unknown = template
            .names()
            .find(|name| !first(name))
            .map(str::to_owned);
        self.with(|parts| {
            parts.unknown = unknown;
            parts.again = Arc::new(move |retake| {
                template.fill(&Fields {
                    input: retake.input,
                    result: retake.output,
                    eval_result: &retake.evaluation.feedback,
                    score: retake.evaluation.score,
                    threshold: retake.threshold,
                })
            });
        })
    }

    fn with(self, change: impl FnOnce(&mut Parts<T>)) -> Self {
        let mut parts = match Arc::try_unwrap(self.0) {
            Ok(parts) => parts,
            Err(shared) => shared.duplicate(),
        };
        change(&mut parts);
        Self(Arc::new(parts))
    }
}

impl<T> EvaluatedAgent<T> {
    /// The same as a step that takes something else than a `String`: see [`Agent::prompt`].
    pub fn prompt<In, F, P>(&self, prompt: F) -> Prompt<In, F, Self>
    where
        F: Fn(&In) -> P + Send + Sync + 'static,
        P: Into<String>,
    {
        Prompt::by_function(self.clone(), prompt)
    }

    /// The same as a step that fills a [`Template`] with what the step before gives: see
    /// [`Agent::template`].
    pub fn template<In>(&self, template: Template) -> Templated<In, Self> {
        Templated::new(self.clone(), template)
    }
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> EvaluatedAgent<T> {
    /// A run on an input, to be set up, then awaited or streamed.
    pub fn run(&self, input: impl Into<String>) -> Run<T> {
        Run::of(self.clone(), input.into())
    }

    /// The stream of a run on an input: `run(input).stream()`.
    pub fn run_streamed(&self, input: impl Into<String>) -> RunStream<T> {
        self.run(input).stream()
    }

    /// A run that goes on after its process died: [`Run::resume`] tells how.
    pub fn resume(&self, run: impl Into<mainstem_core::Resume>) -> Run<T> {
        Run::resume(self.clone(), run)
    }
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Step<String>
    for EvaluatedAgent<T>
{
    type Output = T;

    fn name(&self) -> &str {
        self.0.agent.name()
    }

    fn kind(&self) -> &'static str {
        "evaluate"
    }

    fn plan(&self) -> StepPlan {
        let (needed, attempts) = (self.0.threshold, self.0.attempts);
        let agent = self.0.agent.plan();
        StepPlan::new(self.name(), self.kind())
            .detail(format!("{needed} of 100, up to {attempts} attempts"))
            .gives(agent.gives.clone())
            .shape(PlanShape::Repeated)
            .inside([agent, self.0.judge.plan()])
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.0.check().map_err(|error| error.with_step(path))
    }

    fn call(&self, ctx: RunContext, input: String) -> BoxFuture<'static, Result<T>> {
        let parts = Arc::clone(&self.0);
        async move {
            parts.check()?;
            let agent = parts.agent.parts();
            let input = match agent.guards.input.is_empty() {
                true => input,
                false => admitted(agent, &ctx, input).await?,
            };
            Rounds::new(&parts, ctx, input).run().await
        }
        .boxed()
    }
}

impl<T> Parts<T> {
    fn check(&self) -> Result<()> {
        if let Some(name) = &self.unknown {
            let message = format!(
                "the template for another attempt has no value for `{name}`; there are `INPUT`, \
                 `RESULT`, `EVAL_RESULT`, `SCORE` and `THRESHOLD`"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let message = if self.attempts == 0 {
            "no attempt is allowed; give `attempts` at least 1"
        } else if !(0.0..=100.0).contains(&self.threshold) {
            "the threshold is no score; give `threshold` one from 0 to 100"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, message))
    }

    fn duplicate(&self) -> Self {
        Self {
            agent: self.agent.clone(),
            judge: self.judge.clone(),
            threshold: self.threshold,
            attempts: self.attempts,
            is_live: self.is_live,
            must_pass: self.must_pass,
            again: Arc::clone(&self.again),
            unknown: self.unknown.clone(),
        }
    }
}

/// What a template for another attempt is filled with.
#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Fields<'a, T> {
    input: &'a str,
    result: &'a T,
    eval_result: &'a str,
    score: f64,
    threshold: f64,
}

/// The words by which another attempt is asked for.
fn ask_again<T: Serialize>(retake: &Retake<'_, T>) -> String {
    let Retake {
        input,
        output,
        evaluation,
        threshold,
    } = retake;
    format!(
        "{input}\n\nYour last answer was, as JSON: {}\nIt was judged with {} of 100; {threshold} are \
         needed. What would make it better: {}\nAnswer again.",
        json_of(output),
        evaluation.score,
        evaluation.feedback
    )
}

fn json_of<T: Serialize + ?Sized>(value: &T) -> String {
    // What can't be JSON has failed the step that gave it.
    serde_json::to_string(value).unwrap_or_default()
}

impl<T> Clone for EvaluatedAgent<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for EvaluatedAgent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluatedAgent")
            .field("agent", &self.0.agent)
            .field("judge", &self.0.judge)
            .field("threshold", &self.0.threshold)
            .field("attempts", &self.0.attempts)
            .finish_non_exhaustive()
    }
}

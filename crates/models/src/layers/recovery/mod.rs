//! What happens when a model fails: another attempt, another model, another way.

mod answer;
mod attempt;
mod builder;
mod engine;
mod schedule;
mod seam;

use std::{fmt, sync::Arc, time::Duration};

pub use builder::RecoveryBuilder;
use mainstem_core::{
    Backoff, Model, ModelRequest, ModelStream, OutputMode, OutputSpec, TimeLimits, TokenCounter,
};

/// A model that tries again: before the answer begins, and by policy after it began.
///
/// Around one model, or several that stand in for each other. An attempt that fails before the first
/// piece of its answer is repeated, after a pause that grows, or the one that the server asks for; once
/// its attempts are used up, or if the same model would only fail again, the next model is asked. What
/// becomes of an answer that is cut in its middle is up to [`when_cut`](RecoveryBuilder::when_cut).
///
/// Each further attempt is told by a [`NextAttempt`](mainstem_core::NextAttempt), of which an agent
/// makes a notice, and whose usage it adds to the run's. If the last attempt fails, its error is the
/// answer's, with all that was given of it as [`partial`](mainstem_core::Error::partial).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::{Error, ErrorKind, test_util::{Script, ScriptedModel}};
/// use std::time::Duration;
///
/// use mainstem_agent::Agent;
/// use mainstem_models::{Recovery, WhenCut};
///
/// # let busy = Error::new(ErrorKind::Model, "busy").with_status(503).retryable(true);
/// # let model = ScriptedModel::new().script(Script::new().fail(busy)).answer(["Blue."]);
/// let model = Recovery::of(model)
///     .attempts(5)
///     .total(Duration::from_secs(60))
///     .when_cut(WhenCut::Continue)
///     .build()?;
/// let agent = Agent::builder(model).build()?;
/// assert_eq!(agent.run("Which colour has a jay?").await?.output, "Blue.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Recovery(Arc<Plan>);

/// What to do when an answer fails after something of it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenCut {
    /// The failure stands; what was given is the error's partial text.
    #[default]
    Fail,
    /// The model is shown what it has said, and asked to go on.
    ///
    /// For text, and for JSON in mid-document. Nothing is taken back, so it is for every kind of
    /// reader. A repetition at the seam is dropped, if it is certain: 24 characters or more, from the
    /// beginning of a word to the end of what was said, which stand nowhere else in it. Whether a
    /// model begins with words of its own («Sure, here is the rest») can't be told.
    ///
    /// Thoughts alone, refusals and tool calls can't be gone on with: there it is as with
    /// [`Restart`](Self::Restart), without the way out of
    /// [`when_cut_in_text`](RecoveryBuilder::when_cut_in_text).
    Continue,
    /// What was given is void, and the answer begins anew.
    ///
    /// For readers that can take it back: of events, of partials, of patches. Where text was shown to
    /// one that can't, [`when_cut_in_text`](RecoveryBuilder::when_cut_in_text) says what happens.
    Restart,
    /// Nothing is shown before the answer is complete, so that it can begin anew unseen.
    ///
    /// Then an answer is one burst at its end, and its first piece comes as late as that: the agent's
    /// own [`TimeLimits`] must allow for it. More than 64 MiB aren't held: that is a failure.
    Hold,
}

/// What the builder has gathered.
struct Plan {
    /// At least one.
    models: Vec<Arc<dyn Model>>,
    attempts: u32,
    backoff: Backoff,
    total: Option<Duration>,
    time_limits: TimeLimits,
    when_cut: WhenCut,
    when_cut_in_text: WhenCut,
    go_on: GoOn,
    counter: Arc<dyn TokenCounter>,
}

/// Asks for the rest of an answer, of which this was said.
type GoOn = Arc<dyn Fn(&mut ModelRequest, &str) + Send + Sync>;

impl Recovery {
    /// Begins with the model that is asked first; its id is the id of the whole.
    pub fn of(model: impl Model) -> RecoveryBuilder {
        RecoveryBuilder::new(Arc::new(model))
    }
}

impl Model for Recovery {
    fn id(&self) -> &str {
        self.0.models[0].id()
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        ModelStream::new(engine::recover(Arc::clone(&self.0), request))
    }

    /// The first model's way, unless a model that stands in for it writes JSON among other text.
    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        let is_free =
            |mode: &OutputMode| matches!(mode, OutputMode::JsonObject | OutputMode::Prompt);
        let mut modes = self.0.models.iter().map(|model| model.output_mode(output));
        let first = modes.next().flatten();
        first
            .filter(is_free)
            .or_else(|| modes.flatten().find(is_free))
            .or(first)
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.0;
        f.debug_struct("Recovery")
            .field("models", &plan.models)
            .field("attempts", &plan.attempts)
            .field("when_cut", &plan.when_cut)
            .finish_non_exhaustive()
    }
}

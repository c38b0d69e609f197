//! What an agent is asked and what it answers, looked at by functions that can refuse it.

#[cfg(feature = "regex")]
mod forbidden_pattern;
mod forbidden_text;
mod input;
mod max_length;
mod output;
mod refusal;
#[cfg(feature = "regex")]
mod replaced_pattern;
mod replaced_text;
mod rewriting;

use std::collections::HashSet;

#[cfg(feature = "regex")]
pub use forbidden_pattern::ForbiddenPattern;
pub use forbidden_text::ForbiddenText;
pub use input::InputGuard;
pub(crate) use input::admit;
use mainstem_core::Result;
pub use max_length::MaxLength;
pub use output::{OutputGuard, OutputWatch};
pub(crate) use output::{Piece, Watch, pass_whole};
pub use refusal::GuardRefusal;
pub use rewriting::OutputRewriter;
pub(crate) use rewriting::Rewriting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgentBuilder, builder::config};

/// What a guard says of a text.
///
/// It is also the output type for agents that guard.
///
/// ```
/// use mainstem_agent::Verdict;
///
/// let verdict: Verdict = serde_json::from_str(r#"{"refuse": "it is an insult"}"#)?;
/// assert_eq!(verdict, Verdict::refuse("it is an insult"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing speaks against it.
    Allow,
    /// It is refused, for this reason.
    Refuse(String),
}

impl Verdict {
    /// It is refused. The reason is shown where errors are: nothing of the text should stand in it.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self::Refuse(reason.into())
    }

    /// It is refused if this is so.
    ///
    /// ```
    /// use mainstem_agent::Verdict;
    ///
    /// assert_eq!(Verdict::refuse_if(false, "too loud"), Verdict::Allow);
    /// assert_eq!(Verdict::refuse_if(true, "too loud"), Verdict::refuse("too loud"));
    /// ```
    pub fn refuse_if(refused: bool, reason: impl Into<String>) -> Self {
        match refused {
            true => Self::refuse(reason),
            false => Self::Allow,
        }
    }
}

/// The guards of an agent.
#[derive(Clone, Default)]
pub(crate) struct Guards {
    pub(crate) input: Vec<InputGuard>,
    pub(crate) output: Vec<OutputGuard>,
}

impl Guards {
    /// Whether each can be told by its name, and has something to do.
    pub(crate) fn check(&self, agent: &str, is_typed: bool) -> Result<()> {
        let mut rewriting = self.output.iter().filter(|guard| guard.rewrites());
        if let (true, Some(guard)) = (is_typed, rewriting.next()) {
            return Err(config(format!(
                "guard `{}` rewrites the output of agent `{agent}`, which is typed; it is for text: leave the \
                 guard out, or the type",
                guard.name()
            )));
        }
        let input = self.input.iter().map(InputGuard::name);
        let output = self.output.iter().map(OutputGuard::name);
        let names = input.map(|name| ("input", name));
        let names = names.chain(output.map(|name| ("output", name)));
        let mut seen = HashSet::new();
        for (what, name) in names {
            if !seen.insert((what, name)) {
                return Err(config(format!(
                    "agent `{agent}` has two guards of its {what} called `{name}`; give one of them another \
                     name"
                )));
            }
        }
        Ok(())
    }
}

impl<T> AgentBuilder<T> {
    /// Has each input looked at before anything else is done with it.
    ///
    /// A guard lets it pass, [rewrites](InputGuard::rewriting) it, or refuses it. May be called several
    /// times: each guard sees what the ones before it left. An input that is refused isn't remembered, no
    /// model and no provider of context is asked, and the run fails with an error of kind
    /// [`ErrorKind::Refused`](mainstem_core::ErrorKind::Refused) and the code `guard_refused`, whose cause is
    /// a [`GuardRefusal`]. A guard that fails or panics has refused.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new();
    /// use mainstem_agent::{Agent, GuardRefusal, InputGuard, Verdict};
    /// use mainstem_core::Text;
    ///
    /// let no_keys = InputGuard::new("no_keys", |input: Text| {
    ///     Verdict::refuse_if(input.contains("sk-"), "it holds a key")
    /// });
    /// let agent = Agent::builder(model.clone()).guard_input(no_keys).build()?;
    /// let error = agent.run("Is sk-123 a good key?").await.unwrap_err();
    /// assert_eq!(error.code(), Some("guard_refused"));
    /// assert_eq!(error.message(), "guard `no_keys` refused the input");
    /// assert_eq!(GuardRefusal::of(&error).unwrap().reason(), "it holds a key");
    /// assert!(model.requests().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn guard_input(mut self, guard: impl Into<InputGuard>) -> Self {
        self.parts.guards.input.push(guard.into());
        self
    }

    /// Has each answer looked at before it is shown: [whole](OutputGuard::whole), or piece by piece
    /// [while it streams](OutputGuard::streaming).
    ///
    /// An answer that is refused ends there: what was shown stands, nothing more is, and the run fails as
    /// by [`guard_input`](Self::guard_input), with what was shown as the error's partial text and as the
    /// partial message in the conversation. May be called several times.
    ///
    /// One that [rewrites](OutputGuard::rewriting) gives another text, which is the answer then.
    ///
    /// Guards see the text of each turn; of a typed agent its JSON text, as it is shown. They don't see
    /// reasoning, a model's own refusal, calls of tools and their results.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["The key ", "is s", "k-1", "23."]);
    /// use mainstem_agent::{Agent, ForbiddenText};
    ///
    /// let keys = ForbiddenText::new("no_keys", ["sk-", "pk-"]);
    /// let agent = Agent::builder(model).guard_output(keys).build()?;
    /// let mut run = agent.run_streamed("What is the key?");
    /// let mut shown = String::new();
    /// let error = loop {
    ///     match run.next_text().await {
    ///         Ok(piece) => shown.push_str(&piece.unwrap_or_default()),
    ///         Err(error) => break error,
    ///     }
    /// };
    /// assert_eq!(shown, "The key is ");
    /// assert_eq!(error.code(), Some("guard_refused"));
    /// assert_eq!(error.partial().unwrap().text, shown);
    /// # Ok(())
    /// # }
    /// ```
    pub fn guard_output(mut self, guard: impl Into<OutputGuard>) -> Self {
        self.parts.guards.output.push(guard.into());
        self
    }
}

/// How many bytes of a text are shown before a guard refuses it, and whether it does.
#[cfg(test)]
fn shown_before(watch: &mut impl OutputWatch, pieces: &[String]) -> (usize, bool) {
    let (mut come, mut shown) = (0, 0);
    for piece in pieces {
        if watch.check(piece) != Verdict::Allow {
            return (shown, true);
        }
        come += piece.len();
        shown = shown.max(come - watch.holds());
    }
    (shown, watch.finish() != Verdict::Allow)
}

//! What an agent says of its own work, beside its result.

use mainstem_core::{Error, ErrorKind, Result, UpstreamError};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::AgentBuilder;

/// An output that tells how the work went, and what should be next; see [`AgentBuilder::orchestrated`].
///
/// It is an output type as any other: `output::<Orchestration<T, N>>()`. `T` is the result, which must not
/// be `null`; `N` is what can be next, a text or an enum that a branch of a flow chooses by. The JSON is
/// `{"status": "completed", "result": .., "reasoning": "..", "next_hint": ..}`.
///
/// That an agent says it has failed is no failure of its run: the run has its output, and
/// [`status`](Self::status) says so. [`into_result`](Self::into_result) makes it an error.
///
/// ```
/// use mainstem_agent::{Orchestration, OrchestrationStatus};
///
/// let failed: Orchestration = serde_json::from_str(
///     r#"{"status": "failed", "reasoning": "The page is gone.", "next_hint": "search"}"#,
/// )?;
/// assert_eq!(failed.status, OrchestrationStatus::Failed);
/// assert_eq!(failed.next_hint.as_deref(), Some("search"));
/// assert_eq!(failed.into_result().unwrap_err().code(), Some("not_completed"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(description = "How the work went, and what should be next.")]
#[non_exhaustive]
pub struct Orchestration<T = String, N = String> {
    /// Whether what was asked for is done.
    pub status: OrchestrationStatus,
    /// What was asked for; null only if it couldn't be done.
    pub result: Option<T>,
    /// How it came to this.
    pub reasoning: String,
    /// What should be done next; null, if nothing is left to do.
    pub next_hint: Option<N>,
}

/// Whether an agent says that it has done what was asked; of an [`Orchestration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(description = "Whether it is done.")]
#[non_exhaustive]
pub enum OrchestrationStatus {
    /// It is done, and there is a result.
    Completed,
    /// It couldn't be done.
    Failed,
}

impl<T, N> Orchestration<T, N> {
    /// What was asked for, done.
    pub fn completed(result: T, reasoning: impl Into<String>) -> Self {
        Self {
            status: OrchestrationStatus::Completed,
            result: Some(result),
            reasoning: reasoning.into(),
            next_hint: None,
        }
    }

    /// What couldn't be done.
    pub fn failed(reasoning: impl Into<String>) -> Self {
        Self {
            status: OrchestrationStatus::Failed,
            result: None,
            reasoning: reasoning.into(),
            next_hint: None,
        }
    }

    /// What should be done next.
    #[must_use]
    pub fn next_hint(mut self, hint: N) -> Self {
        self.next_hint = Some(hint);
        self
    }

    /// Whether it says that it couldn't be done.
    pub fn is_failed(&self) -> bool {
        self.status == OrchestrationStatus::Failed
    }

    /// The result, for a step that goes on only with one.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Output`] and the code `not_completed`, if it couldn't be done; the
    /// agent's reasoning is its [`upstream`](Error::upstream).
    pub fn into_result(self) -> Result<T> {
        match (self.status, self.result) {
            (OrchestrationStatus::Completed, Some(result)) => Ok(result),
            _ => {
                let message = "the agent says that it couldn't do what was asked";
                let error = Error::new(ErrorKind::Output, message).with_code("not_completed");
                Err(error.with_source(UpstreamError::new(self.reasoning)))
            }
        }
    }
}

impl AgentBuilder {
    /// Makes the output one that tells how the work went, and what should be next.
    ///
    /// It is `output::<Orchestration<T>>()`. The JSON is checked while it streams, as of any typed output;
    /// one that is `completed` and has no result is refused, too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer([
    /// #     r#"{"status": "completed", "result": 5, "reasoning": "Counted.", "next_hint": "report"}"#,
    /// # ]);
    /// use mainstem_agent::Agent;
    ///
    /// let agent = Agent::builder(model).orchestrated::<u32>().build()?;
    /// let done = agent.run("Count the eggs.").await?.output;
    /// assert!(!done.is_failed());
    /// assert_eq!(done.next_hint.as_deref(), Some("report"));
    /// assert_eq!(done.into_result()?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn orchestrated<T>(self) -> AgentBuilder<Orchestration<T>>
    where
        T: JsonSchema + Serialize + de::DeserializeOwned + Send + 'static,
    {
        self.output::<Orchestration<T>>()
    }
}

/// As it is written.
#[derive(Deserialize)]
struct Written<T, N> {
    status: OrchestrationStatus,
    // A field of a type that isn't known has no default by itself.
    #[serde(default = "Option::default")]
    result: Option<T>,
    reasoning: String,
    #[serde(default = "Option::default")]
    next_hint: Option<N>,
}

impl<'de, T: Deserialize<'de>, N: Deserialize<'de>> Deserialize<'de> for Orchestration<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        if written.status == OrchestrationStatus::Completed && written.result.is_none() {
            let message = "the status is `completed`, and there is no `result`";
            return Err(de::Error::custom(message));
        }
        Ok(Self {
            status: written.status,
            result: written.result,
            reasoning: written.reasoning,
            next_hint: written.next_hint,
        })
    }
}

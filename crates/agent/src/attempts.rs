//! Answers that didn't fit, and what the model and the caller are told of them.

use std::{error::Error as StdError, fmt, sync::Arc};

use mainstem_core::{Error, ErrorKind, Message, ModelRequest, Text};
use mainstem_structured::Violation;

use crate::finish::cause_of;

/// Why an agent's answer ended without an output.
pub(crate) enum Failure {
    /// The output isn't what was asked for: another attempt may be allowed.
    Misfit(Box<Misfit>),
    Failed(Error),
}

/// What is wrong with an output.
#[derive(Clone, Debug)]
pub(crate) enum Misfit {
    Violation(Violation),
    /// It fits the schema, and the type's own `Deserialize` refused it.
    Type(Arc<serde_json::Error>),
    Empty,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Misfit> for Failure {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(Box::new(misfit))
    }
}

/// The attempts that an agent's output took, all of them in vain.
///
/// The `source()` of the error of kind [`ErrorKind::Output`] with which the run fails;
/// [`of`](Self::of) finds it. It shows what was wrong with the last one, and no text of any.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::ScriptedModel;
/// use mainstem_agent::{Agent, OutputAttempts};
///
/// let model = ScriptedModel::new().answer(["five"]).answer([r#""5""#]);
/// let agent = Agent::builder(model).output::<u8>().output_attempts(2).build()?;
/// let error = agent.run("How many?").await.unwrap_err();
/// let texts: Vec<_> = OutputAttempts::of(&error).unwrap().attempts().iter().map(|a| a.text()).collect();
/// assert_eq!(texts, ["five", r#""5""#]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OutputAttempts(Vec<FailedAttempt>);

/// An attempt whose output didn't fit.
#[derive(Clone)]
pub struct FailedAttempt {
    text: Text,
    misfit: Misfit,
}

impl OutputAttempts {
    /// The attempts that an error comes from; none, if it is another one.
    pub fn of(error: &Error) -> Option<&Self> {
        cause_of(error)
    }

    /// The attempts, the first one first; at least one.
    pub fn attempts(&self) -> &[FailedAttempt] {
        &self.0
    }
}

impl FailedAttempt {
    /// What the model wrote, up to the piece with the fault.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the text breaks the schema; none, if it fits and the type refused it, or if it is empty.
    pub fn violation(&self) -> Option<&Violation> {
        match &self.misfit {
            Misfit::Violation(violation) => Some(violation),
            Misfit::Type(_) | Misfit::Empty => None,
        }
    }

    /// Why the type's own `Deserialize` refused what fits the schema; its words may hold values.
    pub fn type_error(&self) -> Option<&serde_json::Error> {
        match &self.misfit {
            Misfit::Type(error) => Some(error),
            Misfit::Violation(_) | Misfit::Empty => None,
        }
    }
}

/// What is wrong, and where.
impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.misfit {
            Misfit::Violation(violation) => violation.fmt(f),
            // Its words may hold values of the output.
            Misfit::Type(_) => f.write_str(
                "it fits the schema, but the type's own `Deserialize` refused it; \
                 `FailedAttempt::type_error` says why",
            ),
            Misfit::Empty => f.write_str("expected an output, and there was none"),
        }
    }
}

impl fmt::Debug for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAttempt")
            .field("bytes", &self.text.len())
            .field("fault", &self.to_string())
            .finish_non_exhaustive()
    }
}

/// The fault of the last attempt.
impl fmt::Display for OutputAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.0.last() else {
            return Ok(());
        };
        match self.0.len() {
            1 => last.fmt(f),
            count => write!(f, "{last}, in the last of {count} attempts"),
        }
    }
}

impl StdError for OutputAttempts {}

/// The attempts of an answer so far.
pub(crate) struct Attempts {
    allowed: u32,
    failed: Vec<FailedAttempt>,
}

impl Attempts {
    pub(crate) fn new(allowed: u32) -> Self {
        Self {
            allowed,
            failed: Vec::new(),
        }
    }

    /// Whether there is another one after the one to come.
    pub(crate) fn has_another(&self) -> bool {
        self.failed.len() + 1 < self.allowed as usize
    }

    pub(crate) fn add(&mut self, text: &str, misfit: Misfit) {
        let text = text.into();
        self.failed.push(FailedAttempt { text, misfit });
    }

    /// What the readers of the events are told.
    pub(crate) fn reason(&self) -> String {
        let (count, allowed) = (self.failed.len(), self.allowed);
        match self.failed.last() {
            Some(last) => format!("attempt {count} of {allowed}: {last}"),
            None => String::new(),
        }
    }

    /// Tells the model what was wrong with its last answer.
    pub(crate) fn complain(&self, request: &mut ModelRequest) {
        let Some(last) = self.failed.last() else {
            return;
        };
        if !last.text.is_empty() {
            request.messages.push(Message::assistant(last.text.clone()));
        }
        let fault = match &last.misfit {
            // It is the model's own text.
            Misfit::Type(error) => error.to_string(),
            _ => last.to_string(),
        };
        let again = match request.output {
            Some(_) => "Write the whole JSON document again, corrected, and nothing else.",
            None => "Answer again.",
        };
        let complaint = format!("Your answer was refused: {fault}. {again}");
        request.messages.push(Message::user(complaint));
    }

    /// The failure of the run; `is_final` says that an attempt would have been left, but what was
    /// shown can't be taken back.
    pub(crate) fn into_error(self, model: &str, is_final: bool) -> Error {
        let misfit = self.failed.last().map(|last| &last.misfit);
        let mut message = match misfit {
            Some(Misfit::Empty) => format!(
                "`{model}` finished without any output; another try, or another instruction, may help"
            ),
            Some(Misfit::Type(_)) => "the output isn't of the type that was asked for".to_owned(),
            Some(Misfit::Violation(_)) | None => "the output doesn't fit its schema".to_owned(),
        };
        if is_final {
            message.push_str(
                ", and wasn't asked for again: its reader can't take text back; read events, or \
                 build the agent with `hold_until_valid`",
            );
        }
        Error::new(ErrorKind::Output, message).with_source(OutputAttempts(self.failed))
    }
}

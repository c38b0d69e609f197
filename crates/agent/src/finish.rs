//! What a finish reason means for an answer.

use std::{error::Error as StdError, fmt};

use mainstem_core::{Error, ErrorKind, FinishReason, OutputSpec, Result, Text};
use mainstem_structured::{Document, Schema};
use serde_json::Value;

/// An answer that a filter cut, or that the server gave up, is none, however much of it came.
pub(crate) fn check(model: &str, reason: &FinishReason) -> Result<()> {
    let error = if reason.is_filtered() {
        let message = format!("the provider's filter cut the output of `{model}`");
        Error::new(ErrorKind::Refused, message)
    } else if reason.is_failure() {
        let message = format!("`{model}` gave up its answer");
        Error::new(ErrorKind::Model, message).retryable(true)
    } else {
        return Ok(());
    };
    Err(error.with_code(reason.as_str()))
}

/// An answer that has to be whole isn't, if it was cut at its limit of tokens.
pub(crate) fn check_length(
    model: &str,
    reason: &FinishReason,
    text: &str,
    output: Option<&OutputSpec>,
) -> Result<()> {
    if *reason != FinishReason::Length {
        return Ok(());
    }
    let message = format!(
        "the output of `{model}` was cut at its limit of tokens; raise `max_output_tokens`"
    );
    let error = Error::new(ErrorKind::Limit, message).with_code(reason.as_str());
    Err(match output {
        Some(output) => error.with_source(CutOutput {
            text: text.into(),
            schema: output.schema.clone(),
        }),
        None => error,
    })
}

/// A typed output that was cut at its limit of tokens: what there is of its value.
///
/// The `source()` of an error of kind [`ErrorKind::Limit`] with the code `length`; [`of`](Self::of)
/// finds it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::{Script, ScriptedModel};
/// use mainstem_agent::{Agent, CutOutput};
/// use mainstem_core::{FinishReason, ModelEvent};
///
/// # let script = Script::new()
/// #     .event(ModelEvent::Text(r#"["jay", "tit", "wr"#.into()))
/// #     .event(ModelEvent::Finished(FinishReason::Length));
/// # let model = ScriptedModel::new().script(script);
/// let agent = Agent::builder(model).output::<Vec<String>>().build()?;
/// let error = agent.run("Name some birds.").await.unwrap_err();
/// let cut = CutOutput::of(&error).unwrap();
/// assert_eq!(cut.value(), serde_json::json!(["jay", "tit", "wr"]));
/// assert!(!cut.document().at("/2").unwrap().is_complete());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CutOutput {
    text: Text,
    schema: Schema,
}

impl CutOutput {
    /// The output that an error tells of; none, if it is another one.
    pub fn of(error: &Error) -> Option<&Self> {
        cause_of(error)
    }

    /// The text, up to where it was cut.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What there is of the document, to be looked at place by place.
    pub fn document(&self) -> Document {
        let mut document = self.schema.document();
        // The agent has checked the text: all that it isn't is complete.
        let _ = document.feed(self.text.as_bytes());
        document
    }

    /// What there is of the value: members, items and strings as far as they go; `null`, if there is
    /// nothing.
    pub fn value(&self) -> Value {
        self.document().partial::<Value>().to_value()
    }
}

/// How far it goes.
impl fmt::Display for CutOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the output ends at byte {}", self.text.len())
    }
}

impl fmt::Debug for CutOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CutOutput")
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl StdError for CutOutput {}

/// The cause of an error that is of a type.
pub(crate) fn cause_of<E: StdError + 'static>(error: &Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

//! One opaque error for everything but the bodies of users' functions.

mod info;
mod kind;
mod step_error;
mod upstream;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

pub use info::ErrorInfo;
pub use kind::ErrorKind;
pub use step_error::{StepError, StepResult};
pub use upstream::UpstreamError;

use crate::{FinishReason, StepPath, Suspension, Text, Usage};

/// A result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what was there before.
///
/// Opaque and cheap to clone. `Display` tells this level only; the causes are in `source()`. No
/// prompt, key or payload stands in it, except in [`partial`](Self::partial), which is asked for.
///
/// ```
/// use mainstem_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Input, "the input is empty");
/// assert_eq!(error.kind(), ErrorKind::Input);
/// assert_eq!(error.to_string(), "the input is empty");
/// assert!(!error.is_retryable());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Text,
    step: Option<StepPath>,
    retryable: bool,
    retry_after: Option<Duration>,
    status: Option<u16>,
    code: Option<Text>,
    partial: Option<Arc<Partial>>,
    suspension: Option<Arc<Suspension>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a run had delivered when it ended early.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Partial {
    /// The text (of a typed agent: the JSON text) of the steps that were under way.
    pub text: Text,
    /// What was used until then, as far as it is known.
    pub usage: Usage,
    /// Why the model ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
}

impl Partial {
    /// What was delivered.
    pub fn new(text: impl Into<Text>, usage: Usage, finish_reason: Option<FinishReason>) -> Self {
        Self {
            text: text.into(),
            usage,
            finish_reason,
        }
    }
}

impl Error {
    /// An error of a kind, with a message for its reader.
    ///
    /// The message names the thing, the place and the mend, and no content.
    pub fn new(kind: ErrorKind, message: impl Into<Text>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            step: None,
            retryable: kind.is_retryable(),
            retry_after: None,
            status: None,
            code: None,
            partial: None,
            suspension: None,
            source: None,
        }))
    }

    /// The end of a run that waits for answers, as an error.
    pub fn suspended(suspension: Suspension) -> Self {
        let count = suspension.requests.len();
        let mut error = Self::new(
            ErrorKind::Suspended,
            format!("the run waits for {count} answer(s); call `outcome()` to get them as a value"),
        );
        error.change().suspension = Some(Arc::new(suspension));
        error
    }

    fn change(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.change().source = Some(Arc::from(source.into()));
        self
    }

    /// Names the step, unless one is named already.
    #[must_use]
    pub fn with_step(mut self, step: &StepPath) -> Self {
        if self.0.step.is_none() && !step.is_run() {
            self.change().step = Some(step.clone());
        }
        self
    }

    /// Says whether another try may help; the default is that of the kind.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.change().retryable = retryable;
        self
    }

    /// Adds how long to wait before the next try.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.change().retry_after = Some(wait);
        self
    }

    /// Adds the upstream's HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.change().status = Some(status);
        self
    }

    /// Adds the upstream's own code for it.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Text>) -> Self {
        self.change().code = Some(code.into());
        self
    }

    /// Adds what was delivered before.
    #[must_use]
    pub fn with_partial(mut self, partial: Partial) -> Self {
        self.change().partial = Some(Arc::new(partial));
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// This level's message, without its causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The step in which it happened; none if it happened outside of any.
    pub fn step(&self) -> Option<&StepPath> {
        self.0.step.as_ref()
    }

    /// Whether the same call may succeed another time.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long the upstream asked to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The upstream's HTTP status.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The upstream's own code for it, such as `rate_limit_exceeded`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What the run had delivered before it.
    pub fn partial(&self) -> Option<&Partial> {
        self.0.partial.as_deref()
    }

    /// What the run waits for, if this is the end of a suspended one.
    pub fn suspension(&self) -> Option<&Suspension> {
        self.0.suspension.as_deref()
    }

    /// The upstream's own words, if an upstream failed.
    pub fn upstream(&self) -> Option<&UpstreamError> {
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(upstream) = error.downcast_ref() {
                return Some(upstream);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = &self.0.step {
            write!(f, "step `{step}`: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.0.kind)
            .field("message", &self.0.message);
        if let Some(step) = &self.0.step {
            debug.field("step", step);
        }
        if let Some(status) = &self.0.status {
            debug.field("status", status);
        }
        if let Some(code) = &self.0.code {
            debug.field("code", code);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_tells_this_level_and_source_the_next() {
        let step = StepPath::run().child("write");
        let error = Error::new(ErrorKind::Model, "the model answered 503")
            .with_source(UpstreamError::new("overloaded"))
            .with_step(&step)
            .with_step(&StepPath::run().child("outer"));
        assert_eq!(error.to_string(), "step `write`: the model answered 503");
        assert_eq!(error.source().unwrap().to_string(), "overloaded");
        assert_eq!(error.upstream().unwrap().message(), "overloaded");
        assert_eq!(error.step(), Some(&step));
    }

    #[test]
    fn debug_keeps_the_partial_text_to_itself() {
        let partial = Partial::new("a secret", Usage::default(), None);
        let error = Error::new(ErrorKind::Truncated, "cut").with_partial(partial);
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(error.partial().unwrap().text, "a secret");
    }
}

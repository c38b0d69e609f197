//! One opaque error for everything but the bodies of users' functions.

mod info;
mod kind;
mod shown;
mod step_error;
mod upstream;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

pub use info::ErrorInfo;
pub use kind::ErrorKind;
pub use step_error::{StepError, StepResult};
pub use upstream::UpstreamError;

use crate::{FinishReason, InputRequest, Place, RunId, StepPath, Suspension, Text, Usage};

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
    /// The text (of a typed agent: the JSON text) of the steps that were under way, as readers saw it: of
    /// agents, and what functions emitted themselves, the first 64 KiB of each.
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
    ///
    /// A suspension isn't made so, for nothing would be asked: of [`ErrorKind::Suspended`] it makes
    /// an error of kind [`ErrorKind::Config`]. Use [`suspend`](Self::suspend).
    pub fn new(kind: ErrorKind, message: impl Into<Text>) -> Self {
        match kind {
            ErrorKind::Suspended => Self::of(ErrorKind::Config, message.into()),
            kind => Self::of(kind, message.into()),
        }
    }

    fn of(kind: ErrorKind, message: Text) -> Self {
        Self(Arc::new(Inner {
            kind,
            message,
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

    /// What a step returns to suspend its run until the requests are answered.
    ///
    /// The run ends this segment with [`RunSuspended`](crate::RunSuspended). Until then the
    /// [`suspension`](Self::suspension) has no run and no place of its own; the run fills them in.
    /// A suspension without a request, which nobody could answer, is an error of kind
    /// [`ErrorKind::Config`] instead.
    ///
    /// ```
    /// use mainstem_core::{Error, ErrorKind, InputRequest, StepPath};
    ///
    /// let ask = InputRequest::new("approve", StepPath::run().child("pay"), "Pay 7 €?");
    /// let error = Error::suspend([ask]);
    /// assert_eq!(error.kind(), ErrorKind::Suspended);
    /// assert_eq!(error.suspension().unwrap().requests.len(), 1);
    /// assert_eq!(Error::suspend([]).kind(), ErrorKind::Config);
    /// ```
    pub fn suspend(requests: impl IntoIterator<Item = InputRequest>) -> Self {
        let requests = requests.into_iter().collect();
        Self::suspended(Suspension::new("".into(), Place::default(), requests))
    }

    /// The end of a run that waits for answers, as an error; of a suspension without a request as
    /// [`suspend`](Self::suspend).
    pub fn suspended(suspension: Suspension) -> Self {
        let count = suspension.requests.len();
        if count == 0 {
            return Self::of(
                ErrorKind::Config,
                "a run can't be suspended without a request; give at least one".into(),
            );
        }
        let answers = match count {
            1 => "an answer".to_owned(),
            count => format!("{count} answers"),
        };
        let message = format!(
            "the run waits for {answers}; call `outcome()` to get what is asked as a value"
        );
        let mut error = Self::of(ErrorKind::Suspended, message.into());
        error.change().suspension = Some(Arc::new(suspension));
        error
    }

    /// Fills in where a run is suspended, whatever the step that asked took for it; and that it can't
    /// be resumed, if it has no store.
    pub(crate) fn suspended_at(mut self, run: &RunId, place: Place, is_stored: bool) -> Self {
        if let Some(suspension) = &mut self.change().suspension {
            let suspension = Arc::make_mut(suspension);
            suspension.run = run.clone();
            suspension.place = place;
            if !is_stored {
                let note = "it has no store, and so can't go on: give it one by `store(..)`";
                return self.with_note(note);
            }
        }
        self
    }

    /// The same, unless it is the end of another run: that is a failure of the step it came from.
    pub(crate) fn of_run(self, run: &RunId) -> Self {
        let is_foreign = match self.kind() {
            // No step of this run gets to see how it is stopped.
            ErrorKind::Cancelled => true,
            ErrorKind::Suspended => self.suspension().is_some_and(|suspension| {
                !suspension.run.as_str().is_empty() && suspension.run != *run
            }),
            _ => false,
        };
        if !is_foreign {
            return self;
        }
        let message = "the step passed on the end of another run; handle it in the step";
        let partial = self.0.partial.clone();
        let mut error = Self::new(ErrorKind::Step, message)
            .with_source(self)
            .retryable(false);
        error.change().partial = partial;
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

    /// Adds to the message what its reader should know besides.
    ///
    /// ```
    /// use mainstem_core::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Step, "no bird was found").with_note("look in spring");
    /// assert_eq!(error.message(), "no bird was found; look in spring");
    /// ```
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        let message = format!("{}; {note}", self.0.message);
        self.change().message = message.into();
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
    ///
    /// It is [`ErrorKind::Suspended`] if, and only if, there is a [`suspension`](Self::suspension).
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
        shown::note(self);
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
    fn an_error_is_suspended_if_and_only_if_something_is_asked() {
        let ask = InputRequest::new("ok", StepPath::run().child("ask"), "Go on?");
        for (error, kind) in [
            (Error::suspend([ask.clone()]), ErrorKind::Suspended),
            (Error::suspend([]), ErrorKind::Config),
            (
                Error::suspended(Suspension::new(RunId::new(), Place::default(), Vec::new())),
                ErrorKind::Config,
            ),
            (Error::new(ErrorKind::Suspended, "wait"), ErrorKind::Config),
        ] {
            assert_eq!(error.kind(), kind);
            assert_eq!(error.suspension().is_some(), kind == ErrorKind::Suspended);
            let info = ErrorInfo::from(&Error::suspend([ask.clone()]));
            assert_eq!(Error::from(info).kind(), ErrorKind::Config);
        }
    }

    #[test]
    fn where_a_run_is_suspended_is_filled_in() {
        let ask = InputRequest::new("ok", StepPath::run().child("ask"), "Go on?");
        let place: Place = "1-7".parse().unwrap();
        let error = Error::suspend([ask]).suspended_at(&"r".into(), place, true);
        let suspension = error.suspension().unwrap();
        assert_eq!((suspension.run.as_str(), suspension.place), ("r", place));
    }

    #[test]
    fn debug_keeps_the_partial_text_to_itself() {
        let partial = Partial::new("a secret", Usage::default(), None);
        let error = Error::new(ErrorKind::Truncated, "cut").with_partial(partial);
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(error.partial().unwrap().text, "a secret");
    }
}

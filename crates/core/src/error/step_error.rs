use std::{error::Error as StdError, fmt};

use crate::{Error, ErrorKind};

/// The error of a user's function: `?` turns any error into it.
///
/// `anyhow::Error`, `std` errors, strings and [`Error`] among them. Another try is allowed to
/// whoever has a policy for it, unless the error is [`terminal`](Self::terminal). It isn't a
/// `std::error::Error` itself: that is what lets `?` take them all.
///
/// ```
/// use mainstem_core::{StepError, StepResult};
///
/// fn parse(text: &str) -> StepResult<u8> {
///     if text.is_empty() {
///         return Err(StepError::terminal("there is nothing to parse"));
///     }
///     Ok(text.parse()?)
/// }
/// assert!(parse("").unwrap_err().is_terminal());
/// assert!(!parse("x").unwrap_err().is_terminal());
/// ```
pub struct StepError {
    source: Box<dyn StdError + Send + Sync>,
    terminal: bool,
}

/// What a user's function returns.
pub type StepResult<T> = std::result::Result<T, StepError>;

impl StepError {
    /// An error that another try can't mend.
    pub fn terminal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
            terminal: true,
        }
    }

    /// Whether no other try can mend it.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for StepError {
    fn from(source: E) -> Self {
        Self {
            source: source.into(),
            terminal: false,
        }
    }
}

impl From<StepError> for Error {
    /// An [`Error`] that a function passed on stays what it was; anything else becomes the cause
    /// of one of kind [`ErrorKind::Step`].
    fn from(error: StepError) -> Self {
        match error.source.downcast::<Self>() {
            Ok(own) if error.terminal => own.retryable(false),
            Ok(own) => *own,
            Err(source) => Self::new(ErrorKind::Step, "the step's function failed")
                .with_source(source)
                .retryable(!error.terminal),
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepError")
            .field("source", &self.source)
            .field("terminal", &self.terminal)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_ours_passes_through() {
        let own = Error::new(ErrorKind::Refused, "no");
        let error = Error::from(StepError::from(own));
        assert_eq!(error.kind(), ErrorKind::Refused);
    }

    #[test]
    fn a_foreign_error_becomes_the_cause() {
        let error = Error::from(StepError::terminal("lost"));
        assert_eq!(error.kind(), ErrorKind::Step);
        assert!(!error.is_retryable());
        assert_eq!(error.source().unwrap().to_string(), "lost");
    }
}

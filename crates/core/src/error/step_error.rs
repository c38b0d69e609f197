use std::{error::Error as StdError, fmt};

use super::shown;
use crate::{Error, ErrorKind};

/// The error of a user's function: `?` turns any error into it.
///
/// `anyhow::Error`, `std` errors, strings and [`Error`] among them. Another try is allowed to
/// whoever has a policy for it, unless the error is [`terminal`](Self::terminal). It isn't a
/// `std::error::Error` itself: that is what lets `?` take them all.
///
/// An [`Error`] that a function passes on stays what it was, with its kind, its partial output and
/// whether another try may help. So does one inside of another error, `anyhow::Error` among them:
/// what the function adds (`.context("..")`) then stands first among the causes. Everything else
/// becomes the cause of an error of kind [`ErrorKind::Step`].
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

    /// Whether no other try can mend it: it was made so, or is an [`Error`] that isn't retryable.
    pub fn is_terminal(&self) -> bool {
        self.terminal || own_in(&*self.source).is_some_and(|own| !own.is_retryable())
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
        let StepError { source, terminal } = error;
        let own = match own_in(&*source) {
            Some(own) if own.to_string() == source.to_string() => own,
            Some(own) => own.with_source(source),
            None => Self::new(ErrorKind::Step, "the step's function failed").with_source(source),
        };
        if terminal { own.retryable(false) } else { own }
    }
}

/// The first of ours in an error's chain, itself included.
fn own_in(error: &(dyn StdError + 'static)) -> Option<Error> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| {
        let own = error.downcast_ref::<Error>().cloned();
        own.or_else(|| shown::stands_for(error))
    })
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
    use std::time::Duration;

    use anyhow::Context as _;

    use super::*;
    use crate::{Partial, StepPath, UpstreamError, Usage};

    fn own() -> Error {
        Error::new(ErrorKind::Refused, "the model refused")
            .with_step(&StepPath::run().child("ask"))
            .with_retry_after(Duration::from_secs(3))
            .with_partial(Partial::new("half", Usage::default(), None))
            .with_source(UpstreamError::new("no"))
    }

    /// Ours, one field deep and unseen.
    struct Transparent(Error);

    impl fmt::Debug for Transparent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Transparent")
        }
    }

    impl fmt::Display for Transparent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl StdError for Transparent {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.0.source()
        }
    }

    fn chain(error: &Error) -> Vec<String> {
        std::iter::successors(Some(error as &dyn StdError), |&error| error.source())
            .map(ToString::to_string)
            .collect()
    }

    fn assert_kept(error: &Error) {
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.message(), "the model refused");
        assert_eq!(error.step().unwrap().as_str(), "ask");
        assert!(!error.is_retryable());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(error.partial().unwrap().text, "half");
        assert_eq!(error.upstream().unwrap().message(), "no");
    }

    #[test]
    fn an_error_of_ours_passes_through() {
        for error in [
            StepError::from(own()),
            anyhow::Error::from(own()).into(),
            Transparent(own()).into(),
            anyhow::Error::from(Transparent(own())).into(),
        ] {
            assert!(error.is_terminal());
            let error = Error::from(error);
            assert_kept(&error);
            assert_eq!(chain(&error), ["step `ask`: the model refused", "no"]);
        }
    }

    #[test]
    fn what_a_function_adds_to_an_error_of_ours_is_a_cause() {
        for inner in [
            anyhow::Error::from(own()),
            anyhow::Error::from(Transparent(own())),
        ] {
            let error = Err::<(), _>(inner).context("while saving").unwrap_err();
            let error = Error::from(StepError::from(error));
            assert_kept(&error);
            let chain = chain(&error);
            assert_eq!(
                chain[..2],
                ["step `ask`: the model refused", "while saving"]
            );
            assert_eq!(chain.last().unwrap(), "no");
        }
    }

    #[test]
    fn an_error_of_ours_that_is_terminal_is_tried_no_more() {
        let own = Error::new(ErrorKind::Timeout, "late");
        assert!(!StepError::from(own.clone()).is_terminal());
        for error in [
            StepError::terminal(own.clone()),
            StepError::terminal(anyhow::Error::from(own)),
        ] {
            assert!(error.is_terminal());
            let error = Error::from(error);
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert!(!error.is_retryable());
        }
    }

    #[test]
    fn an_error_that_only_quotes_one_of_ours_is_foreign() {
        let error = Error::from(StepError::from(format!("3 failed, the first: {}", own())));
        assert_eq!(error.kind(), ErrorKind::Step);
        let quote = anyhow::anyhow!("3 failed, the first: {}", own());
        assert_eq!(Error::from(StepError::from(quote)).kind(), ErrorKind::Step);
    }

    #[test]
    fn a_foreign_error_becomes_the_cause() {
        let error = Error::from(StepError::terminal("lost"));
        assert_eq!(error.kind(), ErrorKind::Step);
        assert!(!error.is_retryable());
        assert_eq!(error.source().unwrap().to_string(), "lost");
        assert!(Error::from(StepError::from("lost")).is_retryable());
    }
}

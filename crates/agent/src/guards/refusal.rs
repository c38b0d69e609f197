use std::{error::Error as StdError, fmt};

use mainstem_core::{Error, ErrorKind, Text};

use crate::finish::cause_of;

/// The code of its errors.
const CODE: &str = "guard_refused";

/// A text that a guard refused: the cause of an error of kind [`ErrorKind::Refused`] with the code
/// `guard_refused`; [`of`](Self::of) finds it.
///
/// It has the guard's name and its reason, and nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardRefusal {
    guard: Text,
    reason: Text,
}

/// What a guard looks at.
#[derive(Clone, Copy)]
pub(super) enum What {
    Input,
    Output,
}

impl GuardRefusal {
    /// The refusal that an error tells of; none, if it is another one, also if a guard failed instead of
    /// refusing.
    pub fn of(error: &Error) -> Option<&Self> {
        cause_of(error)
    }

    /// The guard's name.
    pub fn guard(&self) -> &str {
        &self.guard
    }

    /// The guard's own words for it.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// The reason.
impl fmt::Display for GuardRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl StdError for GuardRefusal {}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }

    /// The name of a guard's step: nothing else of an agent has such a one.
    pub(super) fn step(self, guard: &str) -> String {
        format!("{}:{guard}", self.name())
    }

    /// A guard has refused it.
    pub(super) fn refused(self, guard: &Text, reason: &str) -> Error {
        let message = format!("guard `{guard}` refused the {}", self.name());
        let refusal = GuardRefusal {
            guard: guard.clone(),
            reason: reason.into(),
        };
        Error::new(ErrorKind::Refused, message)
            .with_code(CODE)
            .with_source(refusal)
    }

    /// A guard has failed: nothing that it was to look at passes.
    pub(super) fn failed(self, guard: &Text, error: Error) -> Error {
        if matches!(error.kind(), ErrorKind::Suspended | ErrorKind::Cancelled) {
            return error;
        }
        let message = format!(
            "guard `{guard}` failed, and so the {} is refused",
            self.name()
        );
        Error::new(ErrorKind::Refused, message)
            .with_code(CODE)
            .retryable(error.is_retryable())
            .with_source(error)
    }

    /// A guard has panicked while an answer streamed.
    pub(super) fn panicked(self, guard: &Text) -> Error {
        let error = Error::new(ErrorKind::Step, "the guard panicked").retryable(false);
        self.failed(guard, error)
    }
}

use crate::{Error, ErrorInfo, Text, Usage};

/// An attempt at an answer failed, and another one follows.
///
/// Layers around models give it, in a [`ModelEvent::NextAttempt`](crate::ModelEvent::NextAttempt):
/// those that try again, ask another model, or go on where an answer was cut.
///
/// ```
/// use mainstem_core::{Error, ErrorKind, NextAttempt, Usage};
///
/// let cut = Error::new(ErrorKind::Truncated, "the answer stopped without an end");
/// let next = NextAttempt::new(&cut, Usage::new(30, 12)).by("openai://gpt-5-mini");
/// assert_eq!(next.failed.kind, ErrorKind::Truncated);
/// assert!(!next.is_void);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextAttempt {
    /// How the last attempt ended.
    pub failed: ErrorInfo,
    /// What that attempt used; it is added to the usage of the answer.
    pub usage: Usage,
    /// The id of the model that answers from now on, if it is another one.
    pub model: Option<Text>,
    /// Whether all of the answer so far is void, because it begins anew.
    ///
    /// Otherwise what follows goes on where it stopped.
    pub is_void: bool,
}

impl NextAttempt {
    /// Goes on where the last attempt stopped, with the same model.
    ///
    /// An attempt whose provider sent no usage is estimated, and flagged as such.
    pub fn new(failed: &Error, usage: Usage) -> Self {
        Self {
            failed: failed.into(),
            usage,
            model: None,
            is_void: false,
        }
    }

    /// Another model answers from now on.
    #[must_use]
    pub fn by(mut self, model: impl Into<Text>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The answer begins anew. Ask [`Recall`](crate::Recall) first, if something of it was given.
    #[must_use]
    pub fn void(mut self) -> Self {
        self.is_void = true;
        self
    }
}

use serde::{Deserialize, Serialize};

/// What kind of thing went wrong.
///
/// Its JSON is the name in `snake_case`; a kind that isn't known here is read as
/// [`Other`](Self::Other).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input of a run is unusable: empty, or longer than allowed.
    Input,
    /// Something was put together wrongly: an agent, a flow, a model's address.
    Config,
    /// A value isn't JSON, or isn't what it should be.
    Value,
    /// The model, or the way to it, failed.
    Model,
    /// A stream stopped without saying that it had ended.
    Truncated,
    /// A time limit passed.
    Timeout,
    /// A limit of size, usage or cost was reached.
    Limit,
    /// The output isn't what was asked for.
    Output,
    /// The model refused to answer, or a guard refused what was asked or answered.
    Refused,
    /// A tool failed, or isn't there.
    Tool,
    /// A step's own function failed.
    Step,
    /// The run was stopped.
    Cancelled,
    /// The run waits for answers.
    Suspended,
    /// Text that a reader was shown was taken back, and the reader can't take it back.
    Retracted,
    /// Branches, or writers of one conversation, wrote what doesn't go together.
    Conflict,
    /// The context is in use by another run.
    Busy,
    /// A store couldn't do what it was asked for.
    Store,
    /// There is no such thing.
    NotFound,
    /// A kind of a newer version.
    #[serde(other)]
    Other,
}

impl ErrorKind {
    /// The word on the wire.
    ///
    /// ```
    /// use mainstem_core::ErrorKind;
    /// assert_eq!(ErrorKind::NotFound.as_str(), "not_found");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Config => "config",
            Self::Value => "value",
            Self::Model => "model",
            Self::Truncated => "truncated",
            Self::Timeout => "timeout",
            Self::Limit => "limit",
            Self::Output => "output",
            Self::Refused => "refused",
            Self::Tool => "tool",
            Self::Step => "step",
            Self::Cancelled => "cancelled",
            Self::Suspended => "suspended",
            Self::Retracted => "retracted",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Store => "store",
            Self::NotFound => "not_found",
            Self::Other => "other",
        }
    }

    /// Whether the same call may succeed another time, where nothing more is known.
    pub(crate) fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Truncated | Self::Timeout | Self::Busy | Self::Step
        )
    }
}

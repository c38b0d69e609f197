//! The states of a node, and which change leads from which to which.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a node is.
///
/// ```
/// use mainstem_progress::{ProgressChange, ProgressState};
///
/// let running = ProgressState::Running;
/// assert_eq!(running.after(ProgressChange::Pause), Some(ProgressState::Paused));
/// assert_eq!(running.after(ProgressChange::Resume), None); // it isn't paused
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProgressState {
    /// It hasn't begun.
    #[default]
    Pending,
    /// It is under way.
    Running,
    /// It has begun, and waits.
    Paused,
    /// It was done.
    Completed,
    /// It failed.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It was left out.
    Skipped,
}

/// What can be done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProgressChange {
    /// It begins.
    Start,
    /// More of it is done.
    Update,
    /// It waits.
    Pause,
    /// It goes on after a pause.
    Resume,
    /// It is left out.
    Skip,
    /// It is stopped.
    Cancel,
    /// It is done.
    Complete,
    /// It fails.
    Fail,
    /// It is as if it had never begun.
    Reset,
}

impl ProgressState {
    /// All states, in the order of the docs.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// The state after a change; none, if this state doesn't allow it.
    ///
    /// It is the table of the docs.
    pub fn after(self, change: ProgressChange) -> Option<Self> {
        use ProgressChange as To;
        match (self, change) {
            (_, To::Reset) => Some(Self::Pending),
            (Self::Pending, To::Start)
            | (Self::Running, To::Update)
            | (Self::Paused, To::Resume) => Some(Self::Running),
            (Self::Running, To::Pause) => Some(Self::Paused),
            (Self::Running, To::Complete) => Some(Self::Completed),
            (Self::Running | Self::Paused, To::Fail) => Some(Self::Failed),
            (Self::Pending | Self::Running | Self::Paused, To::Skip) => Some(Self::Skipped),
            (Self::Pending | Self::Running | Self::Paused, To::Cancel) => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// Whether it is over, however it went: completed, failed, cancelled or skipped.
    pub fn is_ended(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Skipped
        )
    }

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for ProgressState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl ProgressChange {
    /// All changes, in the order of the docs.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Update,
        Self::Pause,
        Self::Resume,
        Self::Skip,
        Self::Cancel,
        Self::Complete,
        Self::Fail,
        Self::Reset,
    ];

    /// Its name: `start`, `update`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Update => "update",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Skip => "skip",
            Self::Cancel => "cancel",
            Self::Complete => "complete",
            Self::Fail => "fail",
            Self::Reset => "reset",
        }
    }

    /// The states that allow it, as an error names them.
    pub(crate) fn allowed_in(self) -> String {
        let allowed = ProgressState::ALL
            .into_iter()
            .filter(|state| state.after(self).is_some());
        let names: Vec<_> = allowed.map(ProgressState::as_str).collect();
        names.join(" or ")
    }
}

impl fmt::Display for ProgressChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

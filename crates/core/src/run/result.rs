use std::fmt;

use crate::{Cost, FinishReason, Message, ModelUsage, RunId, Suspension, Usage};

/// What a finished run gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunResult<T> {
    /// The run's id.
    pub run: RunId,
    /// The output: the full text, or the typed value.
    pub output: T,
    /// What was used, over all model calls.
    pub usage: Usage,
    /// The same by models, in the order of their ids.
    pub usage_by_model: Vec<ModelUsage>,
    /// What it costs; none without [prices](crate::Run::prices), or if a model that used tokens has
    /// none.
    pub cost: Option<Cost>,
    /// Why the last model answer ended; none, if no model was asked.
    pub finish_reason: Option<FinishReason>,
    /// The messages that the run added to its conversation.
    pub messages: Vec<Message>,
}

impl<T: fmt::Display> fmt::Display for RunResult<T> {
    /// The output.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.output.fmt(f)
    }
}

/// How a run's segment ended, where it didn't fail.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome<T> {
    /// It is done.
    Finished(RunResult<T>),
    /// It waits for answers.
    Suspended(Suspension),
}

impl<T> Outcome<T> {
    /// The result, if it is done.
    pub fn finished(self) -> Option<RunResult<T>> {
        match self {
            Self::Finished(result) => Some(result),
            Self::Suspended(_) => None,
        }
    }

    /// What it waits for, if it does.
    pub fn suspended(self) -> Option<Suspension> {
        match self {
            Self::Suspended(suspension) => Some(suspension),
            Self::Finished(_) => None,
        }
    }
}

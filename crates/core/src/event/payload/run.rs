//! Payloads of the kinds that begin and end a run.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Answer, ErrorInfo, FinishReason, InputRequest, Json, Partial, RunId, Text, Usage};

/// A run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunStarted {
    /// The run's id.
    pub run: RunId,
    /// The name of the agent or flow.
    pub name: Text,
    /// What it was given.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub input: Option<Json>,
    /// What the caller said about the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, serde_json::Value>,
}

impl RunStarted {
    /// The payload with its `run` and `name`; the rest is set by field.
    pub fn new(run: RunId, name: impl Into<Text>) -> Self {
        Self {
            run,
            name: name.into(),
            input: None,
            metadata: BTreeMap::new(),
        }
    }
}

/// A suspended or interrupted run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunResumed {
    /// The answers that it goes on with.
    pub answers: Vec<Answer>,
}

impl RunResumed {
    /// The payload with its `answers`.
    pub fn new(answers: Vec<Answer>) -> Self {
        Self { answers }
    }
}

/// The run ended with an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunFinished {
    /// The output.
    pub output: Json,
    /// What the run used.
    pub usage: Usage,
    /// Why the last model answer ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
}

impl RunFinished {
    /// The payload with its `output` and `usage`; the rest is set by field.
    pub fn new(output: Json, usage: Usage) -> Self {
        Self {
            output,
            usage,
            finish_reason: None,
        }
    }
}

/// The run failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunFailed {
    /// How.
    pub error: Box<ErrorInfo>,
    /// What was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Box<Partial>>,
}

impl RunFailed {
    /// The payload with its `error`; the rest is set by field.
    pub fn new(error: ErrorInfo) -> Self {
        Self {
            error: Box::new(error),
            partial: None,
        }
    }
}

/// The run was stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunCancelled {
    /// By whom.
    pub by: CancelledBy,
    /// What was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Box<Partial>>,
}

impl RunCancelled {
    /// The payload with its `by`; the rest is set by field.
    pub fn new(by: CancelledBy) -> Self {
        Self { by, partial: None }
    }
}

/// The run waits for answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSuspended {
    /// What it waits for.
    pub requests: Vec<InputRequest>,
    /// What was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Box<Partial>>,
}

impl RunSuspended {
    /// The payload with its `requests`; the rest is set by field.
    pub fn new(requests: Vec<InputRequest>) -> Self {
        Self {
            requests,
            partial: None,
        }
    }
}

/// Who stopped a run.
///
/// Its JSON is a word: `"stop"`, `"disconnect"`, `"shutdown"`, or another one that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelledBy {
    /// Somebody who held its [`StopHandle`](crate::StopHandle).
    Stop,
    /// Its reader went away.
    Disconnect,
    /// The program that ran it ended.
    Shutdown,
    /// Somebody else.
    Other(Text),
}

impl CancelledBy {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Disconnect => "disconnect",
            Self::Shutdown => "shutdown",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for CancelledBy {
    fn from(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "disconnect" => Self::Disconnect,
            "shutdown" => Self::Shutdown,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for CancelledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CancelledBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CancelledBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*String::deserialize(deserializer)?))
    }
}

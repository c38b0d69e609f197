//! Payloads of the kinds that tell of steps.

use serde::{Deserialize, Serialize, Serializer};

use crate::{ContextDelta, ErrorInfo, Json, Place, Text, Usage};

/// A step began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepStarted {
    /// What kind of step it is: `agent`, `function`, `parallel`, ….
    pub kind: Text,
    /// How much of the step around it this one is; none stands for 1.
    ///
    /// When it ends, that much is done of what the step around it has as [`total`](Self::total).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// How much there is to do inside: the weights of the steps that it is known to do. None, if that
    /// isn't known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl StepStarted {
    /// The payload with its `kind`; the rest is set by field.
    pub fn new(kind: impl Into<Text>) -> Self {
        Self {
            kind: kind.into(),
            weight: None,
            total: None,
        }
    }
}

/// A step ended with an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepFinished {
    /// The output.
    pub output: Json,
    /// What the step used, with everything inside of it.
    pub usage: Usage,
    /// What the step changed in the context, with everything inside of it; none, if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_delta: Option<Box<ContextDelta>>,
}

impl StepFinished {
    /// The payload with its `output` and `usage`; the rest is set by field.
    pub fn new(output: Json, usage: Usage) -> Self {
        Self {
            output,
            usage,
            context_delta: None,
        }
    }
}

/// A step failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepFailed {
    /// How.
    pub error: Box<ErrorInfo>,
    /// What the step had changed in the context, with everything inside of it; none, if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_delta: Option<Box<ContextDelta>>,
}

impl StepFailed {
    /// The payload with its `error`; the rest is set by field.
    pub fn new(error: ErrorInfo) -> Self {
        Self {
            error: Box::new(error),
            context_delta: None,
        }
    }
}

/// A step was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepSkipped {
    /// Why.
    pub reason: Text,
}

impl StepSkipped {
    /// The payload with its `reason`.
    pub fn new(reason: impl Into<Text>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// A decision that is never taken again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decided {
    /// Which decision of its step it is.
    pub key: Text,
    /// What was decided.
    pub what: DecisionKind,
    /// The decision.
    pub value: Json,
}

impl Decided {
    /// The payload with its `key`, `what` and `value`.
    pub fn new(key: impl Into<Text>, what: DecisionKind, value: Json) -> Self {
        Self {
            key: key.into(),
            what,
            value,
        }
    }
}

/// What was shown of a path and below since a place is void.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retracted {
    /// The first place that is void.
    pub since: Place,
    /// Why.
    pub reason: Text,
}

impl Retracted {
    /// The payload with its `since` and `reason`.
    pub fn new(since: Place, reason: impl Into<Text>) -> Self {
        Self {
            since,
            reason: reason.into(),
        }
    }
}

/// How far something has got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub label: Text,
    /// How much is done.
    pub done: u64,
    /// How much there is to do; none if that isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl Progress {
    /// The payload with its `label` and `done`; the rest is set by field.
    pub fn new(label: impl Into<Text>, done: u64) -> Self {
        Self {
            label: label.into(),
            done,
            total: None,
        }
    }
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// What kind of notice it is, for programs: `demo_model`, `callback_panicked`, ….
    pub code: Text,
    /// The notice, for people.
    pub message: Text,
}

impl Notice {
    /// The payload with its `code` and `message`.
    pub fn new(code: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// Something of the application's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Custom {
    /// What it is.
    pub name: Text,
    /// What it holds.
    pub data: Json,
}

impl Custom {
    /// The payload with its `name` and `data`.
    pub fn new(name: impl Into<Text>, data: Json) -> Self {
        Self {
            name: name.into(),
            data,
        }
    }
}

/// An answer was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evaluated {
    /// The score, 0 to 100; written so, whatever is set.
    #[serde(serialize_with = "in_range")]
    pub score: f64,
    /// Whether it is enough.
    pub passed: bool,
    /// What would make it better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Text>,
}

impl Evaluated {
    /// The payload with its `score` and `passed`; the rest is set by field.
    ///
    /// A score below 0 or above 100 becomes 0 or 100, and one that is no number 0: JSON has no word
    /// for it, and a log that held it couldn't be read again.
    ///
    /// ```
    /// use mainstem_core::Evaluated;
    ///
    /// assert_eq!(Evaluated::new(87.5, true).score, 87.5);
    /// assert_eq!(Evaluated::new(f64::INFINITY, true).score, 100.0);
    /// assert_eq!(Evaluated::new(f64::NAN, false).score, 0.0);
    /// ```
    pub fn new(score: f64, passed: bool) -> Self {
        Self {
            score: clamp(score),
            passed,
            feedback: None,
        }
    }
}

/// A score within its bounds; 0 if it is no number.
fn clamp(score: f64) -> f64 {
    if score.is_nan() {
        0.0
    } else {
        score.clamp(0.0, 100.0)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn in_range<S: Serializer>(score: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(clamp(*score))
}

/// What a [`Decided`] event decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DecisionKind {
    /// Which arm of a branch is taken.
    Branch,
    /// Whether a loop goes on.
    Loop,
    /// The list that a map goes over.
    MapList,
    /// Where a router sends the input.
    Route,
    /// Which of the steps that competed has won.
    Winner,
    /// Which item of a map was the next to finish.
    Order,
    /// What time it is.
    Time,
    /// A random number.
    Random,
    /// The result of a unit of work.
    Unit,
    /// A decision of a newer version.
    #[serde(other)]
    Other,
}

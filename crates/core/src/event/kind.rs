use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::payload::*;
use crate::{Json, Text};

/// An event of a kind that isn't known here, kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownKind {
    /// Its name on the wire.
    pub name: Text,
    /// Its data, if it has any.
    pub data: Option<Json>,
}

impl UnknownKind {
    /// A kind by name.
    pub fn new(name: impl Into<Text>, data: Option<Json>) -> Self {
        Self {
            name: name.into(),
            data,
        }
    }
}

/// One row a kind: its variant, which is also the name of its payload, and its name on the wire.
macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident = $name:literal, )+) => {
        /// What happened.
        ///
        /// The payload of each variant is a struct of the same name.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum EventKind {
            $( $(#[$doc])* $kind($kind), )+
            /// A kind of a newer version, kept verbatim.
            Unknown(UnknownKind),
        }

        impl EventKind {
            /// The names of all kinds on the wire.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The kind's name on the wire.
            ///
            /// ```
            /// use mainstem_core::{EventKind, TextDelta};
            /// assert_eq!(EventKind::from(TextDelta::new("jay")).name(), "text_delta");
            /// ```
            pub fn name(&self) -> &str {
                match self {
                    $( Self::$kind(_) => $name, )+
                    Self::Unknown(unknown) => &unknown.name,
                }
            }

            pub(super) fn serialize_data<S: serde::ser::SerializeStruct>(
                &self,
                event: &mut S,
            ) -> Result<(), S::Error> {
                match self {
                    $( Self::$kind(data) => event.serialize_field("data", data), )+
                    Self::Unknown(unknown) => match &unknown.data {
                        Some(data) => event.serialize_field("data", data),
                        None => event.skip_field("data"),
                    },
                }
            }

            pub(super) fn read(name: &str, data: Option<Box<RawValue>>) -> serde_json::Result<Self> {
                match name {
                    $( $name => from_data::<$kind>(data.as_deref()).map(Self::$kind), )+
                    _ => Ok(Self::Unknown(UnknownKind {
                        name: name.into(),
                        data: data.map(|data| Json::from_raw(data)),
                    })),
                }
            }
        }

        $(
            impl From<$kind> for EventKind {
                fn from(payload: $kind) -> Self {
                    Self::$kind(payload)
                }
            }
        )+
    };
}

kinds! {
    /// A run began: always its first event.
    RunStarted = "run_started",
    /// A suspended or interrupted run goes on.
    RunResumed = "run_resumed",
    /// A step began.
    StepStarted = "step_started",
    /// A model began to answer.
    TurnStarted = "turn_started",
    /// A model ended its answer.
    TurnFinished = "turn_finished",
    /// Text of an answer.
    TextDelta = "text_delta",
    /// Thoughts of a model.
    ReasoningDelta = "reasoning_delta",
    /// A model's words for not answering.
    RefusalDelta = "refusal_delta",
    /// JSON text of a typed answer.
    JsonDelta = "json_delta",
    /// Bytes.
    Bytes = "bytes",
    /// A model began to call a tool.
    ToolCallStarted = "tool_call_started",
    /// A piece of a call's arguments.
    ToolCallDelta = "tool_call_delta",
    /// A call is complete.
    ToolCallReady = "tool_call_ready",
    /// A tool answered, or failed.
    ToolResult = "tool_result",
    /// How far something has got.
    Progress = "progress",
    /// Something that a person should know.
    Notice = "notice",
    /// Something of the application's own.
    Custom = "custom",
    /// An answer was judged.
    Evaluated = "evaluated",
    /// A decision that is never taken again.
    Decided = "decided",
    /// What was shown since a place is void.
    Retracted = "retracted",
    /// A step ended with an output.
    StepFinished = "step_finished",
    /// A step failed.
    StepFailed = "step_failed",
    /// A step was left out.
    StepSkipped = "step_skipped",
    /// The run ended with an output.
    RunFinished = "run_finished",
    /// The run failed.
    RunFailed = "run_failed",
    /// The run was stopped.
    RunCancelled = "run_cancelled",
    /// The run waits for answers; its log stays open.
    RunSuspended = "run_suspended",
}

impl EventKind {
    /// Whether it begins or ends a run, which only the run itself may say.
    pub(crate) fn is_of_the_run(&self) -> bool {
        matches!(self, Self::RunStarted(_) | Self::RunResumed(_)) || self.is_end()
    }

    /// The text that a text view shows for it.
    pub(crate) fn text(&self) -> Option<&Text> {
        match self {
            Self::TextDelta(delta) => Some(&delta.text),
            Self::JsonDelta(delta) => Some(&delta.text),
            _ => None,
        }
    }

    /// The same, moved out.
    pub(crate) fn into_text(self) -> Option<Text> {
        match self {
            Self::TextDelta(delta) => Some(delta.text),
            Self::JsonDelta(delta) => Some(delta.text),
            _ => None,
        }
    }

    /// Whether it ends a segment of a run: finished, failed, cancelled or suspended.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::RunFinished(_)
                | Self::RunFailed(_)
                | Self::RunCancelled(_)
                | Self::RunSuspended(_)
        )
    }
}

fn from_data<'de, T: Deserialize<'de>>(data: Option<&'de RawValue>) -> serde_json::Result<T> {
    serde_json::from_str(data.map_or("{}", RawValue::get))
}

impl Serialize for EventKind {
    /// As `{"type": .., "data": ..}`; inside of an [`Event`](super::Event) the two stand beside the
    /// others.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut kind = serializer.serialize_struct("EventKind", 2)?;
        kind.serialize_field("type", self.name())?;
        self.serialize_data(&mut kind)?;
        kind.end()
    }
}

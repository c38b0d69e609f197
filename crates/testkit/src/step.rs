use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Gate;

/// One step of a scripted reply, in the order in which it is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    Role,
    Text(String),
    Reasoning(String),
    Refusal(String),
    ToolCall {
        #[serde(default)]
        index: u32,
        id: String,
        name: String,
    },
    Arguments {
        #[serde(default)]
        index: u32,
        delta: String,
    },
    NullDelta,
    NullContent,
    Delta(Value),
    Finish(String),
    Usage {
        prompt_tokens: u64,
        completion_tokens: u64,
    },
    Done,
    Chunk(Value),
    Data(String),
    Raw(RawBytes),
    Comment(String),
    Error(String),
    Choice(u32),
    Repeat {
        text: String,
        /// `None` repeats for ever.
        count: Option<u64>,
    },
    #[serde(rename = "wait_ms", deserialize_with = "milliseconds")]
    Wait(Duration),
    #[serde(skip)]
    Gate(Gate),
    Stall,
    Cut,
    Reset,
    End,
}

/// Bytes that are sent as they are; a string in a script file.
#[derive(Debug, Clone)]
pub(crate) struct RawBytes(pub(crate) bytes::Bytes);

impl<'de> Deserialize<'de> for RawBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

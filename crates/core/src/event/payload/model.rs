//! Payloads of the kinds that tell what models and tools say.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ErrorInfo, FinishReason, Json, Text, Usage};

/// A model began to answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnStarted {
    /// The model's id.
    pub model: Text,
    /// The provider's id of the request, to quote when asking for help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
}

impl TurnStarted {
    /// The payload with its `model`; the rest is set by field.
    pub fn new(model: impl Into<Text>) -> Self {
        Self {
            model: model.into(),
            request_id: None,
        }
    }
}

/// A model ended its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnFinished {
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What it used.
    pub usage: Usage,
    /// The same by models, if more than one was asked: another one went on where the first one failed.
    /// In a box, so that the events of each piece stay small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_model: Option<Box<BTreeMap<Text, Usage>>>,
}

impl TurnFinished {
    /// The payload with its `finish_reason` and `usage`; the rest is set by field.
    pub fn new(finish_reason: FinishReason, usage: Usage) -> Self {
        Self {
            finish_reason,
            usage,
            by_model: None,
        }
    }
}

/// Text of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextDelta {
    /// The next piece.
    pub text: Text,
}

impl TextDelta {
    /// The payload with its `text`.
    pub fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into() }
    }
}

/// Thoughts of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReasoningDelta {
    /// The next piece.
    pub text: Text,
}

impl ReasoningDelta {
    /// The payload with its `text`.
    pub fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into() }
    }
}

/// A model's words for not answering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefusalDelta {
    /// The next piece.
    pub text: Text,
}

impl RefusalDelta {
    /// The payload with its `text`.
    pub fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into() }
    }
}

/// JSON text of a typed answer.
///
/// The deltas of one answer, joined, are one JSON document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JsonDelta {
    /// The next piece.
    pub text: Text,
}

impl JsonDelta {
    /// The payload with its `text`.
    pub fn new(text: impl Into<Text>) -> Self {
        Self { text: text.into() }
    }
}

/// Bytes; base64 in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bytes {
    /// The next piece.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub data: bytes::Bytes,
}

impl Bytes {
    /// The payload with its `data`.
    pub fn new(data: bytes::Bytes) -> Self {
        Self { data }
    }
}

/// A model began to call a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCallStarted {
    /// The call's id.
    pub call_id: Text,
    /// The tool's name.
    pub name: Text,
}

impl ToolCallStarted {
    /// The payload with its `call_id` and `name`.
    pub fn new(call_id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self {
            call_id: call_id.into(),
            name: name.into(),
        }
    }
}

/// A piece of a call's arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCallDelta {
    /// The call's id.
    pub call_id: Text,
    /// The next piece of JSON text.
    pub text: Text,
}

impl ToolCallDelta {
    /// The payload with its `call_id` and `text`.
    pub fn new(call_id: impl Into<Text>, text: impl Into<Text>) -> Self {
        Self {
            call_id: call_id.into(),
            text: text.into(),
        }
    }
}

/// A call is complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCallReady {
    /// The call's id.
    pub call_id: Text,
    /// The tool's name.
    pub name: Text,
    /// The arguments.
    pub arguments: Json,
}

impl ToolCallReady {
    /// The payload with its `call_id`, `name` and `arguments`.
    pub fn new(call_id: impl Into<Text>, name: impl Into<Text>, arguments: Json) -> Self {
        Self {
            call_id: call_id.into(),
            name: name.into(),
            arguments,
        }
    }
}

/// A tool answered, or failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolResult {
    /// The call's id.
    pub call_id: Text,
    /// The tool's name.
    pub name: Text,
    /// The answer, if it gave one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub output: Option<Json>,
    /// The failure, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<ErrorInfo>>,
}

impl ToolResult {
    /// The payload with its `call_id` and `name`; the rest is set by field.
    pub fn new(call_id: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self {
            call_id: call_id.into(),
            name: name.into(),
            output: None,
            error: None,
        }
    }
}

fn to_base64<S: Serializer>(data: &bytes::Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(data))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bytes::Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
    Ok(bytes.into())
}

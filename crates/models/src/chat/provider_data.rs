//! What a server sends along with an answer, and wants back with the conversation.
//!
//! Two things are known: OpenRouter's `reasoning_details`, and Gemini's `extra_content` (thought
//! signatures), of a message and of a tool call.

use mainstem_core::{Json, Message, Part, Text};
use serde_json::{Map, Value, json, value::RawValue};

use crate::http::{carried, own};

const DETAILS: &str = "reasoning_details";
const EXTRA: &str = "extra_content";

/// What came along with an answer.
#[derive(Debug)]
pub(super) struct ProviderData {
    from: Text,
    details: Vec<Value>,
    extra: Option<Value>,
}

impl ProviderData {
    pub(super) fn new(from: Text) -> Self {
        Self {
            from,
            details: Vec::new(),
            extra: None,
        }
    }

    /// Adds details; a stream sends each in pieces.
    pub(super) fn add_details(&mut self, details: &RawValue) {
        let Ok(Value::Array(pieces)) = serde_json::from_str(details.get()) else {
            return;
        };
        for piece in pieces {
            match self.details.iter_mut().rev().find(|d| is_same(d, &piece)) {
                Some(detail) => join(detail, piece),
                None => self.details.push(piece),
            }
        }
    }

    /// Takes the message's extra content; the last one counts.
    pub(super) fn set_extra(&mut self, extra: &RawValue) {
        self.extra = serde_json::from_str(extra.get()).ok();
    }

    /// What goes into the message, if there is anything.
    pub(super) fn take(&mut self) -> Option<Json> {
        let mut data = Map::new();
        if !self.details.is_empty() {
            data.insert(DETAILS.into(), std::mem::take(&mut self.details).into());
        }
        if let Some(extra) = self.extra.take() {
            data.insert(EXTRA.into(), extra);
        }
        if data.is_empty() {
            return None;
        }
        Some(carried(&self.from, data))
    }

    /// What goes into a tool call with this extra content.
    pub(super) fn of_call(&self, extra: &RawValue) -> Json {
        carried(&self.from, Map::from_iter([(EXTRA.into(), json!(extra))]))
    }
}

/// Whether a piece belongs to a detail: both have its type and its index, and no ids that differ.
fn is_same(detail: &Value, piece: &Value) -> bool {
    let has = |name: &str| !piece[name].is_null() && detail[name] == piece[name];
    let differ = |name: &str| {
        !detail[name].is_null() && !piece[name].is_null() && detail[name] != piece[name]
    };
    has("type") && has("index") && !differ("id")
}

/// Joins the texts; other fields count once they are there.
fn join(detail: &mut Value, piece: Value) {
    let (Some(detail), Value::Object(piece)) = (detail.as_object_mut(), piece) else {
        return;
    };
    for (name, value) in piece {
        match (detail.get_mut(&name), value) {
            (Some(Value::String(text)), Value::String(more))
                if ["text", "summary", "data"].contains(&name.as_str()) =>
            {
                text.push_str(&more);
            }
            (_, Value::Null) => {}
            (_, value) => {
                detail.insert(name, value);
            }
        }
    }
}

/// Gives an assistant's message back what its server sent along with it, if that is this one.
pub(super) fn give_back(wire: &mut Value, message: &Message, from: &str) {
    let mut call = 0;
    for part in &message.parts {
        match part {
            Part::Reasoning(part) => {
                let mut data = own(part.provider_data.as_ref(), from);
                if let Some(Value::Array(details)) = data.remove(DETAILS) {
                    match &mut wire[DETAILS] {
                        Value::Array(all) => all.extend(details),
                        none => *none = details.into(),
                    }
                }
                if let Some(extra) = data.remove(EXTRA) {
                    wire[EXTRA] = extra;
                }
            }
            Part::ToolCall(part) => {
                let mut data = own(part.provider_data.as_ref(), from);
                if let Some(extra) = data.remove(EXTRA) {
                    wire["tool_calls"][call][EXTRA] = extra;
                }
                call += 1;
            }
            _ => {}
        }
    }
}

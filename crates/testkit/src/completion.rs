use std::collections::BTreeMap;

use serde_json::Value;

use crate::dialect::{Dialect, Field, usage_object};
use crate::json::{JsonObject, error_text};
use crate::script::{Part, Script, Stop};
use crate::step::Step;

/// The answer that a script adds up to when the request doesn't stream.
pub(crate) struct Completion {
    /// The status, if the script overrules that of the reply.
    pub(crate) status: Option<u16>,
    /// All pauses, and then the body.
    pub(crate) parts: Vec<Part>,
}

#[derive(Default)]
struct Choice {
    /// Fields that deltas add to, in the order in which they came.
    fields: Vec<(String, Value)>,
    tool_calls: BTreeMap<u32, ToolCall>,
    finish_reason: Option<String>,
}

#[derive(Default)]
struct ToolCall {
    id: String,
    name: String,
    arguments: String,
}

/// Adds the steps up.
///
/// A stall, a cut or a reset comes after the first half of the body. Frames that
/// aren't chunks of a message (raw bytes, comments, `[DONE]`) have no meaning here.
pub(crate) fn assemble(script: &Script) -> Completion {
    let mut parts = Vec::new();
    let mut choices = BTreeMap::<u32, Choice>::from([(0, Choice::default())]);
    let (mut current, mut usage, mut stop) = (0, None, Stop::End);
    for step in &script.steps {
        match step {
            Step::Choice(index) => current = *index,
            Step::Usage {
                prompt_tokens,
                completion_tokens,
            } => {
                usage = Some(usage_object(*prompt_tokens, *completion_tokens));
            }
            Step::Error(message) => {
                let text = error_text(message, "server_error", None, None);
                parts.extend(body(text, Stop::End));
                return Completion {
                    status: Some(500),
                    parts,
                };
            }
            _ => match step.flow() {
                Some(Part::Stop(how)) => {
                    stop = how;
                    break;
                }
                Some(pause) => parts.push(pause),
                None => choices
                    .entry(current)
                    .or_default()
                    .add(step, &script.dialect),
            },
        }
    }
    parts.extend(body(
        completion(&script.dialect, &choices, usage.as_ref()),
        stop,
    ));
    Completion {
        status: None,
        parts,
    }
}

/// Returns the parts of the body: all of it, or half of it if it breaks off.
pub(crate) fn body(text: String, stop: Stop) -> [Part; 2] {
    let mut text = text.into_bytes();
    if stop != Stop::End {
        text.truncate(text.len() / 2);
    }
    [
        Part::Bytes {
            data: text.into(),
            batch: false,
        },
        Part::Stop(stop),
    ]
}

fn completion(
    dialect: &Dialect,
    choices: &BTreeMap<u32, Choice>,
    usage: Option<&JsonObject>,
) -> String {
    let choices: Vec<String> = choices
        .iter()
        .map(|(index, choice)| choice.to_json(*index, dialect).to_text())
        .collect();
    let object = dialect
        .envelope("chat.completion")
        .raw("choices", &format!("[{}]", choices.join(",")));
    match usage {
        Some(usage) => object.object("usage", usage).to_text(),
        None => object.to_text(),
    }
}

impl Choice {
    fn add(&mut self, step: &Step, dialect: &Dialect) {
        match step {
            Step::Text(text) => self.append("content", text),
            Step::Repeat { text, count } => {
                let times = usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX);
                self.append("content", &text.repeat(times));
            }
            Step::Reasoning(text) => self.append(&dialect.reasoning_field, text),
            Step::Refusal(text) => self.append("refusal", text),
            Step::ToolCall { index, id, name } => {
                let call = self.tool_calls.entry(*index).or_default();
                (call.id, call.name) = (id.clone(), name.clone());
            }
            Step::Arguments { index, delta } => {
                self.tool_calls
                    .entry(*index)
                    .or_default()
                    .arguments
                    .push_str(delta);
            }
            Step::Delta(delta) => self.merge(delta),
            Step::Finish(reason) => self.finish_reason = Some(reason.clone()),
            _ => {}
        }
    }

    fn append(&mut self, key: &str, text: &str) {
        match self.fields.iter_mut().find(|(known, _)| known == key) {
            Some((_, Value::String(whole))) => whole.push_str(text),
            Some((_, value)) => *value = text.into(),
            None => self.fields.push((key.into(), text.into())),
        }
    }

    /// Adds a free delta: texts are appended, anything else replaces.
    fn merge(&mut self, delta: &Value) {
        for (key, value) in delta.as_object().into_iter().flatten() {
            if let Value::String(text) = value {
                self.append(key, text);
            } else {
                self.fields.retain(|(known, _)| known != key);
                self.fields.push((key.clone(), value.clone()));
            }
        }
    }

    fn to_json(&self, index: u32, dialect: &Dialect) -> JsonObject {
        let mut message = JsonObject::new().field("role", "assistant");
        if !self.fields.iter().any(|(key, _)| key == "content") {
            message = message.field("content", Value::Null);
        }
        for (key, value) in self.fields.iter().chain(&dialect.delta_extra) {
            message = message.field(key, value.clone());
        }
        if !self.tool_calls.is_empty() {
            let calls: Vec<String> = self.tool_calls.values().map(ToolCall::to_text).collect();
            message = message.raw("tool_calls", &format!("[{}]", calls.join(",")));
        }
        dialect
            .unless_omitted(Field::Index, JsonObject::new(), "index", index)
            .object("message", &message)
            .field("finish_reason", self.finish_reason.as_deref())
    }
}

impl ToolCall {
    fn to_text(&self) -> String {
        let function = JsonObject::new()
            .field("name", self.name.as_str())
            .field("arguments", self.arguments.as_str());
        JsonObject::new()
            .field("id", self.id.as_str())
            .field("type", "function")
            .object("function", &function)
            .to_text()
    }
}

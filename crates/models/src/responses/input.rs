//! From the messages of a conversation to the items of a request's `input`.

use mainstem_core::{
    Error, ErrorKind, MediaPart, MediaSource, Message, ModelRequest, Part, Result, Role,
    ToolCallPart,
};
use serde_json::{Map, Value, json};

use crate::http::{Sound, data_url, own};

/// The member of `provider_data` that holds an item of the server's, as it came.
pub(super) const ITEM: &str = "item";
/// The member of a tool call's `provider_data` that holds what its item had beyond.
pub(super) const FIELDS: &str = "fields";

/// Whose data goes back, and whether the server keeps what it sent.
#[derive(Clone, Copy)]
pub(super) struct Carrier<'a> {
    pub(super) origin: &'a str,
    pub(super) store: bool,
}

/// The items of a request.
pub(super) fn input(request: &ModelRequest, carrier: Carrier<'_>) -> Result<Vec<Value>> {
    let mut items = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        match message.role {
            Role::User => items.push(user(message)?),
            Role::Assistant => items.extend(assistant(message, carrier)),
            Role::Tool => items.extend(tool_results(message)),
            _ => items.push(system(&message.text())),
        }
    }
    Ok(items)
}

pub(super) fn system(text: &str) -> Value {
    json!({"role": "system", "content": text})
}

fn user(message: &Message) -> Result<Value> {
    let is_text = |part: &Part| matches!(part, Part::Text(_));
    if message.parts.iter().all(is_text) {
        return Ok(json!({"role": "user", "content": message.text()}));
    }
    let parts: Result<Vec<_>> = message.parts.iter().map(user_part).collect();
    Ok(json!({"role": "user", "content": parts?}))
}

fn user_part(part: &Part) -> Result<Value> {
    match part {
        Part::Text(text) => Ok(json!({"type": "input_text", "text": &*text.text})),
        Part::Image(image) => {
            let (field, value) = match &image.source {
                MediaSource::Url(url) => ("image_url", url.to_string()),
                MediaSource::Base64(data) => ("image_url", data_url(image, data, "image/png")),
                MediaSource::Id(id) => ("file_id", id.to_string()),
                _ => return Err(unsupported("a picture from there")),
            };
            // Some servers insist on `detail`.
            Ok(json!({"type": "input_image", field: value, "detail": "auto"}))
        }
        Part::File(file) => input_file(file),
        Part::Audio(audio) => {
            let (sound, data) = Sound::of(audio).map_err(unsupported)?;
            let format = match sound {
                Sound::Wav => "wav",
                Sound::Mp3 => "mp3",
            };
            Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
        }
        _ => Err(unsupported("a part of this kind in a user's message")),
    }
}

fn input_file(file: &MediaPart) -> Result<Value> {
    let mut item = match &file.source {
        MediaSource::Url(url) => json!({"type": "input_file", "file_url": &**url}),
        MediaSource::Base64(data) => {
            let data = data_url(file, data, "application/pdf");
            json!({"type": "input_file", "file_data": data})
        }
        MediaSource::Id(id) => json!({"type": "input_file", "file_id": &**id}),
        _ => return Err(unsupported("a file from there")),
    };
    if let Some(name) = &file.name {
        item["filename"] = json!(&**name);
    }
    Ok(item)
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("the Responses API can't take {what}"),
    )
}

/// An assistant's message: what it said, and what its server wants back, in its order.
fn assistant(message: &Message, carrier: Carrier<'_>) -> Vec<Value> {
    let mut items = Vec::new();
    let mut words = String::new();
    for part in &message.parts {
        match part {
            Part::Text(part) | Part::Refusal(part) => words.push_str(&part.text),
            Part::Reasoning(part) => {
                let mut data = own(part.provider_data.as_ref(), carrier.origin);
                let item = data.remove(ITEM);
                if let Some(item) = item.filter(|item| goes_back(item, carrier.store)) {
                    add_words(&mut items, &mut words);
                    items.push(item);
                }
            }
            Part::ToolCall(call) => {
                add_words(&mut items, &mut words);
                items.push(function_call(call, carrier));
            }
            _ => {}
        }
    }
    add_words(&mut items, &mut words);
    // Thoughts without what they led to are refused: the answer was cut there.
    while items.last().is_some_and(is_reasoning) {
        items.pop();
    }
    items
}

/// Adds what was said so far as a message of plain text, the one form that every server takes.
fn add_words(items: &mut Vec<Value>, words: &mut String) {
    if !words.is_empty() {
        let words = std::mem::take(words);
        items.push(json!({"type": "message", "role": "assistant", "content": words}));
    }
}

/// Whether a server that doesn't keep it knows an item again.
pub(super) fn goes_back(item: &Value, store: bool) -> bool {
    let is_full = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(parts) => !parts.is_empty(),
        _ => false,
    };
    store || !is_reasoning(item) || is_full(&item["encrypted_content"]) || is_full(&item["content"])
}

fn is_reasoning(item: &Value) -> bool {
    item["type"] == "reasoning"
}

/// A call without its item's id: with one, a server insists on all that stood around it.
fn function_call(call: &ToolCallPart, carrier: Carrier<'_>) -> Value {
    let mut item = match own(call.provider_data.as_ref(), carrier.origin).remove(FIELDS) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for (name, value) in [
        ("type", "function_call"),
        ("call_id", &*call.id),
        ("name", &*call.name),
        ("arguments", &*call.arguments),
    ] {
        item.insert(name.to_owned(), value.into());
    }
    Value::Object(item)
}

fn tool_results(message: &Message) -> impl Iterator<Item = Value> {
    message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(json!({
            "type": "function_call_output",
            "call_id": &*result.call_id,
            "output": &*result.output,
        })),
        _ => None,
    })
}

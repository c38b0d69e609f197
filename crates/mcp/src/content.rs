//! What a tool gave, as a model reads it.

use mainstem_core::{Custom, Json, Result};
use rmcp::model::{CallToolResult, ContentBlock, Resource, ResourceContents};
use serde_json::{Value, json};

/// The name of the event that carries what a model isn't shown.
const NAME: &str = "mcp_content";

/// What stands for content of newer versions.
const UNKNOWN: &str = "[something of a kind that isn't known here]";

/// What a tool gave.
pub(crate) struct Given {
    /// What the model reads: a text, or JSON.
    pub(crate) output: Value,
    /// What it doesn't: images, sounds, files. Readers of the run get them as events.
    pub(crate) aside: Vec<Custom>,
}

impl Given {
    pub(crate) fn of(result: CallToolResult) -> Result<Self> {
        let mut aside = Vec::new();
        let mut texts = Vec::with_capacity(result.content.len());
        for block in &result.content {
            let (text, is_shown) = words(block);
            texts.push(text);
            if !is_shown {
                aside.push(Custom::new(NAME, Json::new(block)?));
            }
        }
        let text = texts.join("\n");
        let output = match result.structured_content {
            None => Value::String(text),
            // Servers say it twice, for clients that know texts alone.
            Some(value) if text.is_empty() || is_same(&text, &value) => value,
            Some(value) => json!({"structuredContent": value, "content": text}),
        };
        Ok(Self { output, aside })
    }

    /// The same as one text.
    pub(crate) fn into_text(self) -> String {
        match self.output {
            Value::String(text) => text,
            value => value.to_string(),
        }
    }
}

fn is_same(text: &str, value: &Value) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|said| said == *value)
}

/// A block as a text, and whether that is all of it.
pub(crate) fn words(block: &ContentBlock) -> (String, bool) {
    match block {
        ContentBlock::Text(text) => (text.text.clone(), true),
        ContentBlock::Image(image) => (hidden("an image", &image.mime_type, &image.data), false),
        ContentBlock::Audio(audio) => (hidden("a sound", &audio.mime_type, &audio.data), false),
        ContentBlock::ResourceLink(link) => (linked(link), true),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => {
                (format!("[{uri}]\n{text}"), true)
            }
            other => resource_words(other),
        },
        _ => (UNKNOWN.to_owned(), false),
    }
}

/// What is read of a resource as a text, and whether that is all of it.
pub(crate) fn resource_words(contents: &ResourceContents) -> (String, bool) {
    match contents {
        ResourceContents::TextResourceContents { text, .. } => (text.clone(), true),
        ResourceContents::BlobResourceContents {
            uri,
            mime_type,
            blob,
            ..
        } => {
            let kind = mime_type.as_deref().unwrap_or("of an unknown kind");
            (hidden(&format!("the file {uri}"), kind, blob), false)
        }
        _ => (UNKNOWN.to_owned(), false),
    }
}

/// Base64 has four characters for three bytes.
fn hidden(what: &str, kind: &str, base64: &str) -> String {
    let bytes = base64.trim_end_matches('=').len() * 3 / 4;
    format!("[{what}, {kind}, {bytes} bytes: only shown to people]")
}

fn linked(link: &Resource) -> String {
    let name = link.title.as_ref().unwrap_or(&link.name);
    let mut text = format!("[{name}]({})", link.uri);
    for more in [&link.mime_type, &link.description].into_iter().flatten() {
        text.push_str(", ");
        text.push_str(more);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(result: Value) -> Given {
        Given::of(serde_json::from_value(result).unwrap()).unwrap()
    }

    #[test]
    fn texts_are_lines() {
        let result =
            json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
        let given = given(result);
        assert_eq!(given.output, "a\nb");
        assert!(given.aside.is_empty());
    }

    #[test]
    fn what_is_said_twice_is_read_once() {
        let text = json!({"type": "text", "text": "{\"n\": 2, \"s\": \"x\"}"});
        let value = json!({"s": "x", "n": 2});
        let both = json!({"content": [text], "structuredContent": value});
        assert_eq!(given(both).output, value);
        let alone = json!({"content": [], "structuredContent": null});
        assert_eq!(given(alone).output, Value::Null);
    }

    #[test]
    fn what_is_said_differently_is_read_in_both_ways() {
        let text = json!({"type": "text", "text": "Two."});
        let both = json!({"content": [text], "structuredContent": {"n": 2}});
        let expected = json!({"structuredContent": {"n": 2}, "content": "Two."});
        assert_eq!(given(both).output, expected);
    }

    #[test]
    fn what_isnt_text_is_named_and_goes_aside() {
        let result = json!({"content": [
            {"type": "image", "data": "AAAAAA==", "mimeType": "image/png"},
            {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "A"}},
            {"type": "resource", "resource": {"uri": "file:///b", "blob": "AAA="}},
            {"type": "resource_link", "uri": "file:///c", "name": "c", "mimeType": "text/plain"},
        ]});
        let given = given(result);
        let text = given.output.as_str().unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "[an image, image/png, 4 bytes: only shown to people]",
                "[a sound, audio/wav, 3 bytes: only shown to people]",
                "[file:///a]",
                "A",
                "[the file file:///b, of an unknown kind, 2 bytes: only shown to people]",
                "[c](file:///c), text/plain",
            ]
        );
        let aside: Vec<Value> = given.aside.iter().map(|it| it.data.to().unwrap()).collect();
        assert_eq!(aside.len(), 3);
        assert_eq!(aside[0]["data"], "AAAAAA==");
        assert_eq!(aside[2]["resource"]["blob"], "AAA=");
    }
}

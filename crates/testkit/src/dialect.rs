use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::json::JsonObject;

/// A part of a chunk that a reply can leave out, as some servers do.
///
/// ```
/// use mainstem_testkit::{Field, Reply};
///
/// let body = Reply::text(["hi"]).omit(Field::Id).body_bytes();
/// assert!(!String::from_utf8(body).unwrap().contains(r#""id""#));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Field {
    /// The envelope's `id`; in the Responses API, those of items too.
    Id,
    /// The envelope's `object`.
    Object,
    /// The envelope's `created`.
    Created,
    /// The envelope's `model`.
    Model,
    /// `choices[].index`; in the Responses API, the indexes of items and of their parts.
    Index,
    /// The first chunk, which carries the role and no text.
    Role,
    /// The key `finish_reason` of the chunks in which it would be `null`.
    FinishReason,
    /// `index` of tool call deltas.
    ToolIndex,
    /// `type` of the delta that starts a tool call.
    ToolType,
    /// `sequence_number` of the Responses API's events.
    Sequence,
}

/// The shape of the chunk that reports the usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageShape {
    /// `"choices": []`, as OpenAI sends it.
    #[default]
    EmptyChoices,
    /// No key `choices` at all.
    NoChoices,
    /// With a choice whose delta is empty, as the `LiteLLM` proxy sends it.
    WithChoice,
}

/// The end of a line of the event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineEnd {
    /// A line feed, as nearly every server sends it.
    #[default]
    Lf,
    /// A carriage return and a line feed.
    CrLf,
    /// A lone carriage return, which the event stream format allows.
    Cr,
}

impl LineEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// How a reply writes its chunks and frames.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) created: u64,
    pub(crate) omit: Vec<Field>,
    pub(crate) usage_shape: UsageShape,
    pub(crate) reasoning_field: String,
    pub(crate) extra: Vec<(String, Value)>,
    pub(crate) delta_extra: Vec<(String, Value)>,
    pub(crate) line_end: LineEnd,
    pub(crate) no_space: bool,
    pub(crate) multi_line: bool,
    pub(crate) bom: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            id: "chatcmpl-testkit".into(),
            model: "scripted".into(),
            created: 1_700_000_000,
            omit: Vec::new(),
            usage_shape: UsageShape::default(),
            reasoning_field: "reasoning_content".into(),
            extra: Vec::new(),
            delta_extra: Vec::new(),
            line_end: LineEnd::default(),
            no_space: false,
            multi_line: false,
            bom: false,
        }
    }
}

impl Dialect {
    pub(crate) fn omits(&self, field: Field) -> bool {
        self.omit.contains(&field)
    }

    /// Returns `object` with the field added, unless the dialect leaves it out.
    pub(crate) fn unless_omitted(
        &self,
        field: Field,
        object: JsonObject,
        key: &str,
        value: impl Into<Value>,
    ) -> JsonObject {
        if self.omits(field) {
            object
        } else {
            object.field(key, value)
        }
    }

    /// Returns the members that stand before `choices`.
    pub(crate) fn envelope(&self, object: &str) -> JsonObject {
        let mut envelope = JsonObject::new();
        envelope = self.unless_omitted(Field::Id, envelope, "id", self.id.as_str());
        envelope = self.unless_omitted(Field::Object, envelope, "object", object);
        envelope = self.unless_omitted(Field::Created, envelope, "created", self.created);
        envelope = self.unless_omitted(Field::Model, envelope, "model", self.model.as_str());
        for (key, value) in &self.extra {
            envelope = envelope.field(key, value.clone());
        }
        envelope
    }

    /// Returns the payload of a chunk with one choice.
    pub(crate) fn chunk(&self, choice: u32, delta: &JsonObject, finish: Option<&str>) -> String {
        let mut delta = delta.clone();
        for (key, value) in &self.delta_extra {
            delta = delta.field(key, value.clone());
        }
        self.chunk_with(choice, &delta.to_text(), finish)
    }

    /// Returns the payload of a chunk whose delta is JSON text already.
    pub(crate) fn chunk_with(&self, choice: u32, delta: &str, finish: Option<&str>) -> String {
        let choices = format!("[{}]", self.choice(choice, delta, finish).to_text());
        self.envelope(CHUNK).raw("choices", &choices).to_text()
    }

    fn choice(&self, index: u32, delta: &str, finish: Option<&str>) -> JsonObject {
        let choice = self.unless_omitted(Field::Index, JsonObject::new(), "index", index);
        let choice = choice.raw("delta", delta);
        match finish {
            Some(reason) => choice.field("finish_reason", reason),
            None => self.unless_omitted(Field::FinishReason, choice, "finish_reason", Value::Null),
        }
    }

    /// Returns the payload of the chunk that reports the usage.
    pub(crate) fn usage_chunk(&self, usage: &JsonObject) -> String {
        let envelope = self.envelope(CHUNK);
        let envelope = match self.usage_shape {
            UsageShape::NoChoices => envelope,
            UsageShape::EmptyChoices => envelope.raw("choices", "[]"),
            UsageShape::WithChoice => {
                let choice = self.choice(0, "{}", None).to_text();
                envelope.raw("choices", &format!("[{choice}]"))
            }
        };
        envelope.object("usage", usage).to_text()
    }

    /// Returns the frame of a JSON payload, over several lines if the dialect says so.
    pub(crate) fn json_frame(&self, payload: &str) -> Bytes {
        let inside = payload
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match inside {
            Some(inside) if self.multi_line => self.frame(&format!("{{\n{inside}\n}}")),
            _ => self.frame(payload),
        }
    }

    /// Returns an event of `data` lines, one for each line of the payload.
    pub(crate) fn frame(&self, payload: &str) -> Bytes {
        let end = self.line_end.as_str();
        let label = if self.no_space { "data:" } else { "data: " };
        let mut frame = String::with_capacity(payload.len() + 16);
        for line in payload.split('\n') {
            frame.push_str(label);
            frame.push_str(line);
            frame.push_str(end);
        }
        frame.push_str(end);
        frame.into()
    }

    /// Returns the line that names an event.
    pub(crate) fn event_line(&self, name: &str) -> Bytes {
        let space = if self.no_space { "" } else { " " };
        format!("event:{space}{name}{}", self.line_end.as_str()).into()
    }

    /// Returns a comment, which readers of event streams skip.
    pub(crate) fn comment(&self, text: &str) -> Bytes {
        let end = self.line_end.as_str();
        format!(": {text}{end}{end}").into()
    }
}

/// Returns the usage object.
pub(crate) fn usage_object(prompt_tokens: u64, completion_tokens: u64) -> JsonObject {
    JsonObject::new()
        .field("prompt_tokens", prompt_tokens)
        .field("completion_tokens", completion_tokens)
        .field(
            "total_tokens",
            prompt_tokens.saturating_add(completion_tokens),
        )
}

const CHUNK: &str = "chat.completion.chunk";

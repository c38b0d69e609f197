use serde_json::Value;

use crate::dialect::{Dialect, Field};
use crate::json::JsonObject;

/// An item of a response's output, as far as it has come.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The place among the items of the response.
    pub(super) index: usize,
    pub(super) is_open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Reasoning {
        encrypted: bool,
    },
    /// A call, with its number in the script.
    Call {
        number: u32,
        id: String,
        name: String,
    },
}

impl Item {
    pub(super) fn id(&self) -> String {
        let begin = match self.kind {
            Kind::Text | Kind::Refusal => "msg",
            Kind::Reasoning { .. } => "rs",
            Kind::Call { .. } => "fc",
        };
        format!("{begin}_{}", self.index)
    }

    /// Returns the item as it is now.
    pub(super) fn object(&self, dialect: &Dialect) -> JsonObject {
        let object = JsonObject::new();
        let object = dialect.unless_omitted(Field::Id, object, "id", self.id());
        match &self.kind {
            Kind::Text | Kind::Refusal => {
                let content = if self.text.is_empty() {
                    "[]".to_owned()
                } else {
                    format!("[{}]", self.part(&self.text).to_text())
                };
                object
                    .field("type", "message")
                    .field("status", self.status())
                    .field("role", "assistant")
                    .raw("content", &content)
            }
            Kind::Reasoning { encrypted } => {
                let summary = if self.text.is_empty() {
                    "[]".to_owned()
                } else {
                    format!("[{}]", self.part(&self.text).to_text())
                };
                let object = object.field("type", "reasoning").raw("summary", &summary);
                if *encrypted && !self.is_open {
                    object.field("encrypted_content", format!("encrypted-{}", self.index))
                } else {
                    object
                }
            }
            Kind::Call { id, name, .. } => object
                .field("type", "function_call")
                .field("status", self.status())
                .field("call_id", id.as_str())
                .field("name", name.as_str())
                .field("arguments", self.text.as_str()),
        }
    }

    fn status(&self) -> &'static str {
        if self.is_open {
            "in_progress"
        } else {
            "completed"
        }
    }

    /// Returns the part that its text is.
    pub(super) fn part(&self, text: &str) -> JsonObject {
        let part = JsonObject::new();
        match self.kind {
            Kind::Refusal => part.field("type", "refusal").field("refusal", text),
            Kind::Reasoning { .. } => part.field("type", "summary_text").field("text", text),
            _ => part
                .field("type", "output_text")
                .field("text", text)
                .raw("annotations", "[]"),
        }
    }
}

/// What a response says of itself, beside its output.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    pub(super) finish: Option<String>,
    pub(super) usage: Option<(u64, u64)>,
}

impl End {
    /// Returns the status, in the words of the API, and why it isn't `completed`.
    pub(super) fn status(&self) -> (&'static str, Option<&str>) {
        match self.finish.as_deref() {
            None => ("in_progress", None),
            Some("length") => ("incomplete", Some("max_output_tokens")),
            Some("content_filter") => ("incomplete", Some("content_filter")),
            Some(reason @ ("error" | "abort" | "failed")) => ("failed", Some(reason)),
            Some(_) => ("completed", None),
        }
    }
}

/// Returns the response, with these items.
pub(super) fn response(dialect: &Dialect, items: &[Item], end: &End) -> JsonObject {
    let (status, why) = end.status();
    let id = match dialect.id.as_str() {
        "chatcmpl-testkit" => "resp_testkit",
        id => id,
    };
    let mut object = JsonObject::new();
    object = dialect.unless_omitted(Field::Id, object, "id", id);
    object = dialect.unless_omitted(Field::Object, object, "object", "response");
    object = dialect.unless_omitted(Field::Created, object, "created_at", dialect.created);
    object = object.field("status", status);
    let failed = (status == "failed").then_some(why).flatten();
    object = match failed {
        Some(reason) => {
            let error = JsonObject::new()
                .field("code", "server_error")
                .field("message", reason);
            object.object("error", &error)
        }
        None => object.field("error", Value::Null),
    };
    object = match why.filter(|_| failed.is_none()) {
        Some(reason) => {
            let details = JsonObject::new().field("reason", reason);
            object.object("incomplete_details", &details)
        }
        None => object.field("incomplete_details", Value::Null),
    };
    object = object.field("instructions", Value::Null);
    object = object.field("metadata", serde_json::json!({}));
    object = dialect.unless_omitted(Field::Model, object, "model", dialect.model.as_str());
    let output: Vec<_> = items
        .iter()
        .map(|item| item.object(dialect).to_text())
        .collect();
    object = object
        .raw("output", &format!("[{}]", output.join(",")))
        .field("parallel_tool_calls", true)
        .field("temperature", 1.0)
        .field("tool_choice", "auto")
        .raw("tools", "[]")
        .field("top_p", 1.0);
    for (key, value) in &dialect.extra {
        object = object.field(key, value.clone());
    }
    match end.usage {
        Some((input, output)) => object.object("usage", &usage(input, output)),
        None => object.field("usage", Value::Null),
    }
}

fn usage(input: u64, output: u64) -> JsonObject {
    let of = |name: &str| JsonObject::new().field(name, 0);
    JsonObject::new()
        .field("input_tokens", input)
        .object("input_tokens_details", &of("cached_tokens"))
        .field("output_tokens", output)
        .object("output_tokens_details", &of("reasoning_tokens"))
        .field("total_tokens", input.saturating_add(output))
}

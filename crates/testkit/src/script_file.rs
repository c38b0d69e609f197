use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::dialect::{Field, LineEnd, UsageShape};
use crate::step::Step;
use crate::{Framing, Reply};

/// The form of a reply in a script file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyForm {
    text: Option<Vec<String>>,
    stream: Option<Vec<Step>>,
    json: Option<Value>,
    body: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    delay_head_ms: Option<u64>,
    every_ms: Option<u64>,
    chunk_size: Option<usize>,
    #[serde(default)]
    split_at: Vec<u64>,
    cut_at: Option<u64>,
    end_at: Option<u64>,
    framing: Option<Framing>,
    #[serde(default)]
    dialect: DialectForm,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DialectForm {
    id: Option<String>,
    model: Option<String>,
    created: Option<u64>,
    omit: Vec<Field>,
    usage_shape: UsageShape,
    reasoning_field: Option<String>,
    extra: BTreeMap<String, Value>,
    delta_extra: BTreeMap<String, Value>,
    line_end: LineEnd,
    no_space: bool,
    multi_line: bool,
    bom: bool,
}

impl TryFrom<ReplyForm> for Reply {
    type Error = &'static str;

    fn try_from(form: ReplyForm) -> Result<Self, Self::Error> {
        let mut reply = match (form.text, form.stream, form.json, form.body) {
            (Some(text), None, None, None) => Reply::text(text),
            (None, Some(steps), None, None) => steps.into_iter().fold(Reply::stream(), Reply::step),
            (None, None, Some(json), None) => Reply::status(200).json(&json),
            (None, None, None, Some(body)) => Reply::status(200).body(body),
            (None, None, None, None) if form.status.is_some() => Reply::status(200),
            _ => {
                return Err(
                    "a reply has one of `text`, `stream`, `json` and `body`, or a `status` alone",
                );
            }
        };
        reply = form
            .dialect
            .apply(reply.with_status(form.status.unwrap_or(200)));
        for (name, value) in form.headers {
            reply = reply.header(name, value);
        }
        let optional = [
            form.delay_head_ms
                .map(|ms| Change::DelayHead(Duration::from_millis(ms))),
            form.every_ms
                .map(|ms| Change::Every(Duration::from_millis(ms))),
            form.chunk_size.map(Change::ChunkSize),
            form.cut_at.map(Change::CutAt),
            form.end_at.map(Change::EndAt),
            form.framing.map(Change::Framing),
        ];
        let splits = form.split_at.into_iter().map(Change::SplitAt);
        Ok(optional
            .into_iter()
            .flatten()
            .chain(splits)
            .fold(reply, |reply, change| change.apply(reply)))
    }
}

/// A modifier that a form may ask for.
enum Change {
    DelayHead(Duration),
    Every(Duration),
    ChunkSize(usize),
    SplitAt(u64),
    CutAt(u64),
    EndAt(u64),
    Framing(Framing),
}

impl Change {
    fn apply(self, reply: Reply) -> Reply {
        match self {
            Self::DelayHead(duration) => reply.delay_head(duration),
            Self::Every(duration) => reply.every(duration),
            Self::ChunkSize(size) => reply.chunk_size(size),
            Self::SplitAt(offset) => reply.split_at(offset),
            Self::CutAt(offset) => reply.cut_at(offset),
            Self::EndAt(offset) => reply.end_at(offset),
            Self::Framing(framing) => reply.framing(framing),
        }
    }
}

impl DialectForm {
    fn apply(self, reply: Reply) -> Reply {
        reply.edit(|script| {
            let dialect = &mut script.dialect;
            dialect.id = self.id.unwrap_or_else(|| dialect.id.clone());
            dialect.model = self.model.unwrap_or_else(|| dialect.model.clone());
            dialect.created = self.created.unwrap_or(dialect.created);
            if let Some(name) = self.reasoning_field {
                dialect.reasoning_field = name;
            }
            dialect.omit = self.omit;
            dialect.usage_shape = self.usage_shape;
            dialect.extra = self.extra.into_iter().collect();
            dialect.delta_extra = self.delta_extra.into_iter().collect();
            dialect.line_end = self.line_end;
            dialect.no_space = self.no_space;
            dialect.multi_line = self.multi_line;
            dialect.bom = self.bom;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> Vec<u8> {
        serde_json::from_str::<Reply>(json).unwrap().body_bytes()
    }

    #[test]
    fn a_form_says_what_the_builder_says() {
        let from_file = body(
            r#"{"stream": ["role", {"text": "Hel"}, {"wait_ms": 5}, {"tool_call": {"id": "c", "name": "f"}},
                {"arguments": {"delta": "{}"}}, {"finish": "stop"},
                {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, "done"],
                "chunk_size": 4, "dialect": {"omit": ["id"], "line_end": "cr_lf", "extra": {"x": 1}}}"#,
        );
        let built = Reply::stream()
            .role()
            .content("Hel")
            .wait(Duration::from_millis(5))
            .tool_start(0, "c", "f")
            .tool_arguments(0, "{}")
            .finish("stop")
            .usage(3, 2)
            .done()
            .omit(Field::Id)
            .crlf()
            .extra("x", 1.into());
        assert_eq!(from_file, built.body_bytes());
        assert_eq!(body(r#"{"text": ["a"], "end_at": 7}"#), b"data: {");
        assert_eq!(body(r#"{"status": 500, "json": {"a": 1}}"#), br#"{"a":1}"#);
    }

    #[test]
    fn a_form_with_two_bodies_or_an_unknown_key_is_refused() {
        for json in [
            r#"{"text": [], "body": ""}"#,
            "{}",
            r#"{"text": [], "txt": 1}"#,
        ] {
            assert!(serde_json::from_str::<Reply>(json).is_err(), "{json}");
        }
    }
}

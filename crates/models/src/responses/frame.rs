//! The events of a response, read leniently.
//!
//! One form holds the fields of all kinds. Every field may be missing or `null`; what isn't known is
//! skipped. Text is borrowed from the frame where it holds no escapes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::{LooseText, WireUsage, or_default, text_of};

/// An event of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: LooseText<'a>,
    #[serde(borrow)]
    pub(super) item_id: LooseText<'a>,
    pub(super) output_index: Option<u32>,
    content_index: Option<u32>,
    summary_index: Option<u32>,
    #[serde(borrow)]
    pub(super) delta: LooseText<'a>,
    #[serde(borrow)]
    pub(super) text: LooseText<'a>,
    #[serde(borrow)]
    pub(super) refusal: LooseText<'a>,
    #[serde(borrow)]
    pub(super) name: LooseText<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) part: Option<Part<'a>>,
    #[serde(borrow)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl Frame<'_> {
    /// Which part of its item it belongs to.
    pub(super) fn part_index(&self) -> u32 {
        self.content_index.or(self.summary_index).unwrap_or(0)
    }

    pub(super) fn arguments(&self) -> serde_json::Result<Cow<'_, str>> {
        text_of(self.arguments)
    }
}

/// An item of a response's output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: LooseText<'a>,
    #[serde(borrow)]
    pub(super) id: LooseText<'a>,
    #[serde(borrow)]
    pub(super) call_id: LooseText<'a>,
    #[serde(borrow)]
    pub(super) name: LooseText<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) summary: Vec<Part<'a>>,
}

impl<'a> Item<'a> {
    pub(super) fn arguments(&self) -> serde_json::Result<Cow<'_, str>> {
        text_of(self.arguments)
    }

    /// The parts of its content; some servers send one text instead of a list.
    pub(super) fn content(&self) -> serde_json::Result<Vec<Part<'a>>> {
        match self.content.map(RawValue::get) {
            None | Some("null") => Ok(Vec::new()),
            Some(list) if list.starts_with('[') => serde_json::from_str(list),
            Some(text) => Ok(vec![Part {
                text: serde_json::from_str(text)?,
                ..Part::default()
            }]),
        }
    }
}

/// A part of an item: of a message's content, or of a summary.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: LooseText<'a>,
    #[serde(borrow)]
    pub(super) text: LooseText<'a>,
    #[serde(borrow)]
    pub(super) refusal: LooseText<'a>,
}

/// A response: at the end of a stream, or an answer that isn't streamed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) status: LooseText<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) output: Vec<&'a RawValue>,
    #[serde(deserialize_with = "or_default")]
    pub(super) usage: Option<WireUsage>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) incomplete_details: Incomplete<'a>,
}

/// Why a response isn't complete.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow)]
    pub(super) reason: LooseText<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_required() {
        for json in [
            "{}",
            r#"{"type":null,"item":null,"part":null,"response":null,"error":null,"delta":null}"#,
            r#"{"type":"x","output_index":null,"logprobs":[{}],"sequence_number":"1"}"#,
        ] {
            let frame: Frame<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((frame.part_index(), &*frame.delta.0), (0, ""), "{json}");
            assert!(frame.error.is_none() && frame.item.is_none(), "{json}");
        }
        let response: Response<'_> =
            serde_json::from_str(r#"{"output":null,"usage":null,"incomplete_details":null}"#)
                .unwrap();
        assert!(response.output.is_empty() && response.usage.is_none());
    }

    #[test]
    fn plain_text_is_borrowed() {
        let frame: Frame<'_> = serde_json::from_str(r#"{"delta":"plain"}"#).unwrap();
        assert!(matches!(frame.delta.0, Cow::Borrowed("plain")));
    }

    #[test]
    fn content_is_a_list_or_a_text() {
        for (json, expected) in [
            (
                r#"{"content":[{"type":"output_text","text":"a"},{"refusal":"b"}]}"#,
                vec![("a", ""), ("", "b")],
            ),
            (r#"{"content":"a"}"#, vec![("a", "")]),
            (r#"{"content":null}"#, vec![]),
        ] {
            let item: Item<'_> = serde_json::from_str(json).unwrap();
            let parts = item.content().unwrap();
            let parts: Vec<_> = parts
                .iter()
                .map(|part| (&*part.text.0, &*part.refusal.0))
                .collect();
            assert_eq!(parts, expected, "{json}");
        }
    }
}

//! What `echo` is asked to say, and how.

use std::{fmt, num::NonZeroUsize, ops::Range, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mainstem::{Bytes, Error, ErrorKind, EventKind, Result, TextDelta};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Echoed, LONGEST_DELAY};

/// An order, as it comes in JSON: a text, or an object with one of `text` and `bytes_base64`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(in crate::serve) struct Order(Fields);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_base64: Option<String>,
    /// How many bytes a chunk has at most; a character is never cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<NonZeroUsize>,
    /// How often all of it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat: Option<u64>,
    /// How long it waits before each chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    /// Whether each chunk is followed by how many there were.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    progress: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
    /// After how many chunks the fault happens; else in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    /// How often what was said is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// The step fails.
    Fail,
    /// It fails as an answer does that stops without an end.
    Cut,
    /// It panics.
    Panic,
    /// Nothing more is said, until the run is stopped.
    Hang,
    /// What was said is taken back, and said again.
    Retract,
    /// It asks a person whether to go on.
    Ask,
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderVisitor)
    }
}

/// Reads an order in one pass: what doesn't fit keeps its place.
struct OrderVisitor;

impl<'de> de::Visitor<'de> for OrderVisitor {
    type Value = Order;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with `text` or `bytes_base64`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Order, E> {
        Ok(Order(Fields {
            text: Some(text.to_owned()),
            ..Fields::default()
        }))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> std::result::Result<Order, A::Error> {
        Fields::deserialize(de::value::MapAccessDeserializer::new(map)).map(Order)
    }
}

impl Order {
    /// The order with its content as it is to be said.
    ///
    /// What makes no sense is told here, by the run, and not where it is read: a server doesn't say what
    /// it couldn't read.
    pub(super) fn read(&self) -> Result<ReadOrder> {
        let fields = &self.0;
        let content = match (&fields.text, &fields.bytes_base64) {
            (Some(text), None) => Content::Text(text.clone()),
            (None, Some(coded)) => {
                let decoded = BASE64_STANDARD.decode(coded);
                Content::Bytes(
                    decoded
                        .map_err(|error| wrong("`bytes_base64`", error))?
                        .into(),
                )
            }
            _ => {
                return Err(wrong(
                    "the echo",
                    "it takes `text` or `bytes_base64`, one of both",
                ));
            }
        };
        let delay = Duration::from_millis(fields.delay_ms.unwrap_or(0));
        if delay > LONGEST_DELAY {
            return Err(wrong("`delay_ms`", "it is at most a minute, 60000"));
        }
        if fields.times.is_some() && fields.fault != Some(Fault::Retract) {
            return Err(wrong("`times`", "it goes with the fault `retract`"));
        }
        if fields.after.is_some() && fields.fault.is_none() {
            return Err(wrong("`after`", "it goes with a `fault`"));
        }
        let pieces = content.cut(fields.chunk.map_or(8, NonZeroUsize::get));
        Ok(ReadOrder {
            content,
            repeat: fields.repeat.unwrap_or(1),
            delay,
            progress: fields.progress,
            fault: fields.fault,
            after: fields.after,
            times: fields.times.unwrap_or(1),
            pieces,
        })
    }
}

fn wrong(what: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Input, format!("{what}: {why}"))
}

enum Content {
    Text(String),
    Bytes(bytes::Bytes),
}

impl Content {
    fn cut(&self, most: usize) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut from = 0;
        let whole = match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        while from < whole {
            let to = whole.min(from.saturating_add(most));
            let to = match self {
                Self::Text(text) => boundary(text, from, to),
                Self::Bytes(_) => to,
            };
            pieces.push(from..to);
            from = to;
        }
        pieces
    }
}

/// The end of a piece of text that ends here at the latest, but has one character at least.
fn boundary(text: &str, from: usize, to: usize) -> usize {
    let before = (from + 1..=to).rev().find(|&at| text.is_char_boundary(at));
    let after = || (to..=text.len()).find(|&at| text.is_char_boundary(at));
    before.or_else(after).unwrap_or(text.len())
}

/// An order whose content was read, and cut.
pub(super) struct ReadOrder {
    content: Content,
    pieces: Vec<Range<usize>>,
    repeat: u64,
    pub(super) delay: Duration,
    pub(super) progress: bool,
    fault: Option<Fault>,
    after: Option<u64>,
    pub(super) times: u64,
}

impl ReadOrder {
    /// How many chunks there are.
    pub(super) fn total(&self) -> u64 {
        self.once().saturating_mul(self.repeat)
    }

    fn once(&self) -> u64 {
        u64::try_from(self.pieces.len()).unwrap_or(u64::MAX)
    }

    /// What happens before the chunk of this number.
    pub(super) fn fault_at(&self, number: u64) -> Option<Fault> {
        let total = self.total();
        let after = self.after.map_or(total / 2, |after| after.min(total));
        self.fault.filter(|_| number == after)
    }

    /// The chunk of this number, if there are so many.
    pub(super) fn piece(&self, number: u64) -> Option<EventKind> {
        if number >= self.total() {
            return None;
        }
        let place = usize::try_from(number % self.once()).ok()?;
        let piece = self.pieces.get(place)?.clone();
        Some(match &self.content {
            Content::Text(text) => TextDelta::new(&text[piece]).into(),
            Content::Bytes(bytes) => Bytes::new(bytes.slice(piece)).into(),
        })
    }

    /// All that was said.
    pub(super) fn whole(&self) -> Echoed {
        match &self.content {
            Content::Text(text) => {
                Echoed::Text(text.repeat(usize::try_from(self.repeat).unwrap_or(usize::MAX)))
            }
            Content::Bytes(bytes) => {
                let once = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                Echoed::Bytes {
                    bytes: once.saturating_mul(self.repeat),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refusal(order: Value) -> String {
        match serde_json::from_value::<Order>(order) {
            Ok(order) => order.read().err().unwrap().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_mend() {
        for (order, told) in [
            (json!({}), "`text` or `bytes_base64`"),
            (json!({"text": "x", "bytes_base64": "eA=="}), "one of both"),
            (json!({"bytes_base64": "x"}), "`bytes_base64`: "),
            (json!({"text": "x", "chunk": 0}), "nonzero"),
            (json!({"text": "x", "chunks": 1}), "unknown field `chunks`"),
            (json!({"text": "x", "fault": "burn"}), "`retract`"),
            (json!({"text": "x", "times": 1}), "fault `retract`"),
            (json!({"text": "x", "after": 1}), "with a `fault`"),
            (json!({"text": "x", "delay_ms": 60_001}), "at most a minute"),
            (json!(7), "invalid type"),
        ] {
            let refused = refusal(order);
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_piece_has_one_character_at_least() {
        let content = Content::Text("aé☃".to_owned());
        assert_eq!(content.cut(1), [0..1, 1..3, 3..6]);
        assert_eq!(content.cut(3), [0..3, 3..6]);
        assert!(Content::Text(String::new()).cut(1).is_empty());
    }
}

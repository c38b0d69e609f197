//! The frames of a chat completion, read leniently.
//!
//! Every field may be missing or `null`; what isn't known is skipped. Text is borrowed from the
//! frame where it holds no escapes.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::content::Content;
use crate::http::{LooseText, WireUsage, or_default, text_of};

/// A frame of a stream, or a whole completion: they differ in `delta` and `message` alone.
///
/// What few frames have is boxed: the rest is moved about often.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) choices: FirstChoice<'a>,
    #[serde(deserialize_with = "or_default")]
    usage: Option<Box<WireUsage>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// Groq's: without being asked for usage, it sends it in here alone.
    #[serde(deserialize_with = "or_default")]
    x_groq: Option<Box<Groq>>,
}

impl Frame<'_> {
    /// What was used, wherever it stands.
    pub(super) fn usage(&self) -> Option<&WireUsage> {
        let of_groq = || self.x_groq.as_ref()?.usage.as_ref();
        self.usage.as_deref().or_else(of_groq)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Groq {
    usage: Option<WireUsage>,
}

/// The choice that is read: the one of index 0, or without an index.
#[derive(Debug, Default)]
pub(super) struct FirstChoice<'a>(pub(super) Option<Choice<'a>>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    index: Option<u32>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) delta: Delta<'a>,
    /// The whole answer: of a completion that isn't streamed, or at a stream's end once more.
    #[serde(borrow)]
    pub(super) message: Option<Box<Delta<'a>>>,
    #[serde(borrow)]
    finish_reason: Option<Box<LooseText<'a>>>,
}

impl Choice<'_> {
    /// Whether it holds some text, and nothing else.
    pub(super) fn is_text_alone(&self) -> bool {
        let delta = &self.delta;
        !delta.content.text.is_empty()
            && delta.content.thoughts.is_none()
            && delta.thoughts().is_empty()
            && delta.refusal().is_empty()
            && delta.tool_calls.is_empty()
            && delta.reasoning_details.is_none()
            && delta.extra_content.is_none()
            && self.message.is_none()
            && self.finish_reason().is_empty()
    }

    pub(super) fn finish_reason(&self) -> &str {
        text_in(&self.finish_reason)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Content<'a>,
    #[serde(borrow)]
    reasoning_content: Option<Box<LooseText<'a>>>,
    #[serde(borrow)]
    reasoning: Option<Box<LooseText<'a>>>,
    #[serde(borrow)]
    refusal: Option<Box<LooseText<'a>>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) tool_calls: Vec<ToolCall<'a>>,
    /// OpenRouter's: wanted back with the conversation.
    #[serde(borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    /// Gemini's: wanted back with the conversation.
    #[serde(borrow)]
    pub(super) extra_content: Option<&'a RawValue>,
}

impl Delta<'_> {
    /// Servers use one name or the other; one that uses both says the same twice.
    pub(super) fn thoughts(&self) -> &str {
        match text_in(&self.reasoning_content) {
            "" => text_in(&self.reasoning),
            thoughts => thoughts,
        }
    }

    pub(super) fn refusal(&self) -> &str {
        text_in(&self.refusal)
    }
}

fn text_in<'t>(text: &'t Option<Box<LooseText<'_>>>) -> &'t str {
    text.as_deref().map_or("", |text| &text.0)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) id: LooseText<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) function: Function<'a>,
    /// Gemini's: wanted back with the call.
    #[serde(borrow)]
    pub(super) extra_content: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: LooseText<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Function<'_> {
    /// The arguments as JSON text: most servers send a string of it, some the value itself.
    pub(super) fn arguments(&self) -> serde_json::Result<Cow<'_, str>> {
        text_of(self.arguments)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FirstChoice<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choices;

        impl<'de> Visitor<'de> for Choices {
            type Value = FirstChoice<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(FirstChoice(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut first = None;
                while let Some(choice) = list.next_element::<Choice<'de>>()? {
                    if first.is_none() && choice.index.unwrap_or(0) == 0 {
                        first = Some(choice);
                    }
                }
                Ok(FirstChoice(first))
            }
        }

        deserializer.deserialize_any(Choices)
    }
}

#[cfg(test)]
mod tests {
    use mainstem_core::Usage;

    use super::*;

    fn content(json: &str) -> String {
        let frame: Frame<'_> = serde_json::from_str(json).unwrap();
        frame
            .choices
            .0
            .map(|choice| choice.delta.content.text.into_owned())
            .unwrap_or_default()
    }

    #[test]
    fn nothing_is_required() {
        assert_eq!(content("{}"), "");
        assert_eq!(content(r#"{"choices":null,"usage":null,"error":null}"#), "");
        assert_eq!(content(r#"{"choices":[{"delta":null}]}"#), "");
        assert_eq!(
            content(r#"{"choices":[{"delta":{"content":null,"tool_calls":null}}]}"#),
            ""
        );
        assert_eq!(
            content(r#"{"choices":[{"delta":{"content":"a\u00e9"},"logprobs":{}}]}"#),
            "a\u{e9}"
        );
        assert_eq!(
            content(
                r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#
            ),
            "a"
        );
        assert_eq!(
            content(
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"x"},{"text":"y"}]}}]}"#
            ),
            "xy"
        );
    }

    #[test]
    fn both_names_of_a_field_may_be_there() {
        let json = r#"{"choices":[{"delta":{"content":"a"},"message":null}],
            "usage":{"prompt_tokens":3,"input_tokens":0,"completion_tokens":2,"output_tokens":0}}"#;
        let frame: Frame<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(frame.usage().unwrap().read(), Usage::new(3, 2));
        assert_eq!(frame.choices.0.unwrap().delta.content.text, "a");
    }

    #[test]
    fn plain_text_is_borrowed() {
        let frame: Frame<'_> =
            serde_json::from_str(r#"{"choices":[{"delta":{"content":"plain"}}]}"#).unwrap();
        let choice = frame.choices.0.unwrap();
        assert!(matches!(choice.delta.content.text, Cow::Borrowed("plain")));
    }

    #[test]
    fn arguments_are_text_or_a_value() {
        let read = |json| {
            serde_json::from_str::<Function<'_>>(json)
                .unwrap()
                .arguments()
                .unwrap()
                .into_owned()
        };
        assert_eq!(read(r#"{"arguments":"{\"a\":1}"}"#), r#"{"a":1}"#);
        assert_eq!(read(r#"{"arguments":{"a":1}}"#), r#"{"a":1}"#);
        assert_eq!(read(r#"{"arguments":null}"#), "");
        assert_eq!(read("{}"), "");
    }
}

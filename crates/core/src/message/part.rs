use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Json, Text};

/// A part of a message.
///
/// Each kind has a `provider_data`: what the provider sent along with it (a signature, an id) and
/// wants back unchanged. It is never looked into.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text(TextPart),
    /// A picture.
    Image(MediaPart),
    /// A document.
    File(MediaPart),
    /// Sound.
    Audio(MediaPart),
    /// A call of a tool, by the model.
    ToolCall(ToolCallPart),
    /// What a tool answered.
    ToolResult(ToolResultPart),
    /// What the model thought on the way.
    Reasoning(ReasoningPart),
    /// The model's words for not answering.
    Refusal(TextPart),
}

impl Part {
    /// Text.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(TextPart::new(text))
    }

    /// A picture at an address.
    pub fn image_url(url: impl Into<Text>) -> Self {
        Self::Image(MediaPart::new(MediaSource::Url(url.into())))
    }

    /// The text, if it is a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            _ => None,
        }
    }
}

/// By hand: serde reads a tagged enum by way of a buffer, which raw JSON can't come out of.
impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tag {
            r#type: Text,
        }

        fn of<'de, T: Deserialize<'de>>(part: &'de RawValue) -> serde_json::Result<T> {
            serde_json::from_str(part.get())
        }

        let part = Box::<RawValue>::deserialize(deserializer)?;
        let read = of::<Tag>(&part).and_then(|tag| match &*tag.r#type {
            "text" => of(&part).map(Self::Text),
            "image" => of(&part).map(Self::Image),
            "file" => of(&part).map(Self::File),
            "audio" => of(&part).map(Self::Audio),
            "tool_call" => of(&part).map(Self::ToolCall),
            "tool_result" => of(&part).map(Self::ToolResult),
            "reasoning" => of(&part).map(Self::Reasoning),
            "refusal" => of(&part).map(Self::Refusal),
            other => Err(serde::de::Error::custom(format!(
                "there is no part of type `{other}`"
            ))),
        });
        read.map_err(serde::de::Error::custom)
    }
}

/// Text of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextPart {
    /// The text.
    pub text: Text,
    /// Goes back to the provider unchanged.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub provider_data: Option<Json>,
}

impl TextPart {
    /// A text.
    pub fn new(text: impl Into<Text>) -> Self {
        Self {
            text: text.into(),
            provider_data: None,
        }
    }
}

/// A picture, a document or sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaPart {
    /// Where the bytes are.
    pub source: MediaSource,
    /// Their type, such as `image/png`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<Text>,
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Goes back to the provider unchanged.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub provider_data: Option<Json>,
}

impl MediaPart {
    /// A medium from its source.
    pub fn new(source: MediaSource) -> Self {
        Self {
            source,
            media_type: None,
            name: None,
            provider_data: None,
        }
    }

    /// Adds its media type, such as `image/png`.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<Text>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Adds the file's name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// Where a medium's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaSource {
    /// At an address that the provider can reach.
    Url(Text),
    /// Here, in base64 (RFC 4648, with padding).
    Base64(Text),
    /// With the provider, under an id.
    Id(Text),
}

/// A call of a tool, by the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCallPart {
    /// The provider's name for this call.
    pub id: Text,
    /// The tool's name.
    pub name: Text,
    /// The arguments, as the JSON text that the model wrote.
    pub arguments: Text,
    /// Goes back to the provider unchanged.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub provider_data: Option<Json>,
}

impl ToolCallPart {
    /// A call.
    pub fn new(id: impl Into<Text>, name: impl Into<Text>, arguments: impl Into<Text>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            provider_data: None,
        }
    }
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolResultPart {
    /// The call that it answers.
    pub call_id: Text,
    /// The answer, as the model reads it.
    pub output: Text,
    /// Whether it is the message of a failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// Goes back to the provider unchanged.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub provider_data: Option<Json>,
}

impl ToolResultPart {
    /// An answer.
    pub fn new(call_id: impl Into<Text>, output: impl Into<Text>) -> Self {
        Self {
            call_id: call_id.into(),
            output: output.into(),
            is_error: false,
            provider_data: None,
        }
    }
}

/// What the model thought on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReasoningPart {
    /// The thoughts, as far as the provider shows them.
    pub text: Text,
    /// Goes back to the provider unchanged.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub provider_data: Option<Json>,
}

impl ReasoningPart {
    /// A thought.
    pub fn new(text: impl Into<Text>) -> Self {
        Self {
            text: text.into(),
            provider_data: None,
        }
    }
}

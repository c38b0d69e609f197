//! The content of a message: text, however it is wrapped, and Mistral's thoughts among its parts.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::http::LooseText;

/// Text, and what was thought before it.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) thoughts: Option<Box<str>>,
}

impl<'a> From<Cow<'a, str>> for Content<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self {
            text,
            thoughts: None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyContent)
    }
}

struct AnyContent;

impl<'de> Visitor<'de> for AnyContent {
    type Value = Content<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::from(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::from(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Content::from(Cow::Owned(number.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let (mut text, mut thoughts) = (String::new(), String::new());
        while let Some(part) = parts.next_element::<Content<'de>>()? {
            text.push_str(&part.text);
            thoughts.push_str(part.thoughts.as_deref().unwrap_or_default());
        }
        Ok(Content {
            text: Cow::Owned(text),
            thoughts: (!thoughts.is_empty()).then(|| thoughts.into()),
        })
    }

    /// A part: its `text`, or the text in its `thinking`.
    fn visit_map<A: MapAccess<'de>>(self, mut part: A) -> Result<Self::Value, A::Error> {
        let mut content = Content::default();
        while let Some(field) = part.next_key::<LooseText<'de>>()? {
            match &*field.0 {
                "text" => content.text = part.next_value::<LooseText<'de>>()?.0,
                "thinking" => {
                    content.thoughts = Some(part.next_value::<LooseText<'de>>()?.0.into());
                }
                _ => {
                    part.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_stand_between_parts() {
        let json = r#"[{"type":"thinking","thinking":[{"type":"text","text":"so"}]},"a",
            {"text":"b"},{"thinking":", yes"}]"#;
        let content: Content<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(content.text, "ab");
        assert_eq!(content.thoughts.as_deref(), Some("so, yes"));
        let content: Content<'_> = serde_json::from_str("[]").unwrap();
        assert_eq!(content.thoughts, None);
    }
}

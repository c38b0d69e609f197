//! What servers write in several ways.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// `null` is as good as nothing.
pub(crate) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A call's arguments as JSON text: most servers send a string of it, some the value itself.
pub(crate) fn text_of(raw: Option<&RawValue>) -> serde_json::Result<Cow<'_, str>> {
    match raw.map(RawValue::get) {
        None | Some("null") => Ok(Cow::Borrowed("")),
        Some(raw) if raw.starts_with('"') => Ok(serde_json::from_str::<LooseText<'_>>(raw)?.0),
        Some(raw) => Ok(Cow::Borrowed(raw)),
    }
}

/// Text, however it is wrapped: a string, `null`, or a list of parts with a `text`.
#[derive(Debug, Default)]
pub(crate) struct LooseText<'a>(pub(crate) Cow<'a, str>);

impl LooseText<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LooseText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyText).map(Self)
    }
}

struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut text = String::new();
        while let Some(part) = parts.next_element::<LooseText<'de>>()? {
            text.push_str(&part.0);
        }
        Ok(Cow::Owned(text))
    }

    /// A part of a list of parts: its `text`, if it has one.
    fn visit_map<A: MapAccess<'de>>(self, mut part: A) -> Result<Self::Value, A::Error> {
        let mut text = Cow::Borrowed("");
        while let Some(field) = part.next_key::<LooseText<'de>>()? {
            if field.0 == "text" {
                text = part.next_value::<LooseText<'de>>()?.0;
            } else {
                part.next_value::<IgnoredAny>()?;
            }
        }
        Ok(text)
    }
}

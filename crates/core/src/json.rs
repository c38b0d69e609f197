use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{Error, ErrorKind};

/// A JSON value as text, cheap to clone.
///
/// Step outputs, tool arguments and custom data travel as `Json`: made once, handed on without
/// being parsed again.
///
/// ```
/// use mainstem_core::Json;
///
/// let json = Json::new(&vec![1, 2])?;
/// assert_eq!(json.as_str(), "[1,2]");
/// assert_eq!(json.to::<Vec<u8>>()?, [1, 2]);
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The JSON of a value.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`], if the value can't be JSON (a map whose keys aren't strings,
    /// say).
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        match serde_json::value::to_raw_value(value) {
            Ok(raw) => Ok(Self(raw.into())),
            Err(error) => Err(Error::new(
                ErrorKind::Value,
                format!("`{}` can't be written as JSON", std::any::type_name::<T>()),
            )
            .with_source(error)),
        }
    }

    /// JSON text, checked.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`], if the text isn't one well-formed JSON document.
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        match RawValue::from_string(text.into()) {
            Ok(raw) => Ok(Self(raw.into())),
            Err(error) => {
                Err(Error::new(ErrorKind::Value, "the text isn't JSON").with_source(error))
            }
        }
    }

    pub(crate) fn from_raw(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }

    /// The JSON `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads a value from it.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`], if it isn't a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(self.as_str()).map_err(|error| {
            Error::new(
                ErrorKind::Value,
                format!("the JSON isn't a `{}`", std::any::type_name::<T>()),
            )
            .with_source(error)
        })
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        // A `Value` always has a JSON text: its keys are strings and its numbers finite.
        Self::new(&value).unwrap_or_else(|_| Self::null())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer)?.into()))
    }
}

/// Reads a field that is there: `null` is a value, not its absence.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Equal if the texts are: `[1]` and `[ 1 ]` differ.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

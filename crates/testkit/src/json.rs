use std::fmt::Write as _;

use serde_json::Value;

/// A JSON object written key by key, in the order given.
///
/// `serde_json::Map` orders its keys by a feature that any other crate may switch
/// on; the bytes of a scripted reply must not depend on that.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonObject {
    members: String,
}

impl JsonObject {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn field(self, key: &str, value: impl Into<Value>) -> Self {
        let value: Value = value.into();
        self.raw(key, &value.to_string())
    }

    pub(crate) fn object(self, key: &str, value: &JsonObject) -> Self {
        self.raw(key, &value.to_text())
    }

    /// Adds a member whose value is JSON text already.
    pub(crate) fn raw(mut self, key: &str, json: &str) -> Self {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        // Writing to a `String` can't fail.
        let _ = write!(self.members, "{}:{json}", Value::from(key));
        self
    }

    /// Adds the members of another object.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        if !self.members.is_empty() && !other.members.is_empty() {
            self.members.push(',');
        }
        self.members.push_str(&other.members);
        self
    }

    pub(crate) fn to_text(&self) -> String {
        format!("{{{}}}", self.members)
    }
}

/// Writes the object `{"error": {..}}` in the shape that OpenAI uses.
pub(crate) fn error_text(
    message: &str,
    kind: &str,
    param: Option<&str>,
    code: Option<&str>,
) -> String {
    let error = JsonObject::new()
        .field("message", message)
        .field("type", kind)
        .field("param", param)
        .field("code", code);
    JsonObject::new().object("error", &error).to_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_its_fields() {
        let inner = JsonObject::new().field("z", 1).field("a", "\"");
        let text = JsonObject::new()
            .object("o", &inner)
            .field("b", Value::Null)
            .to_text();
        assert_eq!(text, r#"{"o":{"z":1,"a":"\""},"b":null}"#);
    }
}

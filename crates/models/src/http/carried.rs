//! What a server sends along with an answer, and wants back with the conversation.
//!
//! In `provider_data` it stands as fields of an object, beside `from`: another server would refuse
//! them.

use mainstem_core::Json;
use serde_json::{Map, Value};

const FROM: &str = "from";

/// Fields that came from a server.
pub(crate) fn carried(from: &str, mut fields: Map<String, Value>) -> Json {
    fields.insert(FROM.into(), from.into());
    Value::Object(fields).into()
}

/// The fields of data that came from this server; none, if it came from another one.
pub(crate) fn own(data: Option<&Json>, from: &str) -> Map<String, Value> {
    let data = data.and_then(|data| data.to::<Map<String, Value>>().ok());
    data.filter(|data| data.get(FROM).and_then(Value::as_str) == Some(from))
        .unwrap_or_default()
}

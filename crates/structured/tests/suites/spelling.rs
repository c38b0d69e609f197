//! One value, written in several ways.

use serde_json::Value;

/// Compact, pretty, with all characters escaped, and with the members in reverse.
pub(crate) fn spellings(value: &Value) -> [String; 4] {
    [
        value.to_string(),
        format!("{value:#}"),
        escaped(value),
        reversed(value).to_string(),
    ]
}

/// With each character of each string as a `\u` escape.
pub(crate) fn escaped(value: &Value) -> String {
    match value {
        Value::String(text) => escaped_string(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(escaped).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<_> = members
                .map(|(key, value)| format!("{}:{}", escaped_string(key), escaped(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn escaped_string(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(members) => {
            let members = members.iter().rev();
            let members = members.map(|(key, value)| (key.clone(), reversed(value)));
            Value::Object(members.collect())
        }
        _ => value.clone(),
    }
}

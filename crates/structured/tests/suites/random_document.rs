//! Documents: any, and such that are likely to fit a schema.

use serde_json::{Map, Value, json};

use crate::tape::Tape;

pub(crate) const KEYS: [&str; 8] = ["a", "b", "c", "aa", "ab", "kind", "é", "1"];

const STRINGS: [&str; 10] = [
    "",
    "a",
    "b",
    "ab",
    "aa",
    "abc",
    "é",
    "😀",
    "12",
    "2020-02-30",
];

/// Numbers by their text: some have no other spelling in `serde_json`.
fn any_number(tape: &mut Tape<'_>) -> Value {
    let numbers = [
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.0),
        json!(1.5),
        json!(0.3),
        json!(10),
        json!(1e20),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_u64),
        json!(-0.0),
    ];
    numbers[tape.below(numbers.len())].clone()
}

pub(crate) fn any_value(tape: &mut Tape<'_>, depth: usize) -> Value {
    match tape.below(if depth == 0 { 6 } else { 10 }) {
        0 => Value::Null,
        1 => tape.once_in(2).into(),
        2 | 3 => any_number(tape),
        4 | 5 => STRINGS[tape.below(STRINGS.len())].into(),
        6 | 7 => (0..tape.below(4))
            .map(|_| any_value(tape, depth - 1))
            .collect(),
        _ => {
            let mut members = Map::new();
            for _ in 0..tape.below(4) {
                let key = KEYS[tape.below(KEYS.len())].to_owned();
                members.insert(key, any_value(tape, depth - 1));
            }
            members.into()
        }
    }
}

/// A value that is meant to fit, but need not.
pub(crate) fn fitting(root: &Value, schema: &Value, tape: &mut Tape<'_>, depth: usize) -> Value {
    let Some(keywords) = schema.as_object() else {
        return any_value(tape, depth.min(2));
    };
    if depth == 0 || tape.once_in(24) {
        return any_value(tape, 1);
    }
    if let Some(value) = keywords.get("const") {
        return value.clone();
    }
    if let Some(values) = keywords.get("enum").and_then(Value::as_array) {
        return values[tape.below(values.len())].clone();
    }
    if let Some(target) = referred(root, keywords) {
        return fitting(root, target, tape, depth - 1);
    }
    let mut value = by_type(root, keywords, tape, depth);
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let Some(branches) = keywords.get(keyword).and_then(Value::as_array) else {
            continue;
        };
        let chosen = tape.below(branches.len());
        for (at, branch) in branches.iter().enumerate() {
            if at == chosen || keyword == "allOf" {
                merge(&mut value, fitting(root, branch, tape, depth - 1));
            }
        }
    }
    if let Some(then) = keywords.get("then").filter(|_| tape.once_in(2)) {
        merge(&mut value, fitting(root, then, tape, depth - 1));
    }
    value
}

fn referred<'s>(root: &'s Value, keywords: &Map<String, Value>) -> Option<&'s Value> {
    match keywords.get("$ref").and_then(Value::as_str) {
        Some(pointer) => root.pointer(pointer.strip_prefix('#')?),
        None => keywords.get("$dynamicRef").map(|_| root),
    }
}

fn merge(value: &mut Value, other: Value) {
    match (value, other) {
        (Value::Object(members), Value::Object(others)) => members.extend(others),
        (value, other) => *value = other,
    }
}

fn by_type(
    root: &Value,
    keywords: &Map<String, Value>,
    tape: &mut Tape<'_>,
    depth: usize,
) -> Value {
    let kind = match keywords.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds[tape.below(kinds.len())].as_str().unwrap(),
        _ if keywords.contains_key("properties") => "object",
        _ => return any_value(tape, 2),
    };
    match kind {
        "null" => Value::Null,
        "boolean" => tape.once_in(2).into(),
        "integer" => tape.below(12).into(),
        "number" => any_number(tape),
        "string" => fitting_string(keywords, tape),
        "array" => fitting_array(root, keywords, tape, depth),
        _ => fitting_object(root, keywords, tape, depth),
    }
}

fn fitting_string(keywords: &Map<String, Value>, tape: &mut Tape<'_>) -> Value {
    let bound = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let least = bound("minLength").unwrap_or(0) as usize;
    let most = bound("maxLength").map_or(4, |most| most as usize);
    let text = STRINGS[tape.below(STRINGS.len())];
    let text: String = text
        .chars()
        .chain("ab".chars().cycle())
        .take(least.max(text.chars().count()))
        .collect();
    text.chars()
        .take(most.max(least))
        .collect::<String>()
        .into()
}

fn fitting_array(
    root: &Value,
    keywords: &Map<String, Value>,
    tape: &mut Tape<'_>,
    depth: usize,
) -> Value {
    let bound = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let least = bound("minItems").unwrap_or(0);
    let most = bound("maxItems").unwrap_or(4).max(least);
    let count = least + tape.below(4) as u64;
    let prefix = keywords.get("prefixItems").and_then(Value::as_array);
    let rest = keywords.get("items").or_else(|| keywords.get("contains"));
    let item = |at: u64| {
        let schema = prefix.and_then(|prefix| prefix.get(at as usize)).or(rest);
        fitting(root, schema.unwrap_or(&Value::Null), tape, depth - 1)
    };
    (0..count.min(most)).map(item).collect()
}

fn fitting_object(
    root: &Value,
    keywords: &Map<String, Value>,
    tape: &mut Tape<'_>,
    depth: usize,
) -> Value {
    let required = keywords.get("required").and_then(Value::as_array);
    let is_required =
        |key: &str| required.is_some_and(|keys| keys.iter().any(|known| known == key));
    let mut members = Map::new();
    let properties = keywords.get("properties").and_then(Value::as_object);
    for (key, schema) in properties.into_iter().flatten() {
        if is_required(key) || tape.once_in(2) {
            members.insert(key.clone(), fitting(root, schema, tape, depth - 1));
        }
    }
    let additional = keywords.get("additionalProperties").unwrap_or(&Value::Null);
    if *additional != Value::Bool(false) && tape.once_in(3) {
        let key = KEYS[tape.below(KEYS.len())];
        if !members.contains_key(key) {
            members.insert(key.to_owned(), fitting(root, additional, tape, depth - 1));
        }
    }
    members.into()
}

//! Each byte is looked at a few times at most, however long the document is and however it comes.

use mainstem_structured::{Limits, Schema};
use serde_json::{Value, json};

/// How often a byte may be looked at, on average.
const MOST: u64 = 4;

const MEGABYTES_10: usize = 10 << 20;

fn schema(value: Value) -> Schema {
    Schema::from_value(value).unwrap()
}

/// Feeds the text in chunks and counts.
fn assert_linear(schema: &Schema, text: &str, chunk: usize) {
    let limits = Limits::new().keys(u32::MAX).depth(1_000);
    let mut checker = schema.checker().limits(limits);
    for chunk in text.as_bytes().chunks(chunk) {
        checker.feed(chunk).unwrap();
    }
    checker.finish().unwrap();
    let (visited, length) = (checker.visited(), text.len() as u64);
    assert!(visited >= length, "{visited} of {length} bytes");
    assert!(
        visited <= MOST * length,
        "{visited} visits for {length} bytes in chunks of {chunk}"
    );
}

/// Repeats the part, with commas between, to about this length.
fn repeated(part: &str, length: usize) -> String {
    let count = (length / (part.len() + 1)).max(1);
    vec![part; count].join(",")
}

fn records() -> Schema {
    schema(json!({
        "type": "object",
        "properties": {"records": {"type": "array", "items": {"$ref": "#/$defs/Record"}}},
        "required": ["records"],
        "additionalProperties": false,
        "$defs": {"Record": {
            "type": "object",
            "properties": {
                "id": {"type": "integer", "minimum": 0},
                "name": {"type": "string", "minLength": 1, "maxLength": 40},
                "kind": {"enum": ["bird", "birch", "beetle"]},
                "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-zé]+$"}},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["id", "name", "kind"],
            "additionalProperties": false,
        }},
    }))
}

const RECORD: &str = r#"{"id": 1234, "name": "H\u00e4her \"x\"", "kind": "bird",
    "tags": ["grün", "né"], "note": null}"#;

#[test]
fn records_of_all_sizes() {
    let records_schema = schema(json!({"items": {"type": "string", "pattern": "^[a-zé]+$"}}));
    let words = format!("[{}]", repeated("\"née\"", 100_000));
    assert_linear(&records_schema, &words, 4);
    let schema = records();
    for length in [1 << 10, 10 << 10, 100 << 10, 1 << 20] {
        let text = format!(
            r#"{{"records": [{}]}}"#,
            repeated(&RECORD.replace("grün", "gren"), length)
        );
        for chunk in [1, 4, 1 << 16] {
            assert_linear(&schema, &text, chunk);
        }
    }
}

#[test]
fn records_of_10_megabytes() {
    let record = RECORD.replace("grün", "gren");
    let text = format!(r#"{{"records": [{}]}}"#, repeated(&record, MEGABYTES_10));
    assert_linear(&records(), &text, 64);
}

#[test]
fn one_long_string() {
    let text = format!("\"{}\"", "né😀\\n\\u00e9 a".repeat(MEGABYTES_10 / 17));
    assert_linear(&schema(json!({"type": "string", "minLength": 5})), &text, 4);
}

#[test]
fn deep_arrays() {
    let deep = format!("{}{}", "[".repeat(99), "]".repeat(99));
    let text = format!("[{}]", repeated(&deep, MEGABYTES_10));
    let schema = schema(json!({"type": "array", "items": {"$ref": "#"}}));
    assert_linear(&schema, &text, 64);
}

/// What is judged when a value closes is looked at again at each level, were it done simply.
#[test]
fn a_second_look_at_each_level() {
    let schema = schema(json!({
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {
            "type": ["array", "string"],
            "items": {"$ref": "#/$defs/tree"},
            "uniqueItems": true,
            "not": {"type": "array", "maxItems": 0},
        }},
    }));
    for length in [1 << 10, 32 << 10, 1 << 20] {
        let leaves = (0..length / 8).map(|at| format!("\"{at:05}\""));
        let leaves = leaves.collect::<Vec<_>>().join(",");
        let text = format!("{}[{leaves}]{}", "[".repeat(100), "]".repeat(100));
        assert_linear(&schema, &text, 64);
    }
}

/// Judged anew for each use, the innermost value would be judged 2^100 times.
#[test]
fn a_schema_that_asks_for_itself_twice() {
    let schema = schema(json!({
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {
            "items": {"$ref": "#/$defs/tree"},
            "not": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "minItems": 5},
        }},
    }));
    let text = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert_linear(&schema, &text, 1);
}

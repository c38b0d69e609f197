//! Where the first impossible byte can be told exactly, it is: by keyword.

use mainstem_structured::Schema;
use serde_json::{Value, json};

use crate::feeding::every_way;

/// The text up to the byte that is refused, inclusive, and what comes after it.
fn assert_refused_after(schema: &Value, text: &str, rest: &str) {
    let made = Schema::from_value(schema.clone()).unwrap();
    let whole = format!("{text}{rest}");
    let verdict = every_way(&made, whole.as_bytes(), usize::MAX);
    let violation = verdict.violation.unwrap();
    assert_eq!(
        violation.offset + 1,
        text.len() as u64,
        "{schema}: {whole}: {violation:?}"
    );
}

#[test]
fn a_type_by_the_first_byte() {
    for (kind, text) in [
        ("string", "1"),
        ("string", "{"),
        ("integer", "\""),
        ("number", "t"),
        ("boolean", "n"),
        ("null", "f"),
        ("object", "["),
        ("array", "{"),
    ] {
        assert_refused_after(&json!({"type": kind}), text, "");
        let nested = json!({"items": {"properties": {"a": {"type": kind}}}});
        assert_refused_after(&nested, &format!(r#"[{{"b": 0, "a": {text}"#), "");
    }
    let optional = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
    assert_refused_after(&optional, "1", "");
}

#[test]
fn an_unknown_key_by_its_first_other_byte() {
    let schema = json!({
        "properties": {"name": {}, "née": {}, "number": {}},
        "additionalProperties": false,
    });
    assert_refused_after(&schema, r#"{"x"#, r#"": 1}"#);
    assert_refused_after(&schema, r#"{"namx"#, r#"": 1}"#);
    assert_refused_after(&schema, r#"{"namee"#, r#"": 1}"#);
    assert_refused_after(&schema, r#"{"name": 1, "nu""#, ": 1}");
    assert_refused_after(&schema, r#"{"n\u0062"#, r#"": 1}"#);
    assert_refused_after(&schema, r#"{"name": 1, "name""#, ": 1}");
}

#[test]
fn lengths_and_counts_by_the_one_too_many() {
    assert_refused_after(&json!({"maxLength": 2}), r#""néa"#, r#"bc""#);
    assert_refused_after(&json!({"maxLength": 0}), r#""\"#, r#"u0061""#);
    assert_refused_after(&json!({"maxLength": 1}), r#""a\"#, r#"n""#);
    assert_refused_after(&json!({"maxItems": 1}), "[1,", " 2, 3]");
    assert_refused_after(&json!({"maxItems": 0}), "[1", "]");
    assert_refused_after(&json!({"maxProperties": 1}), r#"{"a": 1,"#, r#" "b": 1}"#);
}

#[test]
fn an_enum_by_the_first_other_byte() {
    let schema = json!({"type": "string", "enum": ["bird", "birch"]});
    assert_refused_after(&schema, "\"birx", "\"");
    assert_refused_after(&schema, "\"bir\"", "");
    assert_refused_after(&schema, "\"birdx", "\"");
    assert_refused_after(&schema, "\"b\\u006a", "\"");
    assert_refused_after(&json!({"const": "a"}), "\"ab", "\"");
}

#[test]
fn a_choice_when_all_branches_are_dead() {
    let variant = |tag: &str| {
        json!({
            "type": "object",
            "properties": {"kind": {"type": "string", "const": tag}},
            "required": ["kind"],
        })
    };
    let schema = json!({"oneOf": [variant("bird"), variant("bush")]});
    assert_refused_after(&schema, r#"{"other": 1, "kind": "bx"#, r#""}"#);
}

#[test]
fn patterns_that_begin_at_the_start() {
    assert_refused_after(&json!({"pattern": "^[ab]+$"}), "\"abc", "a\"");
    assert_refused_after(&json!({"pattern": "^\\d{4}-\\d{2}$"}), "\"2020-1\"", "");
}

/// Late by nature: only what follows, or the end, can tell.
#[test]
fn what_the_end_of_the_value_tells() {
    assert_refused_after(&json!({"minLength": 2}), "\"a\"", " ");
    assert_refused_after(&json!({"minItems": 1}), "[]", " ");
    assert_refused_after(&json!({"required": ["a"]}), "{\"b\": 1}", " ");
    assert_refused_after(&json!({"pattern": "a"}), "\"bbb\"", " ");
    assert_refused_after(&json!({"items": {"maximum": 5}}), "[60,", "1]");
    assert_refused_after(&json!({"uniqueItems": true}), "[[1],2,[1]]", "");
}

//! What the random tests have found.

use mainstem_structured::Schema;
use serde_json::json;

use crate::feeding::every_way;

#[test]
fn a_name_that_begins_the_name_before_it() {
    let schema = Schema::from_value(json!({
        "type": "object",
        "properties": {"name": {}, "na": {}},
        "additionalProperties": false,
    }));
    let schema = schema.unwrap();
    for text in [r#"{"na": 1, "name": 2}"#, r#"{"name": 1, "na": 2}"#] {
        let verdict = every_way(&schema, text.as_bytes(), usize::MAX);
        assert!(verdict.is_valid(), "{verdict:?}");
    }
    let twice = every_way(&schema, br#"{"na": 1, "na": 2}"#, usize::MAX);
    assert_eq!(twice.violation.unwrap().offset, 13);
}

/// The verdict of a document: none if it fits.
fn verdict(schema: &serde_json::Value, text: &str) -> Option<mainstem_structured::Violation> {
    let schema = Schema::from_value(schema.clone()).unwrap();
    every_way(&schema, text.as_bytes(), usize::MAX).violation
}

#[cfg(feature = "jsonschema")]
#[test]
fn a_part_of_another_draft_is_read_by_its_own_rules() {
    let schema = json!({
        "$defs": {"old": {
            "$id": "http://x.y/old",
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"q": {"$ref": "#/definitions/r", "type": "string"}, "r": {}},
        }},
        "$ref": "http://x.y/old#/definitions/q",
    });
    assert_eq!(verdict(&schema, "1"), None);
}

#[cfg(feature = "jsonschema")]
#[test]
fn dynamic_references_of_schemas_elsewhere_depend_on_the_way_to_them() {
    let meta =
        |name: &str| json!({"$ref": format!("https://json-schema.org/draft/2020-12/{name}")});
    let schema = json!({"properties": {"a": meta("meta/applicator"), "b": meta("schema")}});
    let text = |key: &str| format!(r#"{{"{key}": {{"properties": {{"x": {{"type": 5}}}}}}}}"#);
    assert!(verdict(&schema, &text("b")).is_some());
    assert_eq!(verdict(&schema, &text("a")), None);
}

#[cfg(feature = "jsonschema")]
#[test]
fn a_schema_may_refer_to_itself_in_place() {
    let schema = json!({"dependentSchemas": {"a": {"$ref": "#"}}, "type": "object"});
    assert_eq!(verdict(&schema, r#"{"a": 1}"#), None);
    assert!(verdict(&schema, "1").is_some());
}

#[test]
fn a_schema_that_takes_all_objects_is_seen_as_such() {
    for schema in [
        json!({"not": {"type": "object"}}),
        json!({"oneOf": [{"type": "object"}, {"type": ["object", "null"]}]}),
        json!({"if": {"type": "object"}, "then": {"type": "null"}}),
    ] {
        assert_eq!(
            verdict(&schema, r#"{"a": 1}"#).unwrap().offset,
            0,
            "{schema}"
        );
    }
    let twice = json!({"type": "object"});
    assert_eq!(verdict(&twice, r#"{"a": 1, "a": 2}"#).unwrap().offset, 11);
}

#[test]
fn no_escape_follows_a_complete_name_of_a_closed_object() {
    let schema = json!({"properties": {"a": {}, "bc": {}}, "additionalProperties": false});
    assert_eq!(verdict(&schema, r#"{"a\u0062": 1}"#).unwrap().offset, 3);
    assert_eq!(verdict(&schema, r#"{"b\u0063": 1}"#), None);
    assert_eq!(verdict(&schema, r#"{"bc\n": 1}"#).unwrap().offset, 4);
}

#[test]
fn lists_that_leave_nothing_in_common_are_seen_at_once() {
    let schema = json!({"enum": ["a", 1], "allOf": [{}], "const": "b"});
    assert_eq!(verdict(&schema, r#""b""#).unwrap().offset, 0);
}

#[test]
fn a_group_within_a_group_keeps_its_words() {
    let one = json!({"anyOf": [{"type": "string", "maxLength": 1}, {"const": "zz"}]});
    let two = json!({"anyOf": [{"const": "one"}, {"const": "two"}]});
    let schema = json!({"anyOf": [{"properties": {"a": one}}, {"properties": {"c": two}}]});
    let violation = verdict(&schema, r#"{"a": "xx", "c": "q"}"#).unwrap();
    assert_eq!(
        violation.expected,
        "`\"zz\"` or at most 1 character or `\"one\"` or `\"two\"`"
    );
    assert_eq!((violation.offset, &*violation.pointer), (18, ""));
}

#[test]
fn a_fault_in_a_key_is_one_of_the_object() {
    for (names, offset) in [(json!({"maxLength": 2}), 10), (json!({"minLength": 5}), 11)] {
        let schema = json!({"properties": {"o": {"propertyNames": names}}});
        let violation = verdict(&schema, r#"{"o": { "abc": 1}}"#).unwrap();
        assert_eq!(
            (&*violation.pointer, violation.offset > 8),
            ("/o", offset > 8)
        );
    }
}

#[test]
fn the_place_in_the_schema_is_that_of_the_keyword_that_says_no() {
    for (schema, text, place) in [
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}),
            "1",
            "/$defs/a/type",
        ),
        (
            json!({"properties": {"b": false}}),
            r#"{"b": 1}"#,
            "/properties/b",
        ),
        (
            json!({"prefixItems": [{}, false]}),
            "[1, 2]",
            "/prefixItems/1",
        ),
        (
            json!({"oneOf": [true, {"type": "string"}]}),
            "\"a\"",
            "/oneOf",
        ),
        (
            json!({"anyOf": [{"type": "null"}, {"const": 1}]}),
            "\"a\"",
            "/anyOf",
        ),
    ] {
        assert_eq!(
            verdict(&schema, text).unwrap().schema_pointer,
            place,
            "{schema}"
        );
    }
}

#[cfg(feature = "jsonschema")]
#[test]
fn a_value_that_is_judged_at_its_end_is_not_too_deep_for_its_judge() {
    use mainstem_structured::Limits;

    let schema = Schema::from_value(json!({"uniqueItems": true})).unwrap();
    let mut judge = schema.judge().limits(Limits::new().depth(1_000_000));
    let violation = judge.feed("[".repeat(100_000).as_bytes()).unwrap_err();
    assert_eq!(
        (violation.offset, &*violation.expected),
        (500, "at most 500 levels of nesting")
    );
}

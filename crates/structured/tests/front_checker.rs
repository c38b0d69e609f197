//! A checker behind the stage that finds the document.
#![allow(clippy::unwrap_used)]

use mainstem_structured::{
    Checker, Front, RepairKind, Repairs, Root, Schema, TextAfter, Violation,
};
use serde_json::json;

fn schema() -> Schema {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "eggs": {"type": "integer"}},
        "required": ["name"],
        "additionalProperties": false,
    });
    Schema::from_value(schema).unwrap()
}

/// Feeds all of the text, whatever the verdict, and ends it.
fn check(mut checker: Checker, text: &str, chunk: usize) -> (Result<String, Violation>, Checker) {
    for piece in text.as_bytes().chunks(chunk) {
        let _ = checker.feed(piece);
    }
    let verdict = checker.finish().map(str::to_owned);
    (verdict, checker)
}

/// The verdict on a text, which must be the same whatever the chunks.
#[track_caller]
fn verdict(schema: &Schema, front: &Front, text: &str) -> Result<String, Violation> {
    let verdict = |chunk| check(schema.checker().front(front.clone()), text, chunk).0;
    let whole = verdict(text.len());
    for chunk in 1..text.len() {
        assert_eq!(verdict(chunk), whole, "in chunks of {chunk}");
    }
    whole
}

#[test]
fn the_schema_says_what_the_document_begins_with() {
    let text = "As [1] says: {\"name\": \"jay\"}";
    let document = "{\"name\": \"jay\"}".to_owned();
    assert_eq!(verdict(&schema(), &Front::new(), text), Ok(document));
    // Any array will do for a schema that says nothing: but it may be a scalar as well.
    let violation = verdict(&Schema::any(), &Front::new(), text).unwrap_err();
    assert_eq!(violation.offset, 0);
    let front = Front::new().root(Root::Container);
    let violation = verdict(&Schema::any(), &front, text).unwrap_err();
    assert_eq!(violation.offset, 7, "behind the footnote");
    for (schema, text, document) in [
        (json!({"type": "array"}), "{\"a\"} [1]", "[1]"),
        (json!({"type": ["array", "object"]}), "Is: [1]", "[1]"),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}),
            "[1] {}",
            "{}",
        ),
        (json!({"type": "integer"}), "```\n12\n```", "12\n\n"),
        (json!({"type": ["object", "null"]}), "null", "null"),
    ] {
        let schema = Schema::from_value(schema).unwrap();
        // Its white space is the parser's.
        let out = verdict(&schema, &Front::new(), text).map(|text| text.trim().to_owned());
        assert_eq!(out.as_deref(), Ok(document.trim()), "{text}");
    }
}

#[cfg(feature = "jsonschema")]
#[test]
fn a_violation_is_where_it_is_in_the_whole_text() {
    let front = Front::new().repairs(Repairs::all());
    // The mark is before the byte that is refused.
    for (text, pointer) in [
        (
            "Here:\n```json\n{\"name\": \"a\nb\", \"eggs\": ^\"c\"}",
            "/eggs",
        ),
        ("\u{feff}{\"name\": \"a\n\t\r\", \"^bees\": 1}", ""),
        ("Häher: {\"name\": ^[1,],}", "/name"),
        ("Look: {\"name\": \"a\"} ^But", ""),
        ("```\n{\"name\": \"a\", \"eggs\": 1,}\n```\n^But", ""),
    ] {
        let at = text.find('^').map(|at| at as u64);
        let violation = verdict(&schema(), &front, &text.replace('^', "")).unwrap_err();
        assert_eq!(Some(violation.offset), at, "{text}: {violation}");
        assert_eq!(violation.pointer, pointer, "{text}: {violation}");
    }
    let cut = "Here: {\"name\": \"a\nb\"";
    let violation = verdict(&schema(), &front, cut).unwrap_err();
    assert_eq!(violation.offset, cut.len() as u64);
}

#[test]
fn a_text_without_a_document_is_refused_at_its_end() {
    let text = "I'd rather not.";
    let violation = verdict(&schema(), &Front::new(), text).unwrap_err();
    assert_eq!(violation.to_string(), "expected a JSON object (byte 15)");
    assert_eq!(
        violation,
        verdict(&schema(), &Front::new(), text).unwrap_err()
    );
}

#[test]
fn repairs_are_told() {
    let front = Front::new().repairs(Repairs::all());
    let text = "So: {\"name\": \"a\nb\",}";
    let (verdict, checker) = check(schema().checker().front(front), text, 3);
    assert_eq!(verdict.unwrap(), "{\"name\": \"a\\nb\"}");
    let repairs = checker.repairs().iter();
    let repairs: Vec<_> = repairs.map(|repair| (repair.kind, repair.offset)).collect();
    let expected = [
        (RepairKind::RawControl, 15),
        (RepairKind::TrailingComma, 18),
    ];
    assert_eq!(repairs, expected);
    assert_eq!(checker.text(), b"{\"name\": \"a\\nb\"}");
    // Without a front nothing is repaired.
    let (verdict, checker) = check(schema().checker(), "{\"name\": \"a\nb\"}", 3);
    assert!(verdict.is_err() && checker.repairs().is_empty());
}

#[test]
fn a_source_is_dropped_when_nothing_more_counts() {
    let mut checker = schema()
        .checker()
        .front(Front::new().text_after(TextAfter::Stop));
    checker.feed(b"Here: {\"name\": \"a\"").unwrap();
    assert!(checker.wants_more());
    checker.feed(b"}").unwrap();
    assert!(!checker.wants_more() && checker.finish().is_ok());
    let mut checker = schema().checker();
    checker.feed(b"{}").unwrap_err();
    assert!(!checker.wants_more());
}

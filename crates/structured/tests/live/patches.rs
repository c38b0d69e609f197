use std::{fmt::Write as _, fs, path::Path};

use mainstem_structured::{Patch, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{cut, in_pieces};

/// What is sent for each piece of a document, as JSON.
fn sent(schema: &Schema, pieces: &[&str]) -> Vec<String> {
    let mut patches = schema.patches();
    let mut lines = Vec::new();
    for piece in pieces {
        let result = patches.feed(piece.as_bytes());
        lines.push(serde_json::to_string(&patches.take()).unwrap());
        if result.is_err() {
            break;
        }
    }
    patches.finish().ok();
    lines.push(serde_json::to_string(&patches.take()).unwrap());
    lines
}

/// The format, by a document of each kind of change, piece by piece.
///
/// Clients are written by it: `UPDATE_GOLDEN=1` rewrites the file.
#[test]
fn the_format_is_the_golden_one() {
    let schema = Schema::from_value(json!({
        "properties": {"kind": {"enum": ["jay", "jackdaw"]}}
    }));
    let documents: &[&[&str]] = &[
        &[r#"{"id": 7, "name": "jay", "tags": ["a", {}]}"#],
        &[r#"{"kind": "jack"#, r#"daw", "#, r#""eggs": 12"#, "9", "}"],
        &[
            r#"{"records": [{"id": 7, "na"#,
            r#"me": "ja"#,
            r#"ys\n"#,
            r#"!"}, {"id"#,
            r#"": 8}, [tru"#,
            "e, null",
            "]]",
            "}",
        ],
        &[
            r#"{"a/b": {"~": ["x"#,
            r#"", ""#,
            r#""], "c": "#,
            r#"""#,
            r#""}}"#,
        ],
        &["12"],
        &[r#"{"name": "ja", "kind": "crow"}"#],
    ];
    let mut text = String::new();
    for pieces in documents {
        for (piece, patches) in pieces.iter().zip(sent(schema.as_ref().unwrap(), pieces)) {
            writeln!(text, "{piece}\n    {patches}").unwrap();
        }
        let last = sent(schema.as_ref().unwrap(), pieces).pop().unwrap();
        writeln!(text, "(end)\n    {last}\n").unwrap();
    }
    let mut patches = Schema::any().patches();
    patches.feed(br#"{"name": "ja"#).unwrap();
    patches.take();
    patches.restart();
    patches.feed(br#"{"name": "magpie"#).unwrap();
    let again = serde_json::to_string(&patches.take()).unwrap();
    writeln!(text, "(another attempt)\n    {again}").unwrap();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/patches.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert!(golden == text, "the patches changed:\n{text}");
}

#[test]
fn patches_are_read_back() {
    for text in [
        r#"{"path":"/a","value":null,"done":true}"#,
        r#"{"path":"/a","append":"x"}"#,
        r#"{"path":"/a","done":true}"#,
        r#"{"path":"","value":null}"#,
    ] {
        let patch: Patch = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&patch).unwrap(), text);
    }
    let reset: Patch = serde_json::from_str(r#"{"path":"","value":null}"#).unwrap();
    assert_eq!(reset, Patch::reset());
}

#[test]
fn a_patch_for_another_document_is_noticed() {
    for (patch, document) in [
        (r#"{"path":"/a/0","value":1}"#, json!({})),
        (r#"{"path":"/1","value":1}"#, json!([])),
        (r#"{"path":"/a","append":"x"}"#, json!({"a": 1})),
        (r#"{"path":"/a","done":true}"#, json!({})),
    ] {
        let patch: Patch = serde_json::from_str(patch).unwrap();
        let error = patch.apply(&mut document.clone()).unwrap_err();
        assert!(error.to_string().contains(&patch.path), "{error}");
    }
}

#[test]
fn nothing_is_taken_back_before_something_was_given() {
    let mut patches = Schema::any().patches();
    patches.feed(b"  12").unwrap();
    assert!(patches.take().is_empty());
    patches.restart();
    assert!(patches.take().is_empty());
}

#[test]
fn what_was_given_is_taken_back_once_however_many_attempts_fail() {
    let mut patches = Schema::any().patches();
    patches.feed(br#"{"a": "x"#).unwrap();
    assert!(!patches.take().is_empty());
    patches.restart();
    patches.restart();
    patches.feed(b"[1, x").unwrap_err();
    patches.restart();
    assert_eq!(patches.take(), [Patch::reset()]);
    patches.restart();
    assert!(patches.take().is_empty(), "nothing is left to take back");
    patches.feed(b"[").unwrap();
    patches.take();
    patches.restart();
    assert_eq!(patches.take(), [Patch::reset()]);
}

#[test]
fn a_patch_that_is_refused_changes_nothing() {
    for (patch, document) in [
        (r#"{"path":"name","value":1}"#, json!({"name": 2})),
        (r#"{"path":"name/a","value":1}"#, json!({"name": {}})),
        (r#"{"path":"/+0","value":1}"#, json!([])),
        (r#"{"path":"/00","value":1}"#, json!([2])),
        (r#"{"path":"/-","value":1}"#, json!([])),
        (r#"{"path":"/a","value":1,"append":"x"}"#, json!({})),
        (r#"{"path":"/0/+0","value":1}"#, json!([[]])),
    ] {
        let patch: Patch = serde_json::from_str(patch).unwrap();
        let mut changed = document.clone();
        assert!(patch.apply(&mut changed).is_err(), "{patch:?}");
        assert_eq!(changed, document);
    }
    let patch: Patch = serde_json::from_str(r#"{"path":"/a","value":"x","append":"y"}"#).unwrap();
    let mut document = json!({});
    patch.apply(&mut document).unwrap();
    assert_eq!(document, json!({"a": "xy"}));
}

/// Whether no patch shows a part of what comes whole.
fn is_part_of(shown: &Value, whole: &Value) -> bool {
    match (shown, whole) {
        (Value::String(shown), Value::String(whole)) => whole.starts_with(shown.as_str()),
        (Value::Array(shown), Value::Array(whole)) => {
            let mut pairs = shown.iter().zip(whole);
            shown.len() <= whole.len() && pairs.all(|(one, other)| is_part_of(one, other))
        }
        (Value::Object(shown), Value::Object(whole)) => shown
            .iter()
            .all(|(key, one)| whole.get(key).is_some_and(|other| is_part_of(one, other))),
        _ => shown == whole,
    }
}

proptest! {
    #[test]
    fn patches_make_the_document((value, text, places) in in_pieces()) {
        let mut patches = Schema::any().patches();
        let mut document = Value::Null;
        let mut has_begun = false;
        let mut last = None;
        for piece in cut(text.as_bytes(), &places) {
            patches.feed(piece).unwrap();
            for patch in patches.take() {
                patch.apply(&mut document).unwrap();
                has_begun = true;
                if patch.done {
                    let whole = value.pointer(&patch.path);
                    prop_assert_eq!(document.pointer(&patch.path), whole);
                }
                last = Some(patch);
            }
            prop_assert!(!has_begun || is_part_of(&document, &value));
        }
        patches.finish().unwrap();
        for patch in patches.take() {
            patch.apply(&mut document).unwrap();
            last = Some(patch);
        }
        prop_assert_eq!(document, value);
        let last = last.unwrap();
        prop_assert!(last.path.is_empty() && last.done);
    }
}

use mainstem_structured::{Document, Limits, Node, NodeKind, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{cut, in_pieces};

fn fed(text: &str) -> Document {
    let mut document = Schema::any().document();
    document.feed(text.as_bytes()).unwrap();
    document
}

#[test]
fn what_is_there_can_be_looked_at() {
    let document = fed(r#"{"a": [1, "x"], "b": {"c/d": tr"#);
    let root = document.root().unwrap();
    assert_eq!(root.kind(), NodeKind::Object);
    assert_eq!(root.len(), 2);
    assert_eq!(root.at("/a/1").unwrap().as_str(), Some("x"));
    assert_eq!(root.at("/a/0").unwrap().read::<u8>(), Some(1));
    assert_eq!(
        root.at("/a").unwrap().read::<(u8, String)>(),
        Some((1, "x".to_owned()))
    );
    assert!(root.at("/b/c~1d").is_none());
    for pointer in ["/a/2", "/a/01", "/a/+1", "/a/-", "a", "/b/", "/a/1/0"] {
        assert!(root.at(pointer).is_none(), "{pointer}");
    }
    assert!(!root.at("/b").unwrap().is_complete());
    assert_eq!(root.to_value(), json!({"a": [1, "x"], "b": {}}));

    let document = fed(r#"{"b": {"c/d": true"#);
    let node = document.at("/b/c~1d").unwrap();
    assert_eq!((node.kind(), node.read()), (NodeKind::Bool, Some(true)));
}

#[test]
fn a_deep_document_is_copied_without_recursion() {
    const DEPTH: usize = 20_000;
    let limits = Limits::new().depth(DEPTH as u32);
    for end in [String::new(), "]".repeat(DEPTH - 1), "]".repeat(DEPTH)] {
        let mut document = Schema::any().document().limits(limits);
        document.feed("[".repeat(DEPTH).as_bytes()).unwrap();
        document.feed(end.as_bytes()).unwrap();
        let mut value = document.root().unwrap().to_value();
        let mut depth = 0;
        // Taken apart from outside: to drop it whole goes as deep as it is.
        while let Value::Array(items) = value {
            depth += 1;
            value = items.into_iter().next().unwrap_or_default();
        }
        assert_eq!(depth, DEPTH);
    }
}

#[test]
fn a_growing_text_is_there_without_its_escapes() {
    let mut document = fed(r#"{"a\tb": "x"#);
    let text = |document: &Document| document.at("/a\tb").unwrap().as_str().unwrap().to_owned();
    let mut seen = vec![text(&document)];
    for piece in [r"\", "n", r"y\ud8", "34", r"\udd1e", "\u{e4}"] {
        document.feed(piece.as_bytes()).unwrap();
        seen.push(text(&document));
    }
    assert_eq!(
        seen,
        [
            "x",
            "x",
            "x\n",
            "x\ny",
            "x\ny",
            "x\ny\u{1d11e}",
            "x\ny\u{1d11e}\u{e4}"
        ]
    );
    let bytes = "\u{20ac}".as_bytes();
    document.feed(&bytes[..2]).unwrap();
    assert_eq!(text(&document), seen[6]);
    document.feed(&bytes[2..]).unwrap();
    assert!(text(&document).ends_with('\u{20ac}'));
}

#[test]
fn what_could_still_change_is_not_there() {
    for text in ["12", "tru", "-", "nul", "1e5"] {
        assert!(fed(text).root().is_none(), "{text}");
    }
    let mut document = fed("12");
    document.finish().unwrap();
    assert_eq!(document.root().unwrap().read::<u8>(), Some(12));

    let schema = Schema::from_value(json!({"enum": ["jay", "jackdaw"]})).unwrap();
    let mut document = schema.document();
    document.feed(br#""jackda"#).unwrap();
    assert!(document.root().is_none());
    document.feed(br#"w""#).unwrap();
    assert_eq!(document.root().unwrap().as_str(), Some("jackdaw"));
}

#[test]
fn a_refused_document_can_be_looked_at() {
    let schema = Schema::from_value(json!({
        "properties": {"a": {"type": "string", "maxLength": 2}, "b": {"type": "integer"}}
    }));
    let schema = schema.unwrap();
    for size in [1, 2, 3, 64] {
        let mut document = schema.document();
        let text = br#"{"a": "x", "b": "y"}"#;
        let refused = text
            .chunks(size)
            .find_map(|piece| document.feed(piece).err());
        let violation = refused.unwrap();
        assert_eq!((violation.offset, violation.pointer.as_str()), (16, "/b"));
        assert_eq!(document.root().unwrap().to_value(), json!({"a": "x"}));

        let mut document = schema.document();
        let text = br#"{"a": "xyz"}"#;
        let refused = text
            .chunks(size)
            .find_map(|piece| document.feed(piece).err());
        assert_eq!(refused.unwrap().offset, 9);
        assert_eq!(document.at("/a").unwrap().as_str(), Some("xy"));
        assert!(document.finish().is_err());
    }
}

#[test]
fn it_begins_again() {
    let mut document = fed(r#"{"a": ["#);
    document.restart();
    assert!(document.root().is_none());
    document.feed(b"[7]").unwrap();
    document.finish().unwrap();
    assert_eq!(document.root().unwrap().to_value(), json!([7]));
    assert_eq!(document.text(), "[7]");
}

#[test]
fn the_depth_is_limited() {
    let mut document = Schema::any().document().limits(Limits::new().depth(2));
    assert_eq!(document.feed(b"[[[").unwrap_err().offset, 2);
    let mut document = Schema::any().document();
    assert!(document.feed(&b"[".repeat(100_000)).is_err());
    let value = document.root().unwrap().to_value();
    assert_eq!(value.to_string().matches('[').count(), 127);
}

/// Whether what was there is there again, or more of it.
fn has_grown(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::String(before), Value::String(now)) => now.starts_with(before.as_str()),
        (Value::Array(before), Value::Array(now)) => {
            let mut pairs = before.iter().zip(now);
            now.len() >= before.len() && pairs.all(|(one, other)| has_grown(one, other))
        }
        (Value::Object(before), Value::Object(now)) => before
            .iter()
            .all(|(key, one)| now.get(key).is_some_and(|other| has_grown(one, other))),
        _ => before == now,
    }
}

/// The complete values, by their place.
fn complete(node: Node<'_>, pointer: &str, found: &mut Vec<(String, String)>) {
    if let Some(source) = node.source() {
        found.push((pointer.to_owned(), source.to_owned()));
    }
    for (index, item) in node.items().enumerate() {
        complete(item, &format!("{pointer}/{index}"), found);
    }
    for (key, member) in node.members() {
        let key = key.replace('~', "~0").replace('/', "~1");
        complete(member, &format!("{pointer}/{key}"), found);
    }
}

proptest! {
    #[test]
    fn a_document_only_grows((value, text, places) in in_pieces()) {
        let mut document = Schema::any().document();
        let mut before: Option<Value> = None;
        let mut finished: Vec<(String, String)> = Vec::new();
        for piece in cut(text.as_bytes(), &places) {
            document.feed(piece).unwrap();
            let Some(root) = document.root() else { continue };
            let now = root.to_value();
            prop_assert!(before.is_none_or(|before| has_grown(&before, &now)));
            for (pointer, source) in &finished {
                prop_assert_eq!(root.at(pointer).unwrap().source(), Some(source.as_str()));
            }
            finished.clear();
            complete(root, "", &mut finished);
            before = Some(now);
        }
        document.finish().unwrap();
        let root = document.root().unwrap();
        prop_assert!(root.is_complete());
        prop_assert_eq!(&root.to_value(), &value);
        prop_assert_eq!(root.read::<Value>(), Some(value));
    }
}

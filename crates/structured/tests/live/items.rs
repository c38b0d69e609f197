use mainstem_structured::{Items, Schema};
use proptest::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{cut, in_pieces};

#[derive(Debug, Deserialize, PartialEq)]
struct Record {
    id: u32,
    name: String,
}

fn all<I: DeserializeOwned>(items: &mut Items<I>) -> Vec<I> {
    std::iter::from_fn(|| items.next_item().map(Result::unwrap)).collect()
}

#[test]
fn an_item_is_there_with_its_last_byte() {
    let text = r#"{"x": [{"id": 1, "name": ""}], "records": [{"id": 7, "name": "ja\u0079"}, {"id": 8, "name": "[}"}], "y": {"records": [{}]}}"#;
    let mut items = Schema::any().items::<Record>("/records");
    let mut given = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        items.feed(&[byte]).unwrap();
        given.extend(all(&mut items).into_iter().map(|item| (at, item)));
    }
    items.finish().unwrap();
    let end = |of: &str| text.find(of).unwrap() + of.len() - 1;
    let record = |id, name: &str| Record {
        id,
        name: name.to_owned(),
    };
    let expected = [
        (end(r#"\u0079"}"#), record(7, "jay")),
        (end(r#""[}"}"#), record(8, "[}")),
    ];
    assert_eq!(given, expected);
}

#[test]
fn arrays_are_named_by_pointers() {
    let text = br#"{"a/b": [[1], [2, 3], 4], "~": [{"c": [5]}, {"c": [6]}, {"d": [7]}, 8], "*": {"c": [9]}, "n": 1}"#;
    for (pointer, expected) in [
        ("/a~1b", json!([[1], [2, 3], 4])),
        ("/a~1b/1", json!([2, 3])),
        ("/a~1b/*", json!([1, 2, 3])),
        ("/~0/*/c", json!([5, 6])),
        ("/*/c", json!([9])),
        ("/n", json!([])),
        ("", json!([])),
        ("/c", json!([])),
    ] {
        let mut items = Schema::any().items::<Value>(pointer);
        items.feed(text).unwrap();
        items.finish().unwrap();
        assert_eq!(Value::from(all(&mut items)), expected, "{pointer}");
    }
    let mut items = Schema::any().items::<u8>("");
    items.feed(b" [1, 2").unwrap();
    assert_eq!((items.waiting(), all(&mut items)), (1, vec![1]));
    items.feed(b" ]").unwrap();
    assert_eq!(all(&mut items), [2]);
}

#[test]
#[should_panic = "begins with `/`"]
fn a_pointer_begins_with_a_slash() {
    let _ = Schema::any().items::<u8>("records");
}

/// The items, and the places of those that are of another type.
fn told(items: &mut Items<u8>) -> Vec<Result<u8, String>> {
    std::iter::from_fn(|| items.next_item())
        .map(|item| item.map_err(|error| error.pointer().to_owned()))
        .collect()
}

#[test]
fn each_item_is_told_once_in_order_however_it_was_cut() {
    let text = br#"[1,"x","y",2"#;
    for size in [1, 2, 5, text.len()] {
        let mut items = Schema::any().items::<u8>("");
        let mut seen = Vec::new();
        for piece in text.chunks(size) {
            items.feed(piece).unwrap();
            seen.extend(told(&mut items));
        }
        assert!(items.finish().is_err(), "it isn't complete");
        items.feed(b"]").unwrap_err();
        let bad = |pointer: &str| Err(pointer.to_owned());
        assert_eq!(seen, [Ok(1), bad("/1"), bad("/2")], "{size}");
    }
    let mut items = Schema::any().items::<u8>("");
    items.feed(text).unwrap();
    items.feed(b"]").unwrap();
    assert_eq!(items.waiting(), 2);
    assert_eq!(told(&mut items).len(), 4);
}

#[test]
fn an_error_shows_no_values() {
    let mut items = Schema::any().items::<u8>("/a");
    items.feed(br#"{"a": [1, "secret", 3"#).unwrap();
    assert_eq!(items.next_item().unwrap().unwrap(), 1);
    let error = items.next_item().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the item at `/a/1` isn't a `u8` (line 1, column 8 of the item)"
    );
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert!(std::error::Error::source(&error).is_none());
    assert!(error.type_error().to_string().contains("secret"));
}

#[test]
fn another_document_begins_clean() {
    let mut items = Schema::any().items::<u8>("");
    items.feed(br#"[1, "x", tru!"#).unwrap_err();
    items.restart();
    assert!(items.next_item().is_none());
    items.feed(b"[2]").unwrap();
    items.finish().unwrap();
    assert_eq!(all(&mut items), [2]);
}

#[test]
fn items_before_a_refusal_are_there() {
    let schema = json!({"properties": {"a/b": {"items": {"type": "integer"}}}});
    let schema = Schema::from_value(schema).unwrap();
    for size in [1, 3, 64] {
        let mut items = schema.items::<u8>("/a~1b");
        let text = br#"{"a/b": [1, 2, "x", 3]}"#;
        let error = text.chunks(size).find_map(|piece| items.feed(piece).err());
        let violation = error.unwrap();
        assert_eq!(violation.pointer, "/a~1b/2");
        assert_eq!(violation.offset, 15);
        assert_eq!(all(&mut items), [1, 2]);
    }
}

#[test]
fn another_document_may_follow() {
    let mut items = Schema::any().items::<u8>("/a");
    items.feed(br#"{"a": [1, 2"#).unwrap();
    items.restart();
    items.feed(br#"{"b": [3], "a": [4]}"#).unwrap();
    items.finish().unwrap();
    assert_eq!(all(&mut items), [4]);
}

proptest! {
    #[test]
    fn items_are_those_of_the_whole((value, text, places) in in_pieces()) {
        let text = format!("{{\"x\": 1, \"list\": [{text}, [{text}], 12.5e1]}}");
        let mut items = Schema::any().items::<Value>("/list");
        let mut given = Vec::new();
        for piece in cut(text.as_bytes(), &places) {
            items.feed(piece).unwrap();
            given.extend(all(&mut items));
        }
        items.finish().unwrap();
        prop_assert_eq!(given, [value.clone(), json!([value]), json!(125.0)]);
    }
}

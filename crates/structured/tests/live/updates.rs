use mainstem_structured::{Change, Schema, Update, Updates, Violation};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{cut, in_pieces};

/// What was told, with the texts of one string put together.
fn told(updates: &mut Updates, pieces: &[&[u8]]) -> (Vec<String>, Result<(), Violation>) {
    let mut log: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut note = |update: Update<'_>| {
        if let Change::Text(more) = update.change {
            assert!(!more.is_empty());
            text.push_str(more);
            return;
        }
        if !text.is_empty() {
            let text = std::mem::take(&mut text);
            log.push(format!("{} + {text:?}", update.path));
        }
        log.push(format!("{} {:?}", update.path, update.change));
    };
    let mut result = Ok(());
    for piece in pieces {
        result = updates.feed(piece, &mut note);
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| updates.finish(&mut note));
    if !text.is_empty() {
        log.push(format!("+ {text:?}"));
    }
    (log, result)
}

#[test]
fn a_document_is_told_step_by_step() {
    let text = br#"{"a/b": ["x\ny", 12, true, ""], "n": null}"#;
    let (log, result) = told(&mut Schema::any().updates(), &[text]);
    assert_eq!(result, Ok(()));
    let expected = [
        " Object",
        "/a~1b Array",
        "/a~1b/0 String",
        r#"/a~1b/0 + "x\ny""#,
        "/a~1b/0 Complete",
        r#"/a~1b/1 Value(Number("12"))"#,
        "/a~1b/2 Value(Bool(true))",
        "/a~1b/3 String",
        "/a~1b/3 Complete",
        "/a~1b Complete",
        "/n Value(Null)",
        " Complete",
    ];
    assert_eq!(log, expected);
}

#[test]
fn fields_and_items_are_told_when_they_are_complete() {
    let mut updates = Schema::any().updates();
    let mut complete = Vec::new();
    let text = br#"{"list": [1, {"x": "y"}]}"#;
    updates
        .feed(text, |update| {
            complete.extend(update.completed_field().map(str::to_owned));
            complete.extend(update.completed_item().map(|index| index.to_string()));
        })
        .unwrap();
    assert_eq!(complete, ["0", "x", "1", "list"]);
}

fn bird() -> Schema {
    Schema::from_value(json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 4},
            "kind": {"enum": ["jay", "jackdaw"]},
            "eggs": {"type": "integer", "maximum": 9},
            "also": {"anyOf": [{"const": "none"}, {"type": "null"}]},
        },
        "required": ["name"],
        "additionalProperties": false,
    }))
    .unwrap()
}

#[test]
fn a_string_of_a_list_is_told_when_it_is_complete() {
    let mut updates = bird().updates();
    let (log, _) = told(&mut updates, &[br#"{"kind": "jackda"#]);
    assert_eq!(log, [" Object"]);
    let mut updates = bird().updates();
    let (log, result) = told(
        &mut updates,
        &[
            br#"{"kind": "jack"#,
            br#"d\u0061w", "name": "x", "also": "none"}"#,
        ],
    );
    assert_eq!(result, Ok(()));
    let expected = [
        " Object",
        r#"/kind Value(String("jackdaw"))"#,
        "/name String",
        r#"/name + "x""#,
        "/name Complete",
        r#"/also Value(String("none"))"#,
        " Complete",
    ];
    assert_eq!(log, expected);
}

/// Documents that are refused: what came before is told, and the fault is the checker's.
#[test]
fn a_refusal_does_not_depend_on_the_cut() {
    let documents: [&[u8]; 12] = [
        br#"{"name": "jays!", "eggs": 3}"#,
        "{\"name\": \"häher\"}".as_bytes(),
        br#"{"name": "a\u0041bcd"}"#,
        br#"{"name": "a", "kind": "jaw"}"#,
        br#"{"name": "a", "eggs": 12, "kind": "jay"}"#,
        br#"{"name": "a", "wings": 2}"#,
        br#"{"name": "a", "name": "b"}"#,
        br#"{"eggs": 2}"#,
        b"{\"name\": \"a\xff\"}",
        b"{\"name\": 1\xc3}",
        b"{\"eggs\": 1\xc3}",
        b"{\"name\": \"a\xc3",
    ];
    for text in documents {
        let (whole, result) = told(&mut bird().updates(), &[text]);
        let mut checker = bird().checker();
        let expected = checker
            .feed(text)
            .and_then(|()| checker.finish().map(|_| ()));
        assert!(expected.is_err());
        assert_eq!(result, expected, "{}", text.escape_ascii());
        for at in 0..=text.len() {
            let (before, after) = text.split_at(at);
            let split = told(&mut bird().updates(), &[before, after]);
            assert_eq!(split, (whole.clone(), expected.clone()), "at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(told(&mut bird().updates(), &bytes), (whole, expected));
    }
}

/// What is told, put together again.
#[derive(Default)]
struct Rebuilt {
    root: Option<Value>,
    open: Vec<Value>,
    keys: Vec<Option<String>>,
}

impl Rebuilt {
    fn take(&mut self, update: Update<'_>) {
        use mainstem_structured::PathSegment;
        let key = match update.path.last() {
            Some(PathSegment::Key(key)) => Some(key.to_owned()),
            _ => None,
        };
        let begun = match update.change {
            Change::Object => json!({}),
            Change::Array => json!([]),
            Change::String => json!(""),
            Change::Value(value) => return self.put(key, value.to_value()),
            Change::Text(more) => {
                if let Some(Value::String(text)) = self.open.last_mut() {
                    text.push_str(more);
                }
                return;
            }
            _ => {
                let value = self.open.pop().unwrap();
                let key = self.keys.pop().unwrap();
                return self.put(key, value);
            }
        };
        self.open.push(begun);
        self.keys.push(key);
    }

    fn put(&mut self, key: Option<String>, value: Value) {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Value::Array(items)) => items.push(value),
            Some(parent) => parent[key.unwrap()] = value,
        }
    }
}

proptest! {
    #[test]
    fn what_is_told_is_the_document((value, text, places) in in_pieces()) {
        let mut updates = Schema::any().updates();
        let mut rebuilt = Rebuilt::default();
        for piece in cut(text.as_bytes(), &places) {
            updates.feed(piece, |update| rebuilt.take(update)).unwrap();
        }
        updates.finish(|update| rebuilt.take(update)).unwrap();
        prop_assert_eq!(rebuilt.root, Some(value));
    }

    #[test]
    fn what_is_told_does_not_depend_on_the_cut((_, text, places) in in_pieces(), garble: u16) {
        let mut text = text.into_bytes();
        let at = usize::from(garble) % (text.len() * 2);
        if let Some(byte) = text.get_mut(at) {
            *byte ^= 1 << (garble >> 13);
        }
        let whole = told(&mut Schema::any().updates(), &[&text]);
        let pieces = cut(&text, &places);
        prop_assert_eq!(told(&mut Schema::any().updates(), &pieces), whole);
    }
}

#[test]
fn another_document_may_follow() {
    let mut updates = Schema::any().updates();
    updates.feed(br#"{"a": [1, "x!" "#, |_| {}).unwrap();
    updates.feed(b"!", |_| {}).unwrap_err();
    updates.restart();
    let mut told = Vec::new();
    updates
        .feed(b"[2]", |update| {
            let line = format!("{} {:?}", update.path, update.change);
            told.push(line);
        })
        .unwrap();
    updates.finish(|_| {}).unwrap();
    assert_eq!(told, [" Array", "/0 Value(Number(\"2\"))", " Complete"]);
}

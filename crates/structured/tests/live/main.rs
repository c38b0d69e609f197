//! Looking at documents while they arrive.

#![allow(clippy::unwrap_used, clippy::panic)]

mod document;
mod items;
mod partial;
mod patches;
mod updates;

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Map, Number, Value};

/// Any JSON, not too large.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let member = (text(), inner.clone());
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::from),
            vec(member, 0..6).prop_map(|members| Map::from_iter(members).into()),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    "[a-c\"\\\\/~0ä€𝄞\n]{0,8}"
}

/// A document of a value: with some of its characters escaped, and spaces between.
pub(crate) fn document(value: &Value, escapes: u32) -> String {
    let plain = serde_json::to_string_pretty(value).unwrap();
    let mut state = escapes | 1;
    let mut quoted = false;
    let mut after_backslash = false;
    let mut text = String::new();
    for char in plain.chars() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let is_delimiter = char == '"' && !after_backslash;
        quoted ^= is_delimiter;
        if quoted && !is_delimiter && !after_backslash && char != '\\' && state >> 30 == 0 {
            for unit in char.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(char);
        }
        after_backslash = char == '\\' && !after_backslash;
    }
    text
}

/// A document in pieces, cut anywhere.
pub(crate) fn cut<'a>(text: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|at| at.index(text.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for at in places {
        pieces.push(&text[from..at]);
        from = at;
    }
    pieces.push(&text[from..]);
    pieces
}

/// A document, and where it is cut.
pub(crate) fn in_pieces() -> impl Strategy<Value = (Value, String, Vec<Index>)> {
    (json(), any::<u32>(), vec(any::<Index>(), 0..24)).prop_map(|(value, escapes, places)| {
        let text = document(&value, escapes);
        // As it is read: without its feature for that, `serde_json` rounds some floats differently.
        let value = serde_json::from_str(&text).unwrap();
        (value, text, places)
    })
}

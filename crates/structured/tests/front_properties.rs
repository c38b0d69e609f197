//! Properties of the stage before the parser: any document, any wrapping, any chunks.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;

use proptest::prelude::*;
use serde_json::Value;

use mainstem_structured::{Front, RepairKind, Repairs, Root, TextAfter};

fn documents() -> impl Strategy<Value = Value> {
    let text = "[ -~\n\t\u{e9}`{}\\[\\]\",]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    tree.prop_filter("a root that prose can be told from", |value| {
        value.is_object() || value.is_array()
    })
}

fn texts() -> impl Strategy<Value = String> {
    (documents(), any::<bool>()).prop_map(|(value, pretty)| {
        let text = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        text.unwrap()
    })
}

fn wrappings() -> impl Strategy<Value = (String, String)> {
    let prose = prop_oneof![
        Just(String::new()),
        Just("Sure, here it is: ".to_owned()),
        "[a-z]([a-z.,:!* ]|\n[a-z]|\\[[a-z ]*[g-m]\\]|\\{[a-z]+\\}){0,12}",
    ];
    let fence = prop_oneof![
        Just(("", "")),
        Just(("\n```json\n", "\n```")),
        Just(("~~~~\n", "~~~~")),
        Just((" ```\r\n", " ```\r\n")),
    ];
    let mark = prop_oneof![Just(""), Just("\u{feff}")];
    (mark, prose, fence)
        .prop_map(|(mark, prose, (open, close))| (format!("{mark}{prose}{open}"), close.to_owned()))
}

/// Feeds pieces of the sizes, again and again.
fn in_pieces(front: &mut Front, text: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        let gave = front.feed(piece, |piece| {
            assert!(!piece.is_empty());
            out.extend_from_slice(piece);
            Ok::<_, Infallible>(())
        });
        gave.unwrap();
        rest = more;
    }
    out
}

/// Writes the faults into a text that the repairs take away.
fn spoil(text: &str) -> String {
    let mut spoilt = String::new();
    let (mut string, mut before) = (false, ' ');
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => string = !string,
            '\\' if string => {
                match chars.next().unwrap() {
                    'n' => spoilt.push('\n'),
                    't' => spoilt.push('\t'),
                    other => spoilt.extend(['\\', other]),
                }
                continue;
            }
            '}' | ']' if !string && !['{', '['].contains(&before) => spoilt.push_str(", "),
            _ => {}
        }
        if !c.is_ascii_whitespace() {
            before = c;
        }
        spoilt.push(c);
    }
    spoilt
}

proptest! {
    #[test]
    fn any_document_comes_out_of_any_wrapping(
        text in texts(),
        (open, close) in wrappings(),
        sizes in prop::collection::vec(1_usize..9, 1..5),
        after in prop_oneof![Just(TextAfter::Reject), Just(TextAfter::Stop)],
    ) {
        let wrapped = format!("{open}{text}{close}");
        for repairs in [Repairs::none(), Repairs::all()] {
            let mut front = Front::new().text_after(after).repairs(repairs);
            let out = in_pieces(&mut front, wrapped.as_bytes(), &sizes);
            let out = String::from_utf8(out).unwrap();
            let (document, rest) = out.split_at(text.len().min(out.len()));
            prop_assert_eq!(document, &text);
            prop_assert!(rest.trim().is_empty());
            prop_assert!(after == TextAfter::Reject || rest.is_empty());
            prop_assert!(front.made_repairs().is_empty());
            for (clean, byte) in out.bytes().enumerate() {
                let offset = front.original_offset(clean as u64) as usize;
                prop_assert_eq!(wrapped.as_bytes()[offset], byte);
            }
        }
    }

    #[test]
    fn what_is_repaired_parses(
        text in texts(),
        (open, close) in wrappings(),
        sizes in prop::collection::vec(1_usize..9, 1..5),
    ) {
        let wrapped = format!("{open}{}{close}", spoil(&text));
        let mut front = Front::new().root(Root::Container).repairs(Repairs::all());
        let out = in_pieces(&mut front, wrapped.as_bytes(), &sizes);
        let value: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        let original = wrapped.as_bytes();
        let mut repaired = 0;
        for (clean, byte) in out.iter().enumerate() {
            let offset = front.original_offset(clean as u64);
            let of_escape = front.made_repairs().iter()
                .any(|repair| repair.kind == RepairKind::RawControl && repair.offset == offset);
            if of_escape {
                prop_assert!(original[offset as usize].is_ascii_control());
                repaired += 1;
            } else {
                prop_assert_eq!(original[offset as usize], *byte);
            }
        }
        let commas = front.made_repairs().iter().filter(|repair| {
            repair.kind == RepairKind::TrailingComma && original[repair.offset as usize] == b','
        });
        prop_assert_eq!(commas.count() + repaired / 2, front.made_repairs().len());
    }

    #[test]
    fn chunks_make_no_difference(
        text in "([a-z \n`~{}\\[\\]\",:0-9]|```|\\{\"|~~~\n|,\\]|true){0,40}",
        sizes in prop::collection::vec(1_usize..9, 1..5),
        root in prop_oneof![Just(Root::Container), Just(Root::Object), Just(Root::Any)],
    ) {
        let mut whole = Front::new().root(root).repairs(Repairs::all());
        let mut pieces = whole.clone();
        let out = in_pieces(&mut whole, text.as_bytes(), &[text.len().max(1)]);
        prop_assert_eq!(&in_pieces(&mut pieces, text.as_bytes(), &sizes), &out);
        prop_assert_eq!(pieces.made_repairs(), whole.made_repairs());
        prop_assert_eq!(pieces.state(), whole.state());
        for clean in 0..=out.len() as u64 {
            prop_assert_eq!(pieces.original_offset(clean), whole.original_offset(clean));
        }
    }
}

//! What is taken away from the text of a model, what is repaired in it, and what is left alone.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;

use mainstem_structured::{Front, FrontState, Repair, RepairKind, Repairs, Root, TextAfter};

/// What comes out, and whether there was a document.
fn clean(front: &mut Front, text: &[u8], chunk: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for piece in text.chunks(chunk) {
        let gave = front.feed(piece, |piece| {
            out.extend_from_slice(piece);
            Ok::<_, Infallible>(())
        });
        gave.unwrap();
    }
    front.finish().is_ok().then_some(out)
}

/// The same at every size of chunk.
#[track_caller]
fn gives(front: &Front, text: &str, expected: Option<&str>) {
    for chunk in 1..=text.len() {
        let out = clean(&mut front.clone(), text.as_bytes(), chunk);
        let out = out.map(|out| String::from_utf8(out).unwrap());
        assert_eq!(out.as_deref(), expected, "{text:?} in chunks of {chunk}");
    }
}

#[test]
fn prose_before_the_document_is_skipped() {
    let front = Front::new();
    for prose in [
        "",
        "\n  ",
        "Sure! Here is the JSON:\n",
        "Sure! Here is the JSON: ",
        "Here [as asked] is {name}, for you:\n\n",
        "- [x] done\n- [a link](https://example.com)\n",
        "The [[wiki]] has {{templates}} and { a } [ or",
        "a `{` and a ~tilde~, `` `x` ``\n",
    ] {
        for document in [
            r#"{"a": [1, {}]}"#,
            "{}",
            r#"["}", "\"]"]"#,
            "[true]",
            "[\n -1 ]",
        ] {
            gives(&front, &format!("{prose}{document}"), Some(document));
        }
    }
}

#[test]
fn a_broken_document_goes_to_the_parser() {
    // At the start of the text, of a line and of a fence, an opening bracket is enough.
    for prose in ["", "Here:\n  ", "```json\n"] {
        let text = format!("{prose}{{name: 'jay'}}");
        gives(&Front::new(), &text, Some("{name: 'jay'}"));
    }
    gives(&Front::new(), "```\n[a, b]", Some("[a, b]"));
    gives(&Front::new(), r#"{"a": 1"#, Some(r#"{"a": 1"#));
}

#[test]
fn a_wrong_guess_is_seen_at_its_offset() {
    let text = "As said in [1], the answer is {\"a\": 1}";
    gives(&Front::new(), text, Some("[1], the answer is {\"a\": 1}"));
    let mut front = Front::new();
    clean(&mut front, text.as_bytes(), 4);
    assert_eq!(front.original_offset(3), 14, "the comma");
    // A schema knows better.
    let front = Front::new().root(Root::Object);
    gives(&front, text, Some("{\"a\": 1}"));
    let front = Front::new().root(Root::Array);
    gives(&front, "{\"of\": \"prose\"}\n[2]", Some("[2]"));
}

#[test]
fn fences_are_taken_away() {
    for (open, close) in [
        ("```json\n", "\n```"),
        ("```\n", "```"),
        ("``` JSON title=\"x\"\r\n\r\n", "\n```\n"),
        ("~~~\n", "\n~~~"),
        ("Here: `````json5\n", "\n`````"),
        ("```json ", "```"),
        (
            "```bash\nls {a,b} [c]\n```\nand then\n```json\n",
            "\n```  \n",
        ),
        ("Not ```code```:\n", ""),
        ("1. First\n\n   ```json\n   ", "\n   ```"),
    ] {
        let document = "{\"a\": \"```\"}";
        let mut expected = format!("{document}{close}");
        expected.retain(|c| !(c == '`' || c == '~'));
        let expected = expected.replacen("\"\"", "\"```\"", 1);
        gives(
            &Front::new(),
            &format!("{open}{document}{close}"),
            Some(&expected),
        );
    }
}

#[test]
fn code_in_another_language_isnt_the_document() {
    let text = "```rust\nfn main()\n{\n    a\n}\n[derive]\n```\n```json\n[1]\n```";
    gives(&Front::new(), text, Some("[1]\n"));
}

#[test]
fn without_fences_backticks_are_text() {
    let front = Front::new().fences(false);
    gives(&front, "```json\n{\"a\": 1}\n```", Some("{\"a\": 1}\n```"));
    gives(&front, "```\n[a]\n[1]", Some("[1]"));
}

#[test]
fn only_the_end_of_the_fence_goes() {
    for text in ["{}\n``\n", "{}\n~~~", "{} ```", "{}\n```\n```"] {
        let rest = text.replacen("\n```", "\n", 1);
        let expected = if text.matches("```").count() == 2 {
            rest
        } else {
            text.to_owned()
        };
        let wrapped = if text == "{} ```" {
            text.to_owned()
        } else {
            format!("```\n{text}")
        };
        gives(&Front::new(), &wrapped, Some(&expected));
    }
    // An end that never came whole isn't text.
    gives(&Front::new(), "```\n{}\n``", Some("{}\n"));
}

#[test]
fn text_after_the_document() {
    for (after, expected, state) in [
        (TextAfter::Reject, "{} So {it} is.", FrontState::After),
        (TextAfter::Ignore, "{}", FrontState::After),
        (TextAfter::Stop, "{}", FrontState::Stop),
    ] {
        let front = Front::new().text_after(after);
        gives(&front, "It: {} So {it} is.", Some(expected));
        let mut front = front;
        clean(&mut front, b"It: {}", 1);
        assert_eq!(front.state(), state, "at the closing bracket");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    for root in [Root::Container, Root::Any] {
        let front = Front::new().root(root);
        gives(&front, "\u{feff}[1]", Some("[1]"));
        gives(&front, "\u{feff}```\n[1]", Some("[1]"));
    }
    let text = b"\xEF\xBB 1";
    for chunk in 1..=4 {
        let out = clean(&mut Front::new().root(Root::Any), text, chunk);
        assert_eq!(
            out.as_deref(),
            Some(&text[..]),
            "the parser is to refuse it"
        );
        assert_eq!(clean(&mut Front::new(), text, chunk), None);
    }
}

#[test]
fn a_scalar_has_no_prose() {
    let front = Front::new().root(Root::Any);
    for broken in ["`` x", "~ x", "]", ",]"] {
        gives(&front, &format!(" \n{broken}"), Some(broken));
    }
    for document in ["1.5e+3", "\"a\\\"}\"", "null", "{\"a\": 1}"] {
        gives(&front, &format!(" \n{document}"), Some(document));
        let fenced = format!("```json\n{document}\n```\n");
        gives(&front, &fenced, Some(&format!("{document}\n\n")));
    }
    gives(&front, "The answer: 42", Some("The answer: 42"));
    let front = front.text_after(TextAfter::Stop);
    gives(&front, "42 is it", Some("42"));
    gives(&front, "\"42\" is it", Some("\"42\""));
}

#[test]
fn a_text_without_a_document_says_so() {
    for (text, front) in [
        ("I can't answer that.", Front::new()),
        ("[1, 2]", Front::new().root(Root::Object)),
        ("```json\n```", Front::new().root(Root::Any)),
    ] {
        gives(&front, text, None);
        let mut front = front;
        clean(&mut front, text.as_bytes(), 3);
        assert_eq!(front.state(), FrontState::Before);
        assert_eq!(front.original_offset(0), text.len() as u64);
    }
    let error = Front::new().root(Root::Object).finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a JSON object, and the text has none"
    );
}

/// The rows of what models get wrong: what the stage makes of them, strict and with repairs.
#[test]
fn bad_input() {
    let rows: &[(&str, &str, &str)] = &[
        // A fence.
        ("```json\n{\"a\": 1}\n```", "{\"a\": 1}\n", "{\"a\": 1}\n"),
        // Text after the value, for the parser to refuse.
        ("{\"a\": 1} Done", "{\"a\": 1} Done", "{\"a\": 1} Done"),
        // Cut; the parser says so.
        ("{\"a\": \"b", "{\"a\": \"b", "{\"a\": \"b"),
        ("{\"a\": \"\\u00", "{\"a\": \"\\u00", "{\"a\": \"\\u00"),
        ("{\"a\": 12", "{\"a\": 12", "{\"a\": 12"),
        ("{\"a\": tr", "{\"a\": tr", "{\"a\": tr"),
        // Wrong, and not repaired.
        ("{\"a\": trux}", "{\"a\": trux}", "{\"a\": trux}"),
        (
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": 1 \"b\": 2}",
        ),
        ("{'a': 1}", "{'a': 1}", "{'a': 1}"),
        (
            "{\"a\": \"\\ud83d\"}",
            "{\"a\": \"\\ud83d\"}",
            "{\"a\": \"\\ud83d\"}",
        ),
        ("[1,,]", "[1,,]", "[1,,]"),
        ("[,]", "[,]", "[,]"),
        ("{\"a\":,}", "{\"a\":,}", "{\"a\":,}"),
        ("[\"\\\n\"]", "[\"\\\n\"]", "[\"\\\n\"]"),
        ("[\"\u{1}\"]", "[\"\u{1}\"]", "[\"\u{1}\"]"),
        // Repaired.
        (
            "[\"a\n\r\n\tb\"]",
            "[\"a\n\r\n\tb\"]",
            "[\"a\\n\\r\\n\\tb\"]",
        ),
        (
            "[1, [2,],\n {\"a\": \"b\",  \n}, ]",
            "[1, [2,],\n {\"a\": \"b\",  \n}, ]",
            "[1, [2],\n {\"a\": \"b\"  \n} ]",
        ),
        // Nothing to repair.
        (
            "[1 , 2\n,\n3, \",]\"]",
            "[1 , 2\n,\n3, \",]\"]",
            "[1 , 2\n,\n3, \",]\"]",
        ),
    ];
    for (text, strict, repaired) in rows {
        gives(&Front::new(), text, Some(strict));
        gives(&Front::new().repairs(Repairs::all()), text, Some(repaired));
    }
    let deep = "[".repeat(100_000);
    assert_eq!(
        clean(&mut Front::new(), deep.as_bytes(), 64).unwrap(),
        deep.as_bytes()
    );
}

#[test]
fn each_repair_is_named_on_its_own_and_recorded() {
    let text = "Here: [\"a\nb\",]";
    let repairs = |repairs| {
        let mut front = Front::new().repairs(repairs);
        let out = clean(&mut front, text.as_bytes(), 2).unwrap();
        let made = front.made_repairs().iter();
        (
            String::from_utf8(out).unwrap(),
            made.map(|&Repair { kind, offset, .. }| (kind, offset))
                .collect::<Vec<_>>(),
        )
    };
    let control = (RepairKind::RawControl, 9);
    let comma = (RepairKind::TrailingComma, 12);
    assert_eq!(repairs(Repairs::none()), ("[\"a\nb\",]".to_owned(), vec![]));
    assert_eq!(
        repairs(Repairs::none().raw_controls(true)),
        ("[\"a\\nb\",]".to_owned(), vec![control])
    );
    assert_eq!(
        repairs(Repairs::none().trailing_commas(true)),
        ("[\"a\nb\"]".to_owned(), vec![comma])
    );
    assert_eq!(
        repairs(Repairs::all()),
        ("[\"a\\nb\"]".to_owned(), vec![control, comma])
    );
    // The rest is left to the parser.
    assert_eq!(
        repairs(Repairs::all().at_most(1)),
        ("[\"a\\nb\",]".to_owned(), vec![control])
    );
}

#[test]
fn a_comma_waits_for_a_kilobyte_at_most() {
    let front = Front::new().repairs(Repairs::all());
    for (spaces, repaired) in [(1_023, true), (1_024, false)] {
        let text = format!("[1,{}]", " ".repeat(spaces));
        let expected = if repaired {
            text.replace(',', "")
        } else {
            text.clone()
        };
        for chunk in [1, 7, 2_000] {
            let out = clean(&mut front.clone(), text.as_bytes(), chunk).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{spaces} spaces");
        }
    }
}

#[test]
fn an_error_of_the_parser_comes_back_at_once() {
    let mut seen = 0;
    let error = Front::new().feed(b"x {\"a\": 1} [", |piece| {
        seen += piece.len();
        if seen > 2 { Err("refused") } else { Ok(()) }
    });
    assert_eq!(error, Err("refused"));
}

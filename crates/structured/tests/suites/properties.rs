//! Any schema, any document, any chunks: the verdict is that of the `jsonschema` crate.

use proptest::{prelude::*, test_runner::TestCaseResult};
use serde_json::Value;

use mainstem_structured::Schema;

use crate::{
    duplicates::has_duplicates,
    feeding::{bytewise, feed, whole},
    oracle::Oracle,
    random_document::{any_value, fitting},
    random_schema::schema,
    spelling::spellings,
    tape::Tape,
};

fn tapes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..9, 1..5)
}

/// A document for the schema, spelled somehow.
fn text(schema: &Value, tape: &[u8]) -> Vec<u8> {
    let mut tape = Tape::new(tape);
    let document = match tape.once_in(8) {
        true => any_value(&mut tape, 3),
        false => fitting(schema, schema, &mut tape, 6),
    };
    let spelling = tape.below(4);
    spellings(&document)[spelling].clone().into_bytes()
}

/// Some bytes are changed, taken out or put in, or the end is cut off.
fn mutate(text: &mut Vec<u8>, tape: &[u8]) {
    let mut tape = Tape::new(tape);
    for _ in 0..=tape.below(3) {
        let at = (usize::from(tape.byte()) * 256 + usize::from(tape.byte())) % (text.len() + 1);
        let inserts = b"\"\\{}[],:01-.eEtrufalsn \n\t\x00\xc3\xa9ab/";
        let new = match tape.once_in(8) {
            true => tape.byte(),
            false => inserts[tape.below(inserts.len())],
        };
        match tape.below(4) {
            0 if at < text.len() => text[at] = new,
            1 if at < text.len() => drop(text.remove(at)),
            2 => text.truncate(at),
            _ => text.insert(at, new),
        }
    }
}

/// In pieces of the sizes, again and again.
fn pieces<'t>(text: &'t [u8], sizes: &[usize]) -> Vec<&'t [u8]> {
    let mut rest = text;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, other) = rest.split_at(rest.len().min(*size));
        pieces.push(piece);
        rest = other;
    }
    pieces
}

fn assert_judged(schema: &Value, text: &[u8], sizes: &[usize]) -> TestCaseResult {
    let made = Schema::from_value(schema.clone());
    let oracle = Oracle::new(schema, false);
    prop_assert_eq!(made.is_ok(), oracle.is_ok(), "{:?}", made);
    let (Ok(made), Ok(oracle)) = (made, oracle) else {
        return Ok(());
    };
    let verdict = whole(&made, text);
    prop_assert_eq!(&bytewise(&made, text), &verdict, "byte by byte");
    prop_assert_eq!(&feed(&made, pieces(text, sizes)), &verdict, "in pieces");
    let expected = serde_json::from_slice(text).is_ok_and(|document| oracle.fits(&document));
    // A key that comes twice is a fault of its own, where a schema looks.
    if !(expected && has_duplicates(text)) {
        prop_assert_eq!(verdict.is_valid(), expected, "{:?}", verdict);
    }
    Ok(())
}

/// Where a mutated text fails, the part before must still have had a way to go on.
fn assert_syntax(text: &[u8]) -> TestCaseResult {
    let verdict = bytewise(&Schema::any(), text);
    let theirs = serde_json::from_slice::<Value>(text);
    prop_assert_eq!(verdict.is_valid(), theirs.is_ok());
    let (Some(ours), Err(theirs)) = (verdict.violation, theirs) else {
        return Ok(());
    };
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(theirs.line() - 1).map(<[u8]>::len).sum();
    let column = theirs.column().saturating_sub(1);
    let offset = usize::try_from(ours.offset).unwrap();
    if theirs.to_string().contains("out of range") {
        // We tell when the number ends.
        return Ok(());
    }
    // Theirs is where a character begins, ours the byte that breaks it.
    let late = if ours.expected == "UTF-8" { 3 } else { 0 };
    let theirs_at = (before + column).max(text.len().min(before + theirs.column()));
    prop_assert!(offset <= theirs_at + late, "{ours}, but {theirs}");
    if let Err(early) = serde_json::from_slice::<Value>(&text[..offset]) {
        prop_assert!(
            early.is_eof() || early.to_string().contains("out of range"),
            "{}",
            early
        );
    }
    Ok(())
}

/// More of them by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(1_000),
        failure_persistence: None,
        ..usual
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn fitting_documents(tape in tapes(), document in tapes(), sizes in sizes()) {
        let schema = schema(&mut Tape::new(&tape));
        let text = text(&schema, &document);
        assert_judged(&schema, &text, &sizes)
            .map_err(|error| explain(error, &schema, &text))?;
    }

    #[test]
    fn mutated_documents(
        tape in tapes(), document in tapes(), changes in tapes(), sizes in sizes(),
    ) {
        let schema = schema(&mut Tape::new(&tape));
        let mut text = text(&schema, &document);
        mutate(&mut text, &changes);
        assert_judged(&schema, &text, &sizes)
            .map_err(|error| explain(error, &schema, &text))?;
    }

    #[test]
    fn syntax_errors(document in tapes(), changes in tapes()) {
        let mut text = text(&Value::Bool(true), &document);
        mutate(&mut text, &changes);
        assert_syntax(&text).map_err(|error| explain(error, &Value::Bool(true), &text))?;
    }
}

/// With what a reader wants to see of a case.
fn explain(error: TestCaseError, schema: &Value, text: &[u8]) -> TestCaseError {
    match error {
        TestCaseError::Fail(reason) => {
            let text = String::from_utf8_lossy(text);
            TestCaseError::fail(format!("{reason}\nschema: {schema}\ntext: {text}"))
        }
        TestCaseError::Reject(_) => error,
    }
}

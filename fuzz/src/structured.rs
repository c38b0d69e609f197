//! Structured output under a fuzzer: any bytes, some schema, any chunks.
//!
//! The first byte chooses the schema, the next two the sizes of chunks; the rest is the document. The
//! verdict must be that of `serde_json` and `jsonschema`, whatever the chunks.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use mainstem_structured::Schema;
use serde_json::Value;

#[path = "../../crates/structured/tests/suites/duplicates.rs"]
mod duplicates;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../crates/structured/tests/suites/feeding.rs"]
mod feeding;
#[path = "../../crates/structured/tests/suites/oracle.rs"]
mod oracle;

use crate::{
    duplicates::has_duplicates,
    feeding::{bytewise, feed, whole},
    oracle::Oracle,
};

/// Each with documents that fit it, which are the first seeds.
const SCHEMAS: &str = include_str!("../schemas.json");

fn schemas() -> &'static [(Schema, Oracle)] {
    static SCHEMAS_READ: OnceLock<Vec<(Schema, Oracle)>> = OnceLock::new();
    SCHEMAS_READ.get_or_init(|| {
        let entries: Vec<Value> = serde_json::from_str(SCHEMAS).unwrap();
        let compile = |entry: &Value| {
            let value = &entry["schema"];
            let options = Schema::options().check_formats(true);
            let schema = options.from_value(value.clone()).unwrap();
            (schema, Oracle::new(value, true).unwrap())
        };
        entries.iter().map(compile).collect()
    })
}

/// Two sizes in turn.
fn chunks(text: &[u8], sizes: [usize; 2]) -> Vec<&[u8]> {
    let mut rest = text;
    let mut chunks = Vec::new();
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, other) = rest.split_at(size.min(rest.len()));
        chunks.push(chunk);
        rest = other;
    }
    chunks
}

fuzz_target!(|input: &[u8]| {
    let [choice, one, other, text @ ..] = input else {
        return;
    };
    let schemas = schemas();
    let (schema, oracle) = &schemas[usize::from(*choice) % schemas.len()];
    let verdict = whole(schema, text);
    assert_eq!(bytewise(schema, text), verdict, "byte by byte");
    let sizes = [1 + usize::from(one % 16), 1 + usize::from(other % 64)];
    assert_eq!(feed(schema, chunks(text, sizes)), verdict, "in {sizes:?}");
    let expected = serde_json::from_slice(text).is_ok_and(|document| oracle.fits(&document));
    // A key that comes twice is a fault of its own, where a schema looks.
    if !(expected && has_duplicates(text)) {
        assert_eq!(verdict.is_valid(), expected, "{verdict:?}");
    }
});

//! The crate, judged from outside: by the public suites, by the `jsonschema` crate, by counting work.
#![cfg(feature = "jsonschema")]
#![allow(clippy::unwrap_used)]

mod duplicates;
mod feeding;
mod found;
mod golden;
mod linear;
mod oracle;
mod prompt;
mod properties;
mod random_document;
mod random_schema;
mod schema_suite;
mod spelling;
mod syntax_suite;
mod tape;

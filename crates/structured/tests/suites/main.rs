//! The crate, judged from outside: by the public suites, by the `jsonschema` crate, by counting work.
#![cfg(feature = "jsonschema")]
#![allow(clippy::unwrap_used)]

mod feeding;
mod golden;
mod oracle;
mod schema_suite;
mod spelling;
mod syntax_suite;

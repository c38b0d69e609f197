//! JSON from a language model, checked against a schema.
//!
//! No async and no IO. A [`Schema`] is made once, from a type or from JSON; a [`Checker`] is fed the
//! bytes of one document as they arrive, and refuses the first byte after which nothing valid can
//! follow; a [`Violation`] says what was expected, and where.
//!
//! ```
//! use mainstem_structured::Schema;
//!
//! #[derive(schemars::JsonSchema)]
//! # #[allow(dead_code)]
//! struct Bird { name: String, eggs: u8 }
//!
//! let schema = Schema::of::<Bird>()?;
//! let mut checker = schema.checker();
//! checker.feed(br#"{"name": "jay", "#)?;
//! checker.feed(br#""eggs": 5}"#)?;
//! assert_eq!(checker.finish()?, r#"{"name": "jay", "eggs": 5}"#);
//!
//! let mut checker = schema.checker();
//! let violation = checker.feed(br#"{"name": ["jay"#).unwrap_err();
//! assert_eq!(violation.to_string(), "expected a string at /name (byte 9)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the verdict is
//!
//! At the document's end that of the `jsonschema` crate on what `serde_json` reads, but for three faults
//! that are refused always: a key that comes twice in an object that a schema speaks about, a number
//! beyond the range of `f64`, and half of a surrogate pair. Before its end a document is refused only if
//! nothing that may follow can make it valid. The verdict, its place and its words don't depend on how
//! the bytes were cut.
//!
//! A [`Judge`] does the same, and keeps no text.
//!
//! # Text that isn't JSON alone
//!
//! The parser is strict. Models that aren't held to JSON by their provider write prose around it,
//! put it in a code fence, and make small faults in it: a [`Front`] before the parser
//! ([`Checker::front`]) finds the document, and repairs what it is told to.
//!
//! # Looking at a document while it arrives
//!
//! A [`Document`] can be looked at, at any time and without a copy: what is there of it only grows;
//! [`Partial`] is the same look at a type. [`Updates`] tells what is new; [`Items`] gives the items of
//! an array, typed, each with its last byte; [`Patches`] is what is new for a client elsewhere. All of
//! them are made by a [`Schema`], and refuse what a [`Checker`] refuses.
//!
//! # Features
//!
//! - `jsonschema` (default): what can't be told byte by byte is judged by the `jsonschema` crate, built
//!   without network access, once the value is complete. Without it a schema that needs it is refused
//!   when it is compiled: one with `pattern`, `uniqueItems`, `multipleOf`, arrays or objects in `enum`,
//!   `unevaluatedItems`, `unevaluatedProperties`, `$id`s below the root or anchors.

mod checker;
mod engine;
mod front;
mod judge;
mod kind;
mod limits;
mod live;
mod machine;
mod number;
mod schema;
mod sink;
mod violation;

pub use checker::Checker;
pub use front::{Front, FrontState, NoDocument, Repair, RepairKind, Repairs, Root, TextAfter};
pub use judge::Judge;
pub use limits::Limits;
pub use live::{
    Change, Document, Field, ItemError, Items, Node, NodeKind, Partial, Patch, PatchError, Patches,
    Path, PathSegment, Scalar, Snapshot, Update, Updates,
};
pub use schema::{Schema, SchemaError, SchemaOptions};
pub use violation::Violation;

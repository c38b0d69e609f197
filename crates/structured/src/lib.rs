//! JSON from a language model, checked against a schema.
//!
//! Three types, no async and no IO: a [`Schema`] is made once, from a type or from JSON; a
//! [`Checker`] is fed the bytes of one document as they arrive; a [`Violation`] says what is wrong
//! and where.
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
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When the verdict comes
//!
//! This version keeps what it is fed and judges the whole document in [`Checker::finish`]. The
//! interface is made for a verdict at the first impossible byte: [`Checker::feed`] already returns
//! a [`Violation`], so that callers need no change when it begins to.
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
//! - `jsonschema` (default): documents are judged by the `jsonschema` crate, built without network
//!   access. Without it a [`Checker`] accepts any well-formed JSON, and [`Schema::judges`] says so.

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
    Change, Document, Field, Items, ItemsError, Node, NodeKind, Partial, Patch, PatchError,
    Patches, Path, PathSegment, Scalar, Snapshot, Update, Updates,
};
pub use schema::{Schema, SchemaError, SchemaOptions};
pub use violation::Violation;

//! Looking at a document while it arrives.

mod document;
mod node;
mod reader;
mod trail;
mod tree;
mod updates;

pub use self::{
    document::Document,
    node::{Node, NodeKind},
    trail::{Path, PathSegment},
    updates::{Change, Scalar, Update, Updates},
};
use crate::Schema;

impl Schema {
    /// What is new in one document, as its bytes arrive.
    pub fn updates(&self) -> Updates {
        Updates::new(self.clone())
    }

    /// One document that can be looked at while its bytes arrive.
    pub fn document(&self) -> Document {
        Document::new(self.clone())
    }
}

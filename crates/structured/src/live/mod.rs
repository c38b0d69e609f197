//! Looking at a document while it arrives.

mod document;
mod items;
mod known;
mod node;
mod partial;
mod patches;
mod reader;
mod trail;
mod tree;
mod updates;

pub use self::{
    document::Document,
    items::{ItemError, Items},
    node::{Node, NodeKind},
    partial::{Field, Partial, Snapshot},
    patches::{Patch, PatchError, Patches},
    trail::{Path, PathSegment},
    updates::{Change, Scalar, Update, Updates},
};
use serde::de::DeserializeOwned;

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

    /// The items of an array in one document, each as soon as it is complete.
    ///
    /// The array is named by a JSON pointer (RFC 6901): `/records`; empty, it is the document itself. A
    /// segment `*` stands for each item of an array: `/groups/*/records`. What isn't an array has no
    /// items.
    ///
    /// # Panics
    ///
    /// If `array` isn't a JSON pointer: neither empty, nor beginning with `/`.
    pub fn items<I: DeserializeOwned>(&self, array: &str) -> Items<I> {
        Items::new(self.clone(), array)
    }

    /// One document as patches for a client, as its bytes arrive.
    pub fn patches(&self) -> Patches {
        Patches::new(self.clone())
    }
}

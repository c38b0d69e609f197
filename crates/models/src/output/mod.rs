//! Typed output: how a model is held to a schema.

mod strict;
mod unwrap;

pub use strict::strict_schema;
pub(crate) use strict::{Strict, wrap};
pub(crate) use unwrap::{Unwrap, Wrong};

//! Typed output: how a model is held to a schema.

mod held;
mod strict;
mod unwrap;

pub(crate) use held::{Format, Held, OutputTool};
pub use strict::strict_schema;
pub(crate) use strict::{Strict, wrap};
pub(crate) use unwrap::{Unwrap, Wrong};

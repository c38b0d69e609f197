//! The kinds of steps that aren't agents or flows.

pub(crate) mod blocking;
pub(crate) mod function;
pub(crate) mod named;
pub(crate) mod parallel;
pub(crate) mod with;

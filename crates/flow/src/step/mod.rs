//! The kinds of steps that aren't agents or flows.

pub(crate) mod ask;
pub(crate) mod blocking;
pub(crate) mod branch;
pub(crate) mod fallback;
pub(crate) mod function;
pub(crate) mod map;
pub(crate) mod named;
pub(crate) mod optional;
pub(crate) mod parallel;
pub(crate) mod race;
pub(crate) mod repeat;
pub(crate) mod retry;
pub(crate) mod time_limit;
pub(crate) mod weighted;
pub(crate) mod when;
pub(crate) mod wrapped;

//! What a flow promises: its steps, its stream, its branches, its memory.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

mod all_kinds;
mod blocking;
mod branch;
mod chain;
mod checks;
mod diagram;
mod failures;
mod journal;
mod map;
mod memory;
mod nesting;
mod optional;
mod parallel;
mod policies;
mod race;
mod random;
mod repeat;
mod resume;
mod resume_changed;
mod resume_edges;
mod route;
mod shared_state;
mod text;
mod usage_limits;
mod when;

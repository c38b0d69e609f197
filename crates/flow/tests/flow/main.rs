//! What a flow promises: its steps, its stream, its branches, its memory.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

mod blocking;
mod chain;
mod diagram;
mod failures;
mod journal;
mod memory;
mod nesting;
mod parallel;
mod shared_state;
mod text;

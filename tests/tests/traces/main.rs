//! What those see who listen to the spans of runs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod content;
mod ends;
mod export;
mod receiver;
mod recorder;
mod tools;
mod tree;

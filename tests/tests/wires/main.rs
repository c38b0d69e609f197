//! What clients see of a run over HTTP, by format: how it ends, and how fast it is read.
//!
//! A table of the book is made here: `UPDATE_GOLDEN=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;
mod client;
mod ends;
mod slow;

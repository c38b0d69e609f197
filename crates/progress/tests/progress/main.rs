//! Trees of progress from the outside.
//!
//! `UPDATE_GOLDEN=1` writes the files of `golden/` anew.
#![allow(clippy::unwrap_used, clippy::panic)]

mod clock;
mod eta;
mod golden;
mod guards;
mod logs;
mod random;
mod recordings;

mod runs;
mod saved;
mod subscriptions;

//! What becomes of an answer when something breaks: every fault, every policy, every view.
//!
//! Two pages of the book are made here: `UPDATE_GOLDEN=1` writes them anew.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cell;
mod drops;
mod fault;
mod page;
mod policy;
mod tools;
mod views;

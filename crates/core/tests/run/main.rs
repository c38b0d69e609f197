//! What a run promises to its reader, its steps and its observers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

mod back_pressure;
mod batches;
mod ends;
mod hanging_store;
mod interleavings;
mod journal;
mod limits;
mod log;
mod log_failures;
mod merge;
mod observers;
mod order;
mod panics;
mod partials;
mod retractions;
mod steps;
mod stop;
mod text_view;
mod turns;

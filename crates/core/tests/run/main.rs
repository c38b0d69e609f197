//! What a run promises to its reader, its steps and its observers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

mod back_pressure;
mod batches;
mod ends;
mod hanging_store;
mod interleavings;
mod item_stream;
mod journal;
mod limits;
mod log;
mod log_failures;
mod merge;
mod observers;
mod order;
mod panics;
mod partial_view;
mod partials;
mod patch_stream;
mod retractions;
mod steps;
mod stop;
mod text_view;
mod turns;
mod usage_limits;

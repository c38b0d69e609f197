//! What the user of an agent sees: runs, conversations, stops.
#![allow(clippy::unwrap_used, clippy::panic)]

mod attempts;
mod backpressure;
mod both_ways;
mod callbacks;
mod drops;
mod inputs;
mod memory;
mod partials;
mod scenarios;
mod sharing;
mod stops;
mod streaming;
mod tool_cuts;
mod usage;
mod whole_answers;

//! What a model behind chat completions makes of what servers send, and what it sends them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod connections;
mod cut_everywhere;
mod defects;
mod ends;
mod faults;
mod hints;
mod keys;
mod messages;
mod modes;
mod output_tool;
mod provider_data;
mod secrets;
mod settings;
mod splits;
mod statuses;
mod strict;
mod tool_calls;

//! Tools of real MCP servers, over standard input and output and over HTTP, and of ones that misbehave.
#![allow(clippy::unwrap_used, clippy::panic)]

mod again;
mod agents;
mod drops;
mod everything;
mod http;
mod newest;
mod odd;
mod offers;
mod processes;
mod quiet;
mod support;
mod time;

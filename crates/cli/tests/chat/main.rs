//! Runs the program against a scripted server, over real pipes, terminals and sockets.

#![allow(clippy::unwrap_used, clippy::panic)]

mod demo;
mod events;
mod exits;
mod harness;
#[cfg(unix)]
mod interrupt;
mod output;
mod prompts;
mod schema;
#[cfg(unix)]
mod terminal;

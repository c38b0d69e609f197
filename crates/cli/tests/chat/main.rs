//! Runs the program against a scripted server, over real pipes, terminals and sockets.

#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(unix)]
mod commands;
#[cfg(unix)]
mod conversation;
mod demo;
mod diagram;
mod events;
mod exits;
mod harness;
#[cfg(unix)]
mod interrupt;
mod output;
mod prompts;
#[cfg(unix)]
mod pty;
mod runs;
mod schema;
#[cfg(unix)]
mod terminal;

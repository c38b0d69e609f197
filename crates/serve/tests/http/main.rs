//! The server over real sockets: its routes, what it refuses, its WebSocket.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[cfg(target_os = "linux")] // elsewhere 127.0.0.2 is no address of this machine
mod addresses;
mod bodies;
mod conformance;
mod connections;
mod credentials;
mod disconnect;
mod embedded;
mod garbage;
mod hostile;
mod odd;
mod page;
mod reading;
mod routes;
mod support;
mod ws;
mod ws_frames;

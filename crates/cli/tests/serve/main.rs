//! `mainstem serve`, as a process; with real clients, where they are installed.
//!
//! `cargo xtask test --only clients` installs them, and runs the tests in `clients`, which are left out
//! otherwise.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bundled;
mod clients;
mod doors;
mod log;
mod program;
mod proxy;
mod restart;
#[cfg(unix)]
mod shutdown;
mod start;

//! Runs that go on without their reader: what their models and other processes see of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod disconnect;
mod killed;
#[cfg(unix)]
mod shared;

//! Stores: each runs the suites of `mainstem-testkit`, and proves what it alone promises.
#![allow(clippy::unwrap_used, clippy::panic)]

mod memory;
mod sqlite;

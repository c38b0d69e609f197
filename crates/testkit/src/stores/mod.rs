//! What every store of Mainstem must do, as tests that any store can run.
//!
//! Implement [`Home`] for what opens your store, and let [`store_suite!`](crate::store_suite) and
//! [`conversations_suite!`](crate::conversations_suite) make the tests, each in a module of its own:
//!
//! ```
//! use mainstem_core::MemoryStore;
//! use mainstem_testkit::stores::Home;
//!
//! struct InMemory(MemoryStore);
//!
//! impl Home for InMemory {
//!     type Store = MemoryStore;
//!
//!     async fn open(&self) -> MemoryStore {
//!         self.0.clone()
//!     }
//! }
//!
//! mod in_memory {
//!     use super::*;
//!
//!     mainstem_testkit::store_suite!(InMemory(MemoryStore::new()));
//! }
//! ```
//!
//! The crate that runs a suite needs `tokio` with the features `macros` and `rt`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests: a panic is how they fail"
)]

#[doc(hidden)]
pub mod conversations;
mod logs;
#[doc(hidden)]
pub mod readers;
#[doc(hidden)]
pub mod runs;
mod suites;
#[doc(hidden)]
pub mod together;
#[doc(hidden)]
pub mod workers;
#[doc(hidden)]
pub mod writers;

use std::future::Future;

/// Where a test has its logs, or its conversations: empty when it is made, and its own.
pub trait Home: Send + Sync {
    /// What is opened there.
    type Store;

    /// Opens it, and gives another handle on the same logs each time.
    ///
    /// Let it be as foreign as your store allows: a connection of its own, say, so that nothing
    /// but the place connects it with the others.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;
}

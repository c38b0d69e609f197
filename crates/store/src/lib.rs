//! Stores for Mainstem: the logs of runs, and conversations, that outlive their process.
//!
//! [`SqliteStore`] keeps them in one file of SQLite. It is both a
//! [`Store`](mainstem_core::Store) and a home of [`Conversations`](mainstem_core::Conversations):
//!
//! ```
//! # futures::executor::block_on(async {
//! use mainstem_core::{NewRun, RunQuery, Store};
//! use mainstem_store::SqliteStore;
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let file = directory.path().join("runs.db");
//! # #[cfg(any())]
//! let file = "runs.db";
//! let store = SqliteStore::open(file).await?;
//! store.create(NewRun::new("r1", "guide")).await?;
//! assert_eq!(store.list(RunQuery::new(9).open()).await?.len(), 1);
//! # Ok::<(), mainstem_core::Error>(())
//! # }).unwrap();
//! ```

mod sqlite;

pub use sqlite::SqliteStore;

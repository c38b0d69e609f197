//! Runs that go on without their reader, and are read again from any place.
//!
//! [`Sessions`] holds the runs under way in this process, each in a task of its own, and knows the
//! store that has the logs of all. A [`Session`] is one run, under way or past; a [`Reader`] gives its
//! events.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> mainstem_core::Result<()> {
//! use futures::StreamExt;
//! use mainstem_core::Json;
//! use mainstem_serve::{ReadFrom, Served, Sessions, StartOptions};
//! # use futures::{FutureExt, future::BoxFuture};
//! # use mainstem_core::{Result, RunContext, Step};
//! # struct Shout;
//! # impl Step<String> for Shout {
//! #     type Output = String;
//! #     fn name(&self) -> &str { "shout" }
//! #     fn kind(&self) -> &'static str { "function" }
//! #     fn call(&self, _ctx: RunContext, text: String) -> BoxFuture<'static, Result<String>> {
//! #         async move { Ok(text.to_uppercase()) }.boxed()
//! #     }
//! # }
//! # let shout = Shout;
//! let sessions = Sessions::builder().served(Served::new(shout)).build()?;
//!
//! let options = StartOptions::new().detached();
//! let session = sessions.start("shout", Json::new("jay")?, options).await?;
//! let id = session.id().clone();
//! drop(session);
//!
//! // Any time later: all of its events, and the end.
//! let mut reader = sessions.open(&id).await?.read(ReadFrom::Start).await?;
//! let mut last = None;
//! while let Some(event) = reader.next().await {
//!     last = Some(event?);
//! }
//! assert_eq!(last.unwrap().kind.name(), "run_finished");
//! # Ok(())
//! # }
//! ```

mod builder;
mod drive;
mod handle;
mod hub;
mod join;
mod kept;
mod left;
mod live;
mod options;
mod presence;
mod reader;
mod refusals;
mod ring;
mod shutdown;
mod source;
mod stats;
mod take_up;
mod worker;

pub use builder::SessionsBuilder;
pub use handle::Session;
pub use hub::Sessions;
pub use options::{ReadFrom, SessionLimits, SlowReader, StartOptions};
pub use reader::Reader;
pub use refusals::code;
pub use stats::SessionStats;
pub use take_up::TakenUp;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also after a panic: what ours guard is never left half-changed.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

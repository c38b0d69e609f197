//! How far something has come: a tree of progress, fed by the events of a run or by hand.
//!
//! A [`ProgressTree`] has a node for the run, one for each step, and one for whatever else is counted
//! inside. Each has a [state](ProgressState), and a fraction that is done; where nobody can know it,
//! the fraction is unknown, which is a value and not a guess.
//!
//! ```
//! use mainstem_progress::{ProgressKind, ProgressState, ProgressTree};
//!
//! let tree = ProgressTree::new("import");
//! let load = tree.root().child("load").weight(3.0).total(100).start()?;
//! let check = tree.root().child("check").kind(ProgressKind::Subtask).add()?;
//!
//! load.update(50)?;
//! assert_eq!(tree.snapshot().root().fraction, Some(0.375)); // half of 3 out of 4
//! load.complete()?;
//! check.skip("nothing to check")?;
//! tree.root().complete()?;
//! assert_eq!(tree.snapshot().root().state, ProgressState::Completed);
//! # Ok::<(), mainstem_core::Error>(())
//! ```
//!
//! - [`ProgressTree::feed`] folds the events of a run, live or from its log: the same events give the
//!   same tree. [`ProgressTree::follow`] goes along with a run, and notices when it is dropped.
//! - [`ProgressTree::snapshot`] is the whole tree as a value that can be JSON.
//! - [`ProgressTree::subscribe`] is a stream: a snapshot, then every change.
//! - [`ProgressTree::save`] and [`ProgressTree::restore`] carry a tree to another process.
//! - [`ProgressGuard`] completes, fails or cancels a node with the work that owns it.
//!
//! # Features
//!
//! - `bars`: `ProgressBars`, bars on a terminal by `indicatif`.

mod arena;
#[cfg(feature = "bars")]
mod bars;
mod fold;
mod follow;
mod guard;
mod node;
mod ops;
mod pace;
mod parts;
mod plan;
mod room;
mod saved;
mod settle;
mod snapshot;
mod state;
mod subscription;
mod task;
mod tree;

#[cfg(feature = "bars")]
pub use bars::ProgressBars;
pub use guard::ProgressGuard;
/// indicatif, whose screen [`ProgressBars`] draw on.
#[cfg(feature = "bars")]
pub use indicatif;
pub use node::{ProgressId, ProgressKind, ProgressNode};
pub use snapshot::{ProgressDelta, ProgressSnapshot, ProgressUpdate, SavedProgress};
pub use state::{ProgressChange, ProgressState};
pub use subscription::ProgressSubscription;
pub use task::{NewTask, ProgressTask};
pub use tree::ProgressTree;

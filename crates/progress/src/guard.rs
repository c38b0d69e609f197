//! A node that ends with the work that owns it.

use std::{fmt::Display, ops::Deref};

use mainstem_core::Result;

use crate::{ProgressChange, ProgressTask};

/// A node that ends with the work that owns it, however that ends.
///
/// The work holds the guard, and [completes](Self::complete) or [fails](Self::fail) it. If it is dropped
/// before, the node is cancelled: the work returned early, or its future was dropped. If it is dropped by
/// a panic, the node has failed. A node that has ended otherwise stays as it is.
///
/// ```
/// use mainstem_progress::{ProgressState, ProgressTree};
///
/// let tree = ProgressTree::new("import");
/// fn load(task: mainstem_progress::NewTask, rows: &[&str]) -> Result<(), mainstem_core::Error> {
///     let guard = task.total(rows.len() as u64).guard()?;
///     for row in rows {
///         if row.is_empty() {
///             return Ok(()); // cancelled
///         }
///         guard.increment(1)?;
///     }
///     guard.complete()
/// }
/// load(tree.root().child("one"), &["a", "b"])?;
/// load(tree.root().child("two"), &["a", ""])?;
/// let states: Vec<_> = tree.snapshot().nodes.iter().map(|node| node.state).collect();
/// let expected = [ProgressState::Running, ProgressState::Completed, ProgressState::Cancelled];
/// assert_eq!(states, expected);
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a guard that is dropped at once cancels its node"]
pub struct ProgressGuard {
    task: ProgressTask,
    /// Whether somebody was panicking already: then that it is dropped meanwhile says nothing.
    was_panicking: bool,
    has_ended: bool,
}

impl ProgressGuard {
    pub(crate) fn new(task: ProgressTask) -> Self {
        Self {
            task,
            was_panicking: std::thread::panicking(),
            has_ended: false,
        }
    }

    /// Says that the work is done.
    ///
    /// # Errors
    ///
    /// If the node isn't running: somebody else has paused or ended it. It stays so.
    pub fn complete(mut self) -> Result<()> {
        self.has_ended = true;
        self.task.complete()
    }

    /// Says that the work failed, and why.
    ///
    /// # Errors
    ///
    /// If the node isn't running or paused: somebody else has ended it. It stays so.
    pub fn fail(mut self, reason: impl Into<mainstem_core::Text>) -> Result<()> {
        self.has_ended = true;
        self.task.fail(reason)
    }

    /// Does some work, and ends with it: what it gives completes the node, and an error fails it, with its
    /// words as the reason. If the future is dropped, the node is cancelled; if it panics, it has failed.
    ///
    /// ```
    /// use mainstem_progress::{ProgressState, ProgressTree};
    ///
    /// # futures::executor::block_on(async {
    /// let tree = ProgressTree::new("import");
    /// let load = tree.root().child("load").total(2).guard()?;
    /// let rows: Result<u64, std::io::Error> = load
    ///     .run(async |load| {
    ///         load.increment(1).map_err(std::io::Error::other)?;
    ///         Ok(1)
    ///     })
    ///     .await;
    /// assert_eq!(rows.unwrap(), 1);
    /// assert_eq!(tree.snapshot().nodes[1].state, ProgressState::Completed);
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the work.
    pub async fn run<T, E>(
        self,
        work: impl AsyncFnOnce(ProgressTask) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E>
    where
        E: Display,
    {
        let done = work(self.task.clone()).await;
        // That somebody has ended the node meanwhile is no failure of the work.
        let _ended = match &done {
            Ok(_) => self.complete(),
            Err(error) => self.fail(error.to_string()),
        };
        done
    }
}

impl Deref for ProgressGuard {
    type Target = ProgressTask;

    fn deref(&self) -> &ProgressTask {
        &self.task
    }
}

impl Drop for ProgressGuard {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // It may have been ended by somebody else, and then it stays so.
        let _ended = if std::thread::panicking() && !self.was_panicking {
            self.task.fail("it panicked")
        } else {
            self.task.end(ProgressChange::Cancel, None)
        };
    }
}

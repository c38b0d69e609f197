//! Work that goes on at the same time, in one task.

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use mainstem_core::{Error, InputRequest, Result};

/// Work that goes on at the same time, at most so much at once.
///
/// What has begun is polled in one task, by turns where several can go on. Dropped, all of it is.
pub(crate) struct Concurrent<I, T> {
    waiting: I,
    running: FuturesUnordered<BoxFuture<'static, T>>,
    at_most: usize,
}

impl<I, T> Concurrent<I, T>
where
    I: Iterator<Item = BoxFuture<'static, T>>,
{
    /// A bound of 0 is refused before a run; here it counts as 1.
    pub(crate) fn new(work: impl IntoIterator<IntoIter = I>, at_most: usize) -> Self {
        Self {
            waiting: work.into_iter(),
            running: FuturesUnordered::new(),
            at_most: at_most.max(1),
        }
    }

    /// Adds what is to go on beside the rest; it counts as work that has begun.
    pub(crate) fn push(&mut self, more: BoxFuture<'static, T>) {
        self.running.push(more);
    }

    /// What the next to end gives; none, if all have ended. Begins work for which there is room.
    pub(crate) async fn next(&mut self) -> Option<T> {
        let room = self.at_most.saturating_sub(self.running.len());
        self.running.extend(self.waiting.by_ref().take(room));
        if self.running.len() > 1 {
            return self.running.next().await;
        }
        // `FuturesUnordered` wakes itself whenever all that it holds is pending, which for a single
        // one is after each of its pieces.
        let alone = std::mem::take(&mut self.running).into_iter().next()?;
        Some(alone.await)
    }
}

/// What those ask that were suspended, while the others go on.
#[derive(Default)]
pub(crate) struct Suspended(Vec<InputRequest>);

impl Suspended {
    /// What one of them gives; none, if it is suspended. Its failure ends all.
    pub(crate) fn note<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(output) => Ok(Some(output)),
            Err(error) => match error.suspension() {
                Some(suspension) => {
                    self.0.extend(suspension.requests.iter().cloned());
                    Ok(None)
                }
                None => Err(error),
            },
        }
    }

    /// Once all have ended: that some were suspended suspends the whole, with all that they ask.
    pub(crate) fn end(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::suspend(self.0))
    }
}

/// What all of them give, in their order.
///
/// The first failure stops the rest. If some are suspended, the others go on to their end first.
pub(crate) async fn all<T>(
    work: impl Iterator<Item = BoxFuture<'static, (usize, Result<T>)>>,
    at_most: usize,
) -> Result<Vec<T>> {
    let mut work = Concurrent::new(work, at_most);
    let mut suspended = Suspended::default();
    let mut outputs = Vec::new();
    while let Some((index, result)) = work.next().await {
        if outputs.len() <= index {
            outputs.resize_with(index + 1, || None);
        }
        outputs[index] = suspended.note(result)?;
    }
    suspended.end()?;
    Ok(outputs.into_iter().flatten().collect())
}

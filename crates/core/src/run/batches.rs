use std::{
    fmt,
    pin::Pin,
    task::{Context as Task, Poll},
    time::Duration,
};

use futures::Stream;
use tokio::time::Sleep;

use super::{RunFuture, RunStream};
use crate::{Error, Result, Text};

/// The text of a run in batches; made by [`RunStream::chunks_batched`].
///
/// No batch is empty. A failure is the last item, after the batch before it. Awaited, it gives the
/// run's result.
#[must_use = "a run does nothing unless it is polled"]
pub struct ChunkBatches<T> {
    run: RunStream<T>,
    size: usize,
    max_delay: Duration,
    batch: Vec<Text>,
    alarm: Option<Pin<Box<Sleep>>>,
    end: Option<Option<Error>>,
}

impl<T> ChunkBatches<T> {
    pub(super) fn new(run: RunStream<T>, size: usize, max_delay: Duration) -> Self {
        assert!(size > 0, "a batch has at least one chunk");
        Self {
            run,
            size,
            max_delay,
            batch: Vec::new(),
            alarm: None,
            end: None,
        }
    }

    /// The next batch; none, once the run has finished.
    ///
    /// # Errors
    ///
    /// Those of [`RunStream::next_text`], after the batch before them.
    pub async fn next_batch(&mut self) -> Result<Option<Vec<Text>>> {
        let next = std::future::poll_fn(|task| Pin::new(&mut *self).poll_next(task));
        next.await.transpose()
    }

    fn give(&mut self) -> Poll<Option<Result<Vec<Text>>>> {
        self.alarm = None;
        Poll::Ready(Some(Ok(std::mem::take(&mut self.batch))))
    }

    fn poll_alarm(&mut self, task: &mut Task<'_>) -> Poll<()> {
        if self.batch.is_empty() {
            return Poll::Pending;
        }
        let delay = self.max_delay;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(delay)));
        alarm.as_mut().poll(task)
    }
}

impl<T> Stream for ChunkBatches<T> {
    type Item = Result<Vec<Text>>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.end.is_none() {
            match this.run.poll_text(task) {
                Poll::Ready(Ok(Some(text))) => {
                    this.batch.push(text);
                    // Asked for with the first piece, so that the delay counts from it.
                    let due = this.poll_alarm(task).is_ready();
                    if this.batch.len() == this.size || due {
                        return this.give();
                    }
                }
                Poll::Ready(Ok(None)) => this.end = Some(None),
                Poll::Ready(Err(error)) => this.end = Some(Some(error)),
                Poll::Pending if this.poll_alarm(task).is_ready() => return this.give(),
                Poll::Pending => return Poll::Pending,
            }
        }
        if !this.batch.is_empty() {
            return this.give();
        }
        Poll::Ready(this.end.as_mut().and_then(Option::take).map(Err))
    }
}

impl<T> IntoFuture for ChunkBatches<T> {
    type Output = <RunFuture<T> as Future>::Output;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        self.run.into_future()
    }
}

impl<T> fmt::Debug for ChunkBatches<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkBatches")
            .field("run", &self.run)
            .field("size", &self.size)
            .field("max_delay", &self.max_delay)
            .finish_non_exhaustive()
    }
}

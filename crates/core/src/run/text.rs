use std::{
    fmt,
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use futures::Stream;

use super::{RunFuture, RunStream};
use crate::{Result, Text};

/// The text of a run, piece by piece; made by [`RunStream::text`].
///
/// A failure is the last item. Awaited, it gives the run's result.
#[must_use = "a run does nothing unless it is polled"]
pub struct TextStream<T> {
    run: RunStream<T>,
    failed: bool,
}

impl<T> TextStream<T> {
    pub(super) fn new(run: RunStream<T>) -> Self {
        Self { run, failed: false }
    }
}

impl<T> Stream for TextStream<T> {
    type Item = Result<Text>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let item = ready!(self.run.poll_text(task)).transpose();
        self.failed = matches!(item, Some(Err(_)));
        Poll::Ready(item)
    }
}

impl<T> IntoFuture for TextStream<T> {
    type Output = <RunFuture<T> as Future>::Output;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        self.run.into_future()
    }
}

impl<T> fmt::Debug for TextStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TextStream").field(&self.run).finish()
    }
}

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use futures::Stream;
use mainstem_structured::{Patch, Patches};
use schemars::JsonSchema;

use super::{RunFuture, RunStream, growing::Followable};
use crate::{Result, Text};

/// The output of a run while it grows, as [`Patch`]es for a client; made by [`RunStream::patches`].
///
/// Awaited, it gives the run's result. Which document it is and what a retraction does is as for a
/// [`PartialView`](super::PartialView): a [`Patch::reset`] comes where everything is absent again. As a
/// stream, a failure is the last item.
#[must_use = "a run does nothing unless it is polled"]
pub struct PatchStream<T, P = T> {
    run: RunStream<T>,
    shown: Followable<Patches>,
    failed: bool,
    of: PhantomData<fn() -> P>,
}

impl<T, P> PatchStream<T, P> {
    pub(super) fn new(run: RunStream<T>) -> Self {
        Self {
            run,
            shown: Followable::new(),
            failed: false,
            of: PhantomData,
        }
    }

    /// Shows the JSON of one step alone, by its name, and of the steps inside of it.
    ///
    /// `Q` is the type of that step's output: JSON that doesn't fit its schema is an error.
    pub fn of_step<Q>(self, name: impl Into<Text>) -> PatchStream<T, Q> {
        PatchStream {
            run: self.run,
            shown: Followable::only(name),
            failed: false,
            of: PhantomData,
        }
    }
}

impl<T, P: JsonSchema> PatchStream<T, P> {
    /// The patches for the next piece of the output, at least one; none, once the run has finished.
    ///
    /// # Errors
    ///
    /// As for [`PartialView::next`](super::PartialView::next).
    pub async fn next_patches(&mut self) -> Result<Option<Vec<Patch>>> {
        poll_fn(|task| self.poll_patches(task)).await
    }

    fn poll_patches(&mut self, task: &mut Task<'_>) -> Poll<Result<Option<Vec<Patch>>>> {
        while let Some(event) = ready!(self.run.poll_event(task))? {
            if !self.shown.follows_tools() && self.run.is_aside(&event) {
                continue;
            }
            if self.shown.take::<P>(&event)? {
                let patches = self.shown.document_mut().map(Patches::take);
                if let Some(patches) = patches.filter(|patches| !patches.is_empty()) {
                    return Poll::Ready(Ok(Some(patches)));
                }
            }
        }
        Poll::Ready(Ok(None))
    }
}

impl<T, P: JsonSchema> Stream for PatchStream<T, P> {
    type Item = Result<Vec<Patch>>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let item = ready!(self.poll_patches(task)).transpose();
        self.failed = matches!(item, Some(Err(_)));
        Poll::Ready(item)
    }
}

impl<T, P> IntoFuture for PatchStream<T, P> {
    type Output = <RunFuture<T> as Future>::Output;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        self.run.into_future()
    }
}

impl<T, P> fmt::Debug for PatchStream<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PatchStream").field(&self.run).finish()
    }
}

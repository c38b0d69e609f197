use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use futures::Stream;
use mainstem_structured::{Items, Schema};
use serde::de::DeserializeOwned;

use super::{
    RunFuture, RunStream,
    followed::{Followed, Said},
};
use crate::{Error, ErrorKind, Event, Result, Text};

/// The items of an array in the output of a run, each as soon as it is complete; made by
/// [`RunStream::items`].
///
/// Each is given once, while the rest still streams. Awaited, it gives the run's result. It reads the
/// JSON document that began last, or that of one step: [`of_step`](Self::of_step). As a stream, a
/// failure is the last item.
#[must_use = "a run does nothing unless it is polled"]
pub struct ItemStream<T, I> {
    run: RunStream<T>,
    followed: Followed,
    items: Items<I>,
    /// Comes after the items before it.
    error: Option<Error>,
    failed: bool,
}

impl<T, I: DeserializeOwned> ItemStream<T, I> {
    pub(super) fn new(run: RunStream<T>, array: &str) -> Self {
        Self {
            run,
            followed: Followed::default(),
            items: Schema::any().items(array),
            error: None,
            failed: false,
        }
    }

    /// Reads the JSON of one step alone, by its name, and of the steps inside of it.
    pub fn of_step(self, name: impl Into<Text>) -> Self {
        Self {
            followed: Followed::only(name),
            ..self
        }
    }

    /// The next item; none, once the run has finished.
    ///
    /// # Errors
    ///
    /// The run's failure, after all that came before it, as of [`RunStream::next_text`]: of kind
    /// [`ErrorKind::Retracted`], if an item that was given is void. Of kind [`ErrorKind::Output`], if an
    /// item isn't an `I`; those after it can still be read.
    pub async fn next_item(&mut self) -> Result<Option<I>> {
        poll_fn(|task| self.poll_item(task)).await
    }

    fn poll_item(&mut self, task: &mut Task<'_>) -> Poll<Result<Option<I>>> {
        loop {
            if let Some(item) = self.items.next_item() {
                let item = item.map(Some).map_err(|error| {
                    let message = "an item of the output can't be read as what was asked for";
                    Error::new(ErrorKind::Output, message).with_source(error)
                });
                return Poll::Ready(item);
            }
            if let Some(error) = self.error.take() {
                return Poll::Ready(Err(error));
            }
            let Some(event) = ready!(self.run.poll_event(task))? else {
                return Poll::Ready(Ok(None));
            };
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Event) {
        if self.followed.step().is_none() && self.run.is_aside(event) {
            return;
        }
        if self.run.is_broken_by(event) {
            self.run.fail(Error::new(
                ErrorKind::Retracted,
                "an item that was given is void; read partials or patches to follow retractions",
            ));
        }
        let text = match self.followed.take(event, self.items.is_done()) {
            None | Some(Said::Ends) => return,
            Some(Said::Void) => return self.items.restart(),
            Some(Said::Begins(text)) => {
                self.items.restart();
                text
            }
            Some(Said::More(text)) => text,
        };
        let result = self.items.feed(text.as_bytes());
        if self.items.waiting() > 0 {
            self.run.give_for_good(event);
        }
        self.error = result.err().map(|error| {
            let message = "the output isn't JSON that items can be read from";
            Error::new(ErrorKind::Output, message).with_source(error)
        });
    }
}

/// No item is ever pinned.
impl<T, I> Unpin for ItemStream<T, I> {}

impl<T, I: DeserializeOwned> Stream for ItemStream<T, I> {
    type Item = Result<I>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let item = ready!(self.poll_item(task)).transpose();
        self.failed = matches!(item, Some(Err(_)));
        Poll::Ready(item)
    }
}

impl<T, I> IntoFuture for ItemStream<T, I> {
    type Output = <RunFuture<T> as Future>::Output;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        self.run.into_future()
    }
}

impl<T, I> fmt::Debug for ItemStream<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ItemStream").field(&self.run).finish()
    }
}

use std::{fmt, future::poll_fn, marker::PhantomData};

use mainstem_structured::{Document, Partial};
use schemars::JsonSchema;

use super::{RunFuture, RunStream, growing::Followable};
use crate::{Result, Text};

/// The output of a run while it grows, as [`Partial`]s; made by [`RunStream::partials`].
///
/// Awaited, it gives the run's result. It shows the JSON document that began last: in a flow, that of
/// the step at work; a document that doesn't fit the schema of `P` isn't shown. Or that of one step:
/// [`of_step`](Self::of_step). After a retraction, and with another document, everything is absent
/// again, and [`Partial::attempt`] is another one.
#[must_use = "a run does nothing unless it is polled"]
pub struct PartialView<T, P = T> {
    run: RunStream<T>,
    shown: Followable<Document>,
    of: PhantomData<fn() -> P>,
}

impl<T, P> PartialView<T, P> {
    pub(super) fn new(run: RunStream<T>) -> Self {
        Self {
            run,
            shown: Followable::new(),
            of: PhantomData,
        }
    }

    /// Shows the JSON of one step alone, by its name, and of the steps inside of it.
    ///
    /// `Q` is the type of that step's output: JSON that doesn't fit its schema is an error.
    pub fn of_step<Q>(self, name: impl Into<Text>) -> PartialView<T, Q> {
        PartialView {
            run: self.run,
            shown: Followable::only(name),
            of: PhantomData,
        }
    }
}

impl<T, P: JsonSchema> PartialView<T, P> {
    /// What there is of the output, after each piece of it; none, once the run has finished.
    ///
    /// How often it is drawn is the reader's decision: a look costs nothing.
    ///
    /// # Errors
    ///
    /// The run's failure, after all that came before it, as of [`RunStream::next_text`]; a retraction is
    /// none. Of kind [`Config`](crate::ErrorKind::Config), if the schema of `P` can't be used; of kind
    /// [`Output`](crate::ErrorKind::Output), if the JSON of the step that was chosen doesn't fit it.
    pub async fn next(&mut self) -> Result<Option<Partial<'_, P>>> {
        while let Some(event) = poll_fn(|task| self.run.poll_event(task)).await? {
            if !self.shown.follows_tools() && self.run.is_aside(&event) {
                continue;
            }
            if self.shown.take::<P>(&event)? {
                return Ok(self.shown.document().map(Document::partial));
            }
        }
        Ok(None)
    }
}

impl<T, P> IntoFuture for PartialView<T, P> {
    type Output = <RunFuture<T> as Future>::Output;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        self.run.into_future()
    }
}

impl<T, P> fmt::Debug for PartialView<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PartialView").field(&self.run).finish()
    }
}

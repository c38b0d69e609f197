use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context as Task, Poll, ready},
};

use futures::{Stream, StreamExt, stream::FusedStream};
use serde::de::DeserializeOwned;

use super::{
    ChunkBatches, ItemStream, Outcome, PartialView, PatchStream, RunResult, StopHandle, TextStream,
    engine::Engine,
};
use crate::{Context, Error, ErrorKind, Event, Result, RunId, Text, sync::lock};

/// The events of a run, as they happen; awaited, its result.
///
/// A stream of [`Event`]s that ends with one of the four ends. Or: [`next_text`](Self::next_text)
/// for the text alone; `.await` for the result, at any moment: it drains what is left. Dropping it
/// stops the run and closes the model's connection.
#[must_use = "a run does nothing unless it is polled"]
pub struct RunStream<T> {
    engine: Engine,
    output: Arc<Mutex<Option<T>>>,
}

impl<T> RunStream<T> {
    pub(super) fn new(engine: Engine, output: Arc<Mutex<Option<T>>>) -> Self {
        Self { engine, output }
    }

    /// The next piece of text; none, once the run has finished.
    ///
    /// Text of models, and of functions that emit some; of a typed agent its JSON text. What is said
    /// inside of an agent's tools isn't among it.
    ///
    /// # Errors
    ///
    /// The run's failure, after all that came before it; of kind [`ErrorKind::Cancelled`] or
    /// [`ErrorKind::Suspended`], if it ended so; of kind [`ErrorKind::Retracted`], if text that was
    /// given is void: then the run fails.
    pub async fn next_text(&mut self) -> Result<Option<Text>> {
        std::future::poll_fn(|task| self.poll_text(task)).await
    }

    pub(super) fn poll_text(&mut self, task: &mut Task<'_>) -> Poll<Result<Option<Text>>> {
        loop {
            let Some(event) = ready!(self.poll_event(task))? else {
                return Poll::Ready(Ok(None));
            };
            if self.engine.shared.text_of(&event).is_some() {
                self.give_for_good(&event);
                return Poll::Ready(Ok(event.kind.into_text()));
            }
            if self.is_broken_by(&event) {
                self.fail(Error::new(
                    ErrorKind::Retracted,
                    "text that was given is void; read events to follow retractions",
                ));
            }
        }
    }

    /// The next event; after the end none, or the run's failure.
    pub(super) fn poll_event(&mut self, task: &mut Task<'_>) -> Poll<Result<Option<Event>>> {
        let event = ready!(self.engine.poll_event(task));
        Poll::Ready(match (&event, &self.engine.end) {
            (None, Some(Err(error))) => Err(error.clone()),
            _ => Ok(event),
        })
    }

    /// Whether an event is said inside of a tool.
    pub(super) fn is_aside(&self, event: &Event) -> bool {
        self.engine.shared.asides.cover(&event.path)
    }

    /// The reader is given what it can't take back.
    pub(super) fn give_for_good(&self, event: &Event) {
        lock(&self.engine.shared.given).to_reader.note(event);
    }

    /// Whether an event takes back what the reader was given for good.
    pub(super) fn is_broken_by(&self, event: &Event) -> bool {
        lock(&self.engine.shared.given)
            .to_reader
            .is_broken_by(event)
    }

    /// Fails the run, because its reader can't go on.
    pub(super) fn fail(&mut self, error: Error) {
        self.engine.fail(error);
    }

    /// The next event; none after the end.
    ///
    /// The same as `next()` of `futures::StreamExt`, for those who have no need of it.
    pub async fn next_event(&mut self) -> Option<Event> {
        std::future::poll_fn(|task| self.engine.poll_event(task)).await
    }

    /// The text alone, as a stream.
    pub fn text(self) -> TextStream<T> {
        TextStream::new(self)
    }

    /// The text in batches: of `n` pieces, or fewer when `max_delay` has passed since the first.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn chunks_batched(self, n: usize, max_delay: std::time::Duration) -> ChunkBatches<T> {
        ChunkBatches::new(self, n, max_delay)
    }

    /// The output while it grows, as [`Partial`](mainstem_structured::Partial)s: each field is absent,
    /// growing or complete.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::{JsonDelta, Run};
    /// # use serde::Serialize;
    ///
    /// #[derive(Serialize, schemars::JsonSchema)]
    /// struct Bird { name: String, eggs: u8 }
    ///
    /// let run = Run::new("bird", |ctx| async move {
    ///     for piece in [r#"{"name": "ja"#, r#"y", "eggs": 5}"#] {
    ///         ctx.emit(JsonDelta::new(piece)).await;
    ///     }
    ///     Ok(Bird { name: "jay".into(), eggs: 5 })
    /// });
    /// let mut birds = run.stream().partials();
    /// let bird = birds.next().await?.unwrap();
    /// assert_eq!(bird.get("name").text(), Some("ja"));
    /// assert!(bird.get("eggs").is_absent());
    /// let bird = birds.next().await?.unwrap();
    /// assert_eq!(bird.get("eggs").read::<u8>(), Some(5));
    /// assert_eq!(birds.await?.output.eggs, 5);
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn partials(self) -> PartialView<T> {
        PartialView::new(self)
    }

    /// The items of an array in the output, each once, as soon as it is complete.
    ///
    /// The array is named by a JSON pointer (RFC 6901): `/records`; empty, it is the output itself. A
    /// segment `*` stands for each item of an array: `/groups/*/records`. Where the output has no array
    /// there is no item, and no error: it may be one that was left out.
    ///
    /// # Panics
    ///
    /// If `array` isn't a JSON pointer: neither empty, nor beginning with `/`.
    pub fn items<I: DeserializeOwned>(self, array: &str) -> ItemStream<T, I> {
        ItemStream::new(self, array)
    }

    /// The output while it grows, as [`Patch`](mainstem_structured::Patch)es for a client.
    pub fn patches(self) -> PatchStream<T> {
        PatchStream::new(self)
    }

    /// A handle that stops the run from elsewhere.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle::new(&self.engine.driver, &self.engine.shared)
    }

    /// Stops the run; what follows are the events that had been emitted, and the end.
    pub fn stop(&self) {
        self.stop_handle().stop();
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.engine.shared.id
    }

    /// The run's session.
    pub fn context(&self) -> &Context {
        &self.engine.shared.context
    }

    /// Drains what is left, and gives a suspension as a value.
    ///
    /// # Errors
    ///
    /// The run's failure, or of kind [`ErrorKind::Cancelled`].
    pub async fn outcome(self) -> Result<Outcome<T>> {
        match self.await {
            Ok(result) => Ok(Outcome::Finished(result)),
            Err(error) => match error.suspension() {
                Some(suspension) => Ok(Outcome::Suspended(suspension.clone())),
                None => Err(error),
            },
        }
    }

    fn result(&mut self) -> Result<RunResult<T>> {
        if let Some(Err(error)) = &self.engine.end {
            return Err(error.clone());
        }
        let output = lock(&self.output).take();
        let Some(output) = output else {
            return Err(Error::new(
                ErrorKind::Other,
                "the run's result was taken already",
            ));
        };
        let shared = &self.engine.shared;
        let tally = lock(&shared.tally);
        Ok(RunResult {
            run: shared.id.clone(),
            output,
            usage: tally.usage,
            usage_by_model: shared.ledger.by_model(),
            cost: shared.ledger.cost(),
            finish_reason: tally.finish_reason.clone(),
            messages: tally.messages.clone(),
        })
    }
}

impl<T> Stream for RunStream<T> {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Event>> {
        self.engine.poll_event(task)
    }
}

impl<T> FusedStream for RunStream<T> {
    fn is_terminated(&self) -> bool {
        self.engine.is_over()
    }
}

impl<T> IntoFuture for RunStream<T> {
    type Output = Result<RunResult<T>>;
    type IntoFuture = RunFuture<T>;

    fn into_future(self) -> RunFuture<T> {
        RunFuture(self)
    }
}

impl<T> fmt::Debug for RunStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream")
            .field("run", self.id())
            .finish_non_exhaustive()
    }
}

/// The result of a run, to be awaited.
#[must_use = "a run does nothing unless it is awaited"]
#[derive(Debug)]
pub struct RunFuture<T>(RunStream<T>);

impl<T> Future for RunFuture<T> {
    type Output = Result<RunResult<T>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        while ready!(self.0.poll_next_unpin(task)).is_some() {}
        Poll::Ready(self.0.result())
    }
}

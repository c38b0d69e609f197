//! What answers: the interface to language models.

mod event;
mod next_attempt;
mod recall;
mod request;
mod timed;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

pub use event::ModelEvent;
use futures::{Stream, stream};
pub use next_attempt::NextAttempt;
pub use recall::Recall;
pub use request::{ModelRequest, OutputMode, OutputSpec};
pub use timed::{TimeLimits, TimedStream};

use crate::{Error, Result};

/// A language model.
///
/// One method: a request in, a stream of [`ModelEvent`]s out. Nothing happens before the stream is
/// polled; dropping it ends the request and closes its socket. A model tries nothing twice: that is
/// for layers around it.
///
/// Generators read best for adapters:
///
/// ```
/// use mainstem_core::{FinishReason, Model, ModelEvent, ModelRequest, ModelStream};
///
/// #[derive(Debug)]
/// struct Parrot;
///
/// impl Model for Parrot {
///     fn id(&self) -> &str {
///         "parrot"
///     }
///
///     fn stream(&self, request: ModelRequest) -> ModelStream {
///         let last = request.messages.last().map(|message| message.text()).unwrap_or_default();
///         ModelStream::from_events([
///             ModelEvent::Text(last.into()),
///             ModelEvent::Finished(FinishReason::Stop),
///         ])
///     }
/// }
/// # let _: Box<dyn Model> = Box::new(Parrot);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model",
    label = "this isn't a `Model`",
    note = "a model's address becomes a model by `mainstem::model(\"openai://gpt-5-mini\")?`",
    note = "a model of your own implements `Model`: an id, and a request in, a stream of events out"
)]
pub trait Model: Send + Sync + 'static {
    /// The model's id, such as `openai://gpt-5-mini`; it stands in events and errors.
    fn id(&self) -> &str;

    /// Sends a request and streams the answer.
    ///
    /// The answer is complete only with [`ModelEvent::Finished`]. A stream that ends without it, or
    /// with an error before it, has failed; after an error there is no other item.
    ///
    /// `Finished` is the last thing that counts. Give [`ModelEvent::Usage`] before it where you can;
    /// usage is also taken directly after it, within 5 seconds ([`TimedStream`] sees to that). An
    /// error after it is shown as a notice and fails nothing, and a stream that stays open is
    /// dropped. So clean up when the stream is dropped, not after its last item.
    ///
    /// Give usage as soon as it is known: what had come when an answer breaks off is counted.
    fn stream(&self, request: ModelRequest) -> ModelStream;

    /// How it is going to be held to an output; `None` if it can't say.
    ///
    /// Where nobody enforces a schema, models put prose and code fences around their JSON, and an
    /// agent looks for the JSON in them.
    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        output.mode
    }
}

impl<M: Model + ?Sized> Model for Arc<M> {
    fn id(&self) -> &str {
        (**self).id()
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        (**self).stream(request)
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        (**self).output_mode(output)
    }
}

impl<M: Model + ?Sized> Model for Box<M> {
    fn id(&self) -> &str {
        (**self).id()
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        (**self).stream(request)
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        (**self).output_mode(output)
    }
}

/// Shows the id.
impl fmt::Debug for dyn Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&self.id()).finish()
    }
}

/// The answer of a model, as it arrives.
#[must_use = "a stream does nothing unless it is polled"]
pub struct ModelStream(Pin<Box<dyn Stream<Item = Result<ModelEvent>> + Send>>);

impl ModelStream {
    /// An answer from a stream of events.
    pub fn new(stream: impl Stream<Item = Result<ModelEvent>> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }

    /// An answer that is there already.
    pub fn from_events<I>(events: I) -> Self
    where
        I: IntoIterator<Item = ModelEvent>,
        I::IntoIter: Send + 'static,
    {
        Self::new(stream::iter(events.into_iter().map(Ok)))
    }

    /// An answer that fails at once.
    pub fn from_error(error: Error) -> Self {
        Self::new(stream::iter([Err(error)]))
    }
}

impl Stream for ModelStream {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(task)
    }
}

impl fmt::Debug for ModelStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelStream")
    }
}

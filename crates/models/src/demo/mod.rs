//! A model for the first minutes: no network, no key, honest about what it is.
//!
//! [`DemoModel`] is no language model. To a question it recites the passage of Mainstem's docs that
//! fits best; for an output schema it makes a document that follows it; tools that match the
//! question it calls with made-up arguments.

mod answer;
mod asked;
mod library;
mod pace;
mod page;
mod reply;
mod schema;
mod tools;
mod words;

use std::time::Duration;

use async_stream::try_stream;
use mainstem_core::{Model, ModelEvent, ModelRequest, ModelStream, Notice};
use pace::Pace;
use reply::Reply;

/// The offline demo model: it answers from the bundled docs alone.
///
/// The same request gets the same answer. Temperature, seed and instructions change nothing; the
/// limit of tokens, the stop texts, tools and output schemas are kept to. Usage is estimated.
///
/// A schema that it can't follow fails with [`ErrorKind::Config`](mainstem_core::ErrorKind::Config),
/// naming the keyword and the place.
///
/// ```
/// use futures::StreamExt;
/// use mainstem_core::{Message, Model, ModelEvent, ModelRequest};
/// use mainstem_models::demo::DemoModel;
/// # use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// let model = DemoModel::new();
/// # let model = model.with_delay(Duration::ZERO);
/// let mut answer = model.stream(ModelRequest::new([Message::user("How do I stop a run?")]));
/// let mut text = String::new();
/// while let Some(event) = answer.next().await.transpose()? {
///     match event {
///         ModelEvent::Notice(notice) => assert_eq!(notice.code, "demo_model"),
///         ModelEvent::Text(piece) => text.push_str(&piece),
///         _ => {}
///     }
/// }
/// assert!(text.ends_with("(docs/runs.md, «Stop»)"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct DemoModel {
    pace: Pace,
}

impl DemoModel {
    /// The demo model, at the pace of a person who reads fast.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the wait before each piece of an answer: 15 ms by default, none for tests.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstem_models::demo::DemoModel;
    ///
    /// let model = DemoModel::new().with_delay(Duration::ZERO);
    /// assert_eq!(model.delay(), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.pace = Pace::new(delay);
        self
    }

    /// The wait before each piece of an answer.
    pub fn delay(&self) -> Duration {
        self.pace.delay()
    }
}

impl Model for DemoModel {
    fn id(&self) -> &str {
        "demo"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let pace = self.pace;
        ModelStream::new(try_stream! {
            yield ModelEvent::Started { request_id: None };
            yield ModelEvent::Notice(notice());
            let reply = Reply::to(&request)?;
            for event in reply.events {
                pace.wait().await;
                yield event;
            }
            yield ModelEvent::Usage(reply.usage);
            yield ModelEvent::Finished(reply.finish_reason);
        })
    }
}

fn notice() -> Notice {
    Notice::new(
        "demo_model",
        "this is Mainstem's offline demo model; it answers from the bundled docs only; a real one \
         answers where the program is started with OPENAI_API_KEY set, or with --model or --base-url",
    )
}

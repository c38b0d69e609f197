//! OpenAI's chat completions: <https://platform.openai.com/docs/api-reference/chat>.

mod calls;
mod content;
mod delta;
mod provider_data;
mod reader;
mod request;
mod template;

use std::{fmt, sync::Arc};

use mainstem_core::{Model, ModelRequest, ModelStream, OutputMode, OutputSpec, Result};
use reader::ChatReader;

use crate::{
    address::Variables,
    http::{Answer, Api, Body, Exchange, ModelBuilder, Protocol, Server, exchange},
};

/// A model behind any server that speaks OpenAI's chat completions.
///
/// [`model`](crate::model) makes one from an address; [`builder`](Self::builder) from its parts.
/// Cheap to clone; clones share their connections.
///
/// Reading is lenient where the meaning is clear, and strict about the end: without a finish reason
/// an answer is truncated. Nothing is tried twice.
///
/// ```
/// use mainstem_core::Model;
/// use mainstem_models::ChatCompletions;
///
/// let model = ChatCompletions::builder("qwen3").base_url("http://localhost:8000/v1").build()?;
/// assert_eq!(model.id(), "qwen3");
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone)]
pub struct ChatCompletions(pub(crate) Arc<Parts>);

/// Sets up [`ChatCompletions`]; made by [`ChatCompletions::builder`].
pub type ChatCompletionsBuilder = ModelBuilder<ChatCompletions>;

#[derive(Clone)]
pub(crate) struct Parts {
    server: Arc<Server>,
    include_usage: bool,
}

/// What can be set for chat completions alone.
#[derive(Debug)]
pub struct Options {
    include_usage: bool,
}

const PROTOCOL: Protocol = Protocol {
    suffix: "",
    path: "/chat/completions",
    names_deployment: true,
    end: "a finish reason",
    not_found: "",
    builder: "ChatCompletions::builder",
};

impl Default for Options {
    fn default() -> Self {
        Self {
            include_usage: true,
        }
    }
}

impl Api for ChatCompletions {
    type Options = Options;
}

impl ChatCompletions {
    /// Begins a model of a name, as its server knows it.
    pub fn builder(model: impl Into<String>) -> ChatCompletionsBuilder {
        ModelBuilder::new(model.into())
    }

    /// The same model, asked for whole answers instead of streams: for servers, or ways to them, on
    /// which streams break.
    ///
    /// The events are the same, with all of the text in one piece. Id, key and connections stay.
    ///
    /// ```
    /// use mainstem_core::Model;
    /// use mainstem_models::{ChatCompletions, Recovery};
    ///
    /// let model = ChatCompletions::builder("qwen3").base_url("http://localhost:8000/v1").build()?;
    /// let model = Recovery::of(model.clone()).fallback(model.without_streaming()).build()?;
    /// assert_eq!(model.id(), "qwen3");
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    #[must_use]
    pub fn without_streaming(&self) -> Self {
        let mut parts = Parts::clone(&self.0);
        Arc::make_mut(&mut parts.server).streaming = false;
        Self(Arc::new(parts))
    }
}

impl ModelBuilder<ChatCompletions> {
    /// Whether the usage is asked for (`stream_options.include_usage`); true by default.
    ///
    /// Some servers refuse requests that ask.
    pub fn include_usage(mut self, include: bool) -> Self {
        self.options.include_usage = include;
        self
    }

    /// Makes the model.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`](mainstem_core::ErrorKind::Config), if the base URL is missing
    /// or malformed, the provider's key isn't set, a header is malformed, or the client can't be
    /// made.
    pub fn build(self) -> Result<ChatCompletions> {
        self.build_in(&|name| std::env::var(name).ok())
    }

    pub(crate) fn build_in(self, variables: Variables<'_>) -> Result<ChatCompletions> {
        let (server, options) = self.server(&PROTOCOL, variables)?;
        Ok(ChatCompletions(Arc::new(Parts {
            server: Arc::new(server),
            include_usage: options.include_usage,
        })))
    }
}

impl Exchange for Parts {
    type Reader = ChatReader;

    fn server(&self) -> &Arc<Server> {
        &self.server
    }

    fn body(&self, request: &ModelRequest) -> Result<Body> {
        request::body(self, request)
    }

    fn reader(&self, answer: Answer) -> ChatReader {
        ChatReader::new(answer)
    }
}

impl Model for ChatCompletions {
    fn id(&self) -> &str {
        &self.0.server.id
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        ModelStream::new(exchange(Arc::clone(&self.0), request))
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        Some(self.0.server.output_mode(output))
    }
}

impl fmt::Debug for ChatCompletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatCompletions")
            .field("id", &self.0.server.id)
            .field("streaming", &self.0.server.streaming)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mainstem_structured::Schema;

    use super::*;

    #[test]
    fn the_agent_outranks_the_model_and_the_model_its_provider() {
        let mut output = OutputSpec::new(Schema::any());
        let builder = || ChatCompletions::builder("m").base_url("http://localhost:9/v1");
        let mode = |model: &ChatCompletions, output: &_| Model::output_mode(model, output);
        let model = builder().build().unwrap();
        assert_eq!(mode(&model, &output), Some(OutputMode::Schema));
        let model = builder().output_mode(OutputMode::Prompt).build().unwrap();
        assert_eq!(mode(&model, &output), Some(OutputMode::Prompt));
        output.mode = Some(OutputMode::JsonObject);
        assert_eq!(mode(&model, &output), Some(OutputMode::JsonObject));
        let shared: Arc<dyn Model> = Arc::new(model);
        assert_eq!(shared.output_mode(&output), Some(OutputMode::JsonObject));
    }
}

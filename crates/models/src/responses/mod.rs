//! OpenAI's Responses API: <https://platform.openai.com/docs/api-reference/responses>.

mod frame;
mod input;
mod reader;
mod request;
mod slots;
#[cfg(test)]
mod split_tests;

use std::{fmt, sync::Arc};

use mainstem_core::{Error, ErrorKind, Model, ModelRequest, ModelStream, OutputMode, OutputSpec};
use mainstem_core::{Result, Text};
use reader::ResponsesReader;

use crate::{
    Provider,
    address::Variables,
    http::{Answer, Api, Body, Exchange, ModelBuilder, Protocol, Server, exchange},
};

/// A model behind any server that speaks OpenAI's Responses API.
///
/// [`model`](crate::model) makes one from an address such as `openai+responses://gpt-5`;
/// [`builder`](Self::builder) from its parts. Cheap to clone; clones share their connections.
///
/// It gives the same events as [`ChatCompletions`](crate::ChatCompletions). What it has beyond: the
/// model's reasoning goes back to it with the conversation, so that it needn't think anew after each
/// tool call; and a summary of it can be shown.
///
/// The server keeps nothing (`store: false`): the conversation is the application's own, in its
/// context, where it can be resumed, forked and cut. So the reasoning comes and goes encrypted.
///
/// Reading is lenient where the meaning is clear, and strict about the end: without
/// `response.completed`, `response.incomplete` or a failure an answer is truncated. Nothing is tried
/// twice.
///
/// ```
/// use mainstem_core::Model;
/// use mainstem_models::Responses;
///
/// let model = Responses::builder("gpt-oss").base_url("http://localhost:8000/v1").build()?;
/// assert_eq!(model.id(), "gpt-oss");
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Responses(Arc<Parts>);

/// Sets up [`Responses`]; made by [`Responses::builder`].
pub type ResponsesBuilder = ModelBuilder<Responses>;

#[derive(Clone)]
pub(crate) struct Parts {
    server: Arc<Server>,
    store: bool,
    carries_reasoning: bool,
    reasoning_summary: Option<ReasoningSummary>,
}

/// How much of a model's reasoning is told in a summary.
///
/// See [`ModelBuilder::reasoning_summary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReasoningSummary {
    /// As much as the model can.
    Auto,
    /// The short form.
    Concise,
    /// The long form.
    Detailed,
}

/// What can be set for the Responses API alone.
#[derive(Debug, Default)]
pub struct Options {
    store: bool,
    carries_reasoning: Option<bool>,
    reasoning_summary: Option<ReasoningSummary>,
}

/// What is added to a provider's name in addresses.
pub(crate) const SUFFIX: &str = "+responses";

const PROTOCOL: Protocol = Protocol {
    suffix: SUFFIX,
    path: "/responses",
    names_deployment: false,
    end: "`response.completed`",
    not_found: "; not every server has the Responses API, most have chat completions",
    builder: "Responses::builder",
};

impl Api for Responses {
    type Options = Options;
}

impl Responses {
    /// Begins a model of a name, as its server knows it.
    pub fn builder(model: impl Into<String>) -> ResponsesBuilder {
        ModelBuilder::new(model.into())
    }

    /// The same model, asked for whole answers instead of streams.
    ///
    /// The events are the same, with all of the text in one piece.
    ///
    /// ```
    /// use mainstem_core::Model;
    /// use mainstem_models::Responses;
    ///
    /// let model = Responses::builder("gpt-oss").base_url("http://localhost:8000/v1").build()?;
    /// assert_eq!(model.without_streaming().id(), "gpt-oss");
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    #[must_use]
    pub fn without_streaming(&self) -> Self {
        let mut parts = Parts::clone(&self.0);
        Arc::make_mut(&mut parts.server).streaming = false;
        Self(Arc::new(parts))
    }
}

impl ModelBuilder<Responses> {
    /// Whether the server keeps the answers, where others may find them; false by default.
    ///
    /// Nothing here reads what it keeps: the whole conversation goes with every request.
    pub fn store(mut self, store: bool) -> Self {
        self.options.store = store;
        self
    }

    /// Whether the reasoning is asked for in its encrypted form (`reasoning.encrypted_content`), and
    /// goes back with the conversation.
    ///
    /// By default it is, but for models of OpenAI that don't reason, by their names (`gpt-4o`, …):
    /// they refuse to be asked.
    pub fn carries_reasoning(mut self, carries: bool) -> Self {
        self.options.carries_reasoning = Some(carries);
        self
    }

    /// Asks for a summary of the reasoning, which comes as
    /// [`ModelEvent::Reasoning`](mainstem_core::ModelEvent::Reasoning).
    ///
    /// By default none is asked for: OpenAI gives them to verified organisations alone, and refuses
    /// the requests of others.
    pub fn reasoning_summary(mut self, summary: ReasoningSummary) -> Self {
        self.options.reasoning_summary = Some(summary);
        self
    }

    /// Makes the model.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if the provider has no such API, the base URL is missing or
    /// malformed, the provider's key isn't set, a header is malformed, or the client can't be made.
    pub fn build(self) -> Result<Responses> {
        self.build_in(&|name| std::env::var(name).ok())
    }

    pub(crate) fn build_in(self, variables: Variables<'_>) -> Result<Responses> {
        let (server, options) = self.server(&PROTOCOL, variables)?;
        check_provider(server.provider, &server.model)?;
        let carries_reasoning = options
            .carries_reasoning
            .unwrap_or_else(|| may_reason(server.provider, &server.model));
        Ok(Responses(Arc::new(Parts {
            server: Arc::new(server),
            store: options.store,
            carries_reasoning,
            reasoning_summary: options.reasoning_summary,
        })))
    }
}

/// Providers without this API answer with a 404 that says nothing.
fn check_provider(provider: Provider, model: &str) -> Result<()> {
    if provider.has_responses() {
        return Ok(());
    }
    let name = provider.name();
    let message = format!(
        "`{name}` has no Responses API; write `{name}://{model}` (in Rust, use `ChatCompletions`)"
    );
    Err(Error::new(ErrorKind::Config, message))
}

/// Whether a model may reason, by its name. Those that don't refuse `reasoning.encrypted_content`.
fn may_reason(provider: Provider, model: &str) -> bool {
    let is_known = provider == Provider::OpenAi;
    let begins = ["gpt-3", "gpt-4", "chatgpt-"];
    !is_known || !(begins.iter().any(|begin| model.starts_with(begin)) || model.contains("-chat"))
}

impl ReasoningSummary {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Concise => "concise",
            Self::Detailed => "detailed",
        }
    }
}

impl Exchange for Parts {
    type Reader = ResponsesReader;

    fn server(&self) -> &Arc<Server> {
        &self.server
    }

    fn body(&self, request: &ModelRequest) -> Result<Body> {
        request::body(self, request)
    }

    fn reader(&self, answer: Answer) -> ResponsesReader {
        let origin = Text::from(self.server.data_origin());
        ResponsesReader::new(answer, origin, self.store)
    }
}

impl Model for Responses {
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

impl fmt::Debug for Responses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responses")
            .field("id", &self.0.server.id)
            .field("streaming", &self.0.server.streaming)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_carried_unless_the_model_is_known_not_to_reason() {
        let carries = |model: &str, provider: Option<Provider>| {
            let mut builder = Responses::builder(model).api_key("k");
            builder = match provider {
                Some(provider) => builder.provider(provider),
                None => builder.base_url("http://localhost:9/v1"),
            };
            builder.build_in(&|_| None).unwrap().0.carries_reasoning
        };
        let openai = Some(Provider::OpenAi);
        for (model, provider, expected) in [
            ("gpt-5-mini", openai, true),
            ("o4-mini", openai, true),
            ("gpt-4.1", openai, false),
            ("gpt-5-chat-latest", openai, false),
            ("gpt-4.1", Some(Provider::OpenRouter), true),
            ("gpt-4.1", None, true),
        ] {
            assert_eq!(carries(model, provider), expected, "{model}");
        }
        let asked = Responses::builder("gpt-4.1").base_url("http://localhost:9/v1");
        assert!(
            !asked
                .carries_reasoning(false)
                .build()
                .unwrap()
                .0
                .carries_reasoning
        );
    }

    #[test]
    fn a_provider_without_the_api_is_refused_with_the_mend() {
        let builder = Responses::builder("claude").provider(Provider::Anthropic);
        let error = builder.api_key("k").build_in(&|_| None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("`anthropic://claude`"), "{error}");
    }
}

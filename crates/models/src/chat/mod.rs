//! OpenAI's chat completions: <https://platform.openai.com/docs/api-reference/chat>.

mod builder;
mod calls;
mod delta;
mod exchange;
mod failure;
mod provider_data;
mod reader;
mod request;
mod template;

use std::{fmt, sync::Arc};

use async_openai::config::Config;
pub use builder::ChatCompletionsBuilder;
use mainstem_core::{Model, ModelRequest, ModelStream, OutputMode, OutputSpec};
use reqwest::header::HeaderMap;

use crate::{
    Provider,
    key::{Key, KeyHeader},
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
pub struct ChatCompletions(Arc<Parts>);

struct Parts {
    id: String,
    model: String,
    provider: Provider,
    /// Host and port of its server, as far as they are known.
    host: Option<String>,
    config: Arc<dyn Config>,
    key: Key,
    key_header: KeyHeader,
    headers: HeaderMap,
    client: reqwest::Client,
    streaming: bool,
    include_usage: bool,
    output_mode: Option<OutputMode>,
}

impl ChatCompletions {
    /// Begins a model of a name, as its server knows it.
    pub fn builder(model: impl Into<String>) -> ChatCompletionsBuilder {
        ChatCompletionsBuilder::new(model.into())
    }
}

impl Parts {
    fn output_mode(&self, output: &OutputSpec) -> OutputMode {
        let asked = output.mode.or(self.output_mode);
        asked.unwrap_or_else(|| self.provider.output_mode())
    }

    /// Whose `provider_data` goes back to this model.
    fn data_origin(&self) -> &str {
        match (self.provider, &self.host) {
            (Provider::Other, Some(host)) => host,
            (provider, _) => provider.name(),
        }
    }
}

impl Model for ChatCompletions {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        ModelStream::new(exchange::exchange(Arc::clone(&self.0), request))
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        Some(self.0.output_mode(output))
    }
}

impl fmt::Debug for ChatCompletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatCompletions")
            .field("id", &self.0.id)
            .field("streaming", &self.0.streaming)
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

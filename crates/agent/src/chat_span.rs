//! The span of a request to a model, with OpenTelemetry's names for generative AI.

use std::time::Instant;

use mainstem_core::{Error, ErrorKind, ModelEvent, ModelRequest, Result, Traces};
use tracing::{Span, field::Empty, info_span};

use crate::{answer::Answer, attempts::Failure, content};

/// Tells the agent's own span, the one that is being polled, which model it asks.
pub(crate) fn note_model(model: &str) {
    let agent = Span::current();
    if !agent.is_disabled() {
        let (provider, name) = names(model);
        agent.record("gen_ai.provider.name", provider);
        agent.record("gen_ai.request.model", name);
    }
}

/// From the request to the end of the answer, however it ends.
pub(crate) struct ChatSpan {
    span: Span,
    /// When the request was made, until the first piece of the answer.
    began: Option<Instant>,
    has_content: bool,
}

impl ChatSpan {
    /// Inside of the agent's, or of its turn's.
    pub(crate) fn begin(model: &str, request: &ModelRequest, traces: &Traces) -> Self {
        let (provider, name) = names(model);
        let settings = &request.settings;
        let span = info_span!(
            target: "mainstem",
            "chat",
            otel.name = format!("chat {name}"),
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = provider,
            gen_ai.request.model = name,
            gen_ai.request.temperature = settings.temperature,
            gen_ai.request.top_p = settings.top_p,
            gen_ai.request.max_tokens = settings.max_output_tokens,
            gen_ai.request.seed = settings.seed,
            gen_ai.output.type = match request.output {
                Some(_) => "json",
                None => "text",
            },
            gen_ai.conversation.id = traces.conversation.as_deref(),
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.reasoning.output_tokens = Empty,
            gen_ai.system_instructions = Empty,
            gen_ai.input.messages = Empty,
            gen_ai.output.messages = Empty,
            mainstem.status = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        let is_seen = !span.is_disabled();
        let has_content = is_seen && traces.content;
        if has_content {
            if let Some(instructions) = &request.instructions {
                let instructions = content::instructions(instructions);
                span.record("gen_ai.system_instructions", instructions);
            }
            let messages = content::input(&request.messages);
            span.record("gen_ai.input.messages", messages);
        }
        Self {
            began: is_seen.then(Instant::now),
            span,
            has_content,
        }
    }

    /// The span, to be entered.
    pub(crate) fn get(&self) -> Span {
        self.span.clone()
    }

    /// Notes when the answer begins.
    #[inline]
    pub(crate) fn note(&mut self, event: &Result<ModelEvent>) {
        if self.began.is_some() && event.as_ref().is_ok_and(ModelEvent::is_data) {
            self.note_beginning();
        }
    }

    fn note_beginning(&mut self) {
        if let Some(began) = self.began.take() {
            let seconds = began.elapsed().as_secs_f64();
            self.span
                .record("gen_ai.response.time_to_first_chunk", seconds);
        }
    }

    /// The answer is over.
    pub(crate) fn end(mut self, answer: &Answer, failure: Option<&Failure>) {
        let span = std::mem::replace(&mut self.span, Span::none());
        if span.is_disabled() {
            return;
        }
        span.record("gen_ai.response.model", names(answer.model()).1);
        if let Some(reason) = answer.finish_reason() {
            let reasons = serde_json::json!([reason.as_str()]).to_string();
            span.record("gen_ai.response.finish_reasons", reasons);
        }
        let usage = answer.all_usage();
        span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        span.record("gen_ai.usage.output_tokens", usage.output_tokens);
        if usage.cached_input_tokens > 0 {
            let cached = usage.cached_input_tokens;
            span.record("gen_ai.usage.cache_read.input_tokens", cached);
        }
        if usage.reasoning_tokens > 0 {
            let reasoning = usage.reasoning_tokens;
            span.record("gen_ai.usage.reasoning.output_tokens", reasoning);
        }
        if self.has_content {
            let message = answer.so_far();
            let output = content::output(&message, answer.finish_reason());
            span.record("gen_ai.output.messages", output);
        }
        match failure {
            None => drop(span.record("mainstem.status", "finished")),
            Some(Failure::Failed(error)) => note_error(&span, error, self.has_content),
            Some(Failure::Misfit(_)) => note_failure(&span, ErrorKind::Output),
        }
    }
}

impl Drop for ChatSpan {
    /// Without an end it was dropped; after one there is no span any more.
    fn drop(&mut self) {
        self.span.record("mainstem.status", "cancelled");
    }
}

fn note_error(span: &Span, error: &Error, has_content: bool) {
    note_failure(span, error.kind());
    if let Some(status) = error.status() {
        span.record("http.response.status_code", status);
    }
    if has_content {
        span.record("otel.status_description", error.message());
    }
}

fn note_failure(span: &Span, kind: ErrorKind) {
    span.record("mainstem.status", "failed");
    span.record("error.type", kind.as_str());
    span.record("otel.status_code", "error");
}

/// The provider's name, as the conventions have it, and the model's, of a model's id.
fn names(id: &str) -> (&str, &str) {
    let Some((scheme, model)) = id.split_once("://") else {
        return (id, id);
    };
    // What follows a plus is the API, as in `openai+responses`.
    let provider = match scheme.split_once('+').map_or(scheme, |(name, _)| name) {
        "azure" => "azure.ai.openai",
        "gemini" => "gcp.gemini",
        provider => provider,
    };
    (provider, model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_id_names_its_provider() {
        assert_eq!(names("openai://gpt-5-mini"), ("openai", "gpt-5-mini"));
        assert_eq!(names("gemini://pro"), ("gcp.gemini", "pro"));
        assert_eq!(names("openai+responses://gpt-5"), ("openai", "gpt-5"));
        assert_eq!(names("demo"), ("demo", "demo"));
    }
}

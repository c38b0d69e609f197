use mainstem_core::Usage;
use serde::Deserialize;

/// What was used, by the names of chat completions and by those of the Responses API: some servers
/// send the other ones, or both.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

impl WireUsage {
    pub(crate) fn read(&self) -> Usage {
        let input = self.prompt_tokens.or(self.input_tokens).unwrap_or(0);
        let output = self.completion_tokens.or(self.output_tokens).unwrap_or(0);
        let mut usage = Usage::new(input, output);
        let cached = [&self.prompt_tokens_details, &self.input_tokens_details];
        let cached = cached.into_iter().flatten().find_map(|it| it.cached_tokens);
        usage.cached_input_tokens = cached.unwrap_or(0);
        let reasoning = [&self.completion_tokens_details, &self.output_tokens_details];
        let mut reasoning = reasoning.into_iter().flatten();
        let reasoning = reasoning.find_map(|it| it.reasoning_tokens);
        usage.reasoning_tokens = reasoning.unwrap_or(0);
        usage
    }
}

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Text;

/// How a model is to answer: temperature, limits, tool choice and more.
///
/// Everything is optional; what isn't set is the provider's default. An agent has settings, a run
/// may have some that go before them: see [`ModelSettings::or`].
///
/// ```
/// use mainstem_core::ModelSettings;
///
/// let agent = ModelSettings::new().temperature(0.2).max_output_tokens(500);
/// let run = ModelSettings::new().temperature(1.0);
/// let both = run.or(&agent);
/// assert_eq!((both.temperature, both.max_output_tokens), (Some(1.0), Some(500)));
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelSettings {
    /// How far the model strays from the likeliest word; most providers take 0 to 2.
    pub temperature: Option<f64>,
    /// The share of likely words that it draws from, 0 to 1.
    pub top_p: Option<f64>,
    /// The most tokens it may write, reasoning included.
    pub max_output_tokens: Option<u32>,
    /// Texts at which it ends.
    pub stop: Option<Vec<Text>>,
    /// For answers that can be had again, as far as the provider manages.
    pub seed: Option<i64>,
    /// Which tools it may or must call.
    pub tool_choice: Option<ToolChoice>,
    /// How much it thinks first.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Further fields of the request's body; they go before ours.
    pub extra_body: serde_json::Map<String, Value>,
    /// Further headers of the request.
    ///
    /// They may hold secrets: their values aren't shown by `Debug`, and they aren't written to JSON
    /// (but read from it). Settings that were stored lack them.
    #[serde(skip_serializing)]
    pub extra_headers: BTreeMap<String, String>,
}

impl ModelSettings {
    /// Settings that leave everything to the provider.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`temperature`](Self::temperature).
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets [`top_p`](Self::top_p).
    #[must_use]
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.top_p = Some(top_p);
        self
    }

    /// Sets [`max_output_tokens`](Self::max_output_tokens).
    #[must_use]
    pub fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Sets [`stop`](Self::stop).
    #[must_use]
    pub fn stop<T: Into<Text>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.stop = Some(texts.into_iter().map(Into::into).collect());
        self
    }

    /// Sets [`seed`](Self::seed).
    #[must_use]
    pub fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets [`tool_choice`](Self::tool_choice).
    #[must_use]
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Sets [`reasoning_effort`](Self::reasoning_effort).
    #[must_use]
    pub fn reasoning_effort(mut self, effort: ReasoningEffort) -> Self {
        self.reasoning_effort = Some(effort);
        self
    }

    /// Adds a field to the request's body.
    #[must_use]
    pub fn extra_body(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra_body.insert(field.into(), value.into());
        self
    }

    /// Adds a header to the request.
    #[must_use]
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra_headers.insert(name.into(), value.into());
        self
    }

    /// These settings, and where they are silent, the others.
    #[must_use]
    pub fn or(mut self, others: &Self) -> Self {
        self.temperature = self.temperature.or(others.temperature);
        self.top_p = self.top_p.or(others.top_p);
        self.max_output_tokens = self.max_output_tokens.or(others.max_output_tokens);
        self.stop = self.stop.or_else(|| others.stop.clone());
        self.seed = self.seed.or(others.seed);
        self.tool_choice = self.tool_choice.or_else(|| others.tool_choice.clone());
        self.reasoning_effort = self.reasoning_effort.or(others.reasoning_effort);
        for (field, value) in &others.extra_body {
            if !self.extra_body.contains_key(field) {
                self.extra_body.insert(field.clone(), value.clone());
            }
        }
        for (name, value) in &others.extra_headers {
            self.extra_headers
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        self
    }
}

impl fmt::Debug for ModelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelSettings")
            .field("temperature", &self.temperature)
            .field("top_p", &self.top_p)
            .field("max_output_tokens", &self.max_output_tokens)
            .field("stop", &self.stop)
            .field("seed", &self.seed)
            .field("tool_choice", &self.tool_choice)
            .field("reasoning_effort", &self.reasoning_effort)
            .field("extra_body", &self.extra_body)
            .field("extra_headers", &self.extra_headers.keys())
            .finish()
    }
}

/// Which tools a model may or must call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model chooses; the default.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(Text),
}

/// How much a model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// The middle.
    Medium,
    /// Much.
    High,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_never_written() {
        let settings = ModelSettings::new().seed(7).extra_header("x-key", "sesame");
        let json = serde_json::to_string(&settings).unwrap();
        assert!(!json.contains("sesame"), "{json}");
        assert!(!format!("{settings:?}").contains("sesame"));
        let read: ModelSettings =
            serde_json::from_str(r#"{"extra_headers":{"x-key":"sesame"}}"#).unwrap();
        assert_eq!(read.extra_headers["x-key"], "sesame");
    }
}

//! Who serves models, and where.

use std::str::FromStr;

use mainstem_core::{Error, ErrorKind, OutputMode, Result};

/// A server of models that speaks chat completions, or the Responses API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// OpenAI.
    OpenAi,
    /// Azure OpenAI.
    Azure,
    /// Anthropic, by its OpenAI-compatible endpoint.
    Anthropic,
    /// Google Gemini, by its OpenAI-compatible endpoint.
    Gemini,
    /// Groq.
    Groq,
    /// OpenRouter.
    OpenRouter,
    /// Ollama, on this machine.
    Ollama,
    /// LM Studio, on this machine.
    LmStudio,
    /// Any other server, by its base URL.
    Other,
}

/// What is known of a provider.
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    /// Where it is, unless a variable says otherwise.
    pub(crate) base_url: Option<&'static str>,
    /// The variables that may say where it is.
    pub(crate) url_variables: &'static [&'static str],
    /// The variables that may hold its key; none, if it needs none.
    pub(crate) key_variables: &'static [&'static str],
}

impl Provider {
    /// All that have a name, in the order in which the environment is searched for their keys.
    pub const ALL: [Self; 8] = [
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Groq,
        Self::OpenRouter,
        Self::Ollama,
        Self::LmStudio,
    ];

    /// Its name in addresses: `openai`, `ollama`, ….
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    pub(crate) fn facts(self) -> Facts {
        let (name, base_url, url_variables, key_variables): (_, _, &[_], &[_]) = match self {
            Self::OpenAi => (
                "openai",
                Some("https://api.openai.com/v1"),
                &["OPENAI_BASE_URL"],
                &["OPENAI_API_KEY"],
            ),
            Self::Azure => (
                "azure",
                None,
                &["AZURE_OPENAI_ENDPOINT"],
                &["AZURE_OPENAI_API_KEY"],
            ),
            Self::Anthropic => (
                "anthropic",
                Some("https://api.anthropic.com/v1"),
                &["ANTHROPIC_BASE_URL"],
                &["ANTHROPIC_API_KEY"],
            ),
            Self::Gemini => (
                "gemini",
                Some("https://generativelanguage.googleapis.com/v1beta/openai"),
                &["GEMINI_BASE_URL"],
                &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            ),
            Self::Groq => (
                "groq",
                Some("https://api.groq.com/openai/v1"),
                &["GROQ_BASE_URL"],
                &["GROQ_API_KEY"],
            ),
            Self::OpenRouter => (
                "openrouter",
                Some("https://openrouter.ai/api/v1"),
                &["OPENROUTER_BASE_URL"],
                &["OPENROUTER_API_KEY"],
            ),
            Self::Ollama => (
                "ollama",
                Some("http://localhost:11434/v1"),
                &["OLLAMA_BASE_URL"],
                &[],
            ),
            Self::LmStudio => (
                "lmstudio",
                Some("http://localhost:1234/v1"),
                &["LMSTUDIO_BASE_URL"],
                &[],
            ),
            Self::Other => ("custom", None, &[], &[]),
        };
        Facts {
            name,
            base_url,
            url_variables,
            key_variables,
        }
    }

    /// How it is held to an output schema, unless an agent says otherwise.
    pub(crate) fn output_mode(self) -> OutputMode {
        match self {
            Self::OpenAi | Self::Azure => OutputMode::StrictSchema,
            // Its compatible endpoint takes no notice of `response_format`.
            Self::Anthropic => OutputMode::ForcedTool,
            _ => OutputMode::Schema,
        }
    }

    /// Whether it speaks the Responses API.
    pub(crate) fn has_responses(self) -> bool {
        !matches!(self, Self::Anthropic | Self::Gemini)
    }

    /// Whether the limit of tokens is called `max_completion_tokens`: newer models refuse the older
    /// `max_tokens`, most other servers know nothing else.
    pub(crate) fn wants_max_completion_tokens(self) -> bool {
        matches!(self, Self::OpenAi | Self::Azure | Self::Groq)
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|provider| provider.name()).collect();
            Error::new(
                ErrorKind::Config,
                format!(
                    "there is no provider `{name}`; there are: {}",
                    names.join(", ")
                ),
            )
        })
    }
}

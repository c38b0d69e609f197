use std::fmt;

use bpe_openai::{Tokenizer, cl100k_base, o200k_base};
use mainstem_core::TokenCounter;

/// Counts tokens as OpenAI's models do, by their own vocabularies.
///
/// A text is counted exactly. What a request costs around its texts is counted by rules that
/// [`TokenCounter`] names; how far that is from what OpenAI reports, the page on limits tells, from
/// recorded exchanges. Of models of others it is an estimate, about as good as their vocabulary is like
/// OpenAI's. The time it takes is linear, whatever the text.
///
/// The vocabularies are in the program, a few megabytes each, and are unpacked when they are first
/// needed.
///
/// ```
/// use mainstem_core::TokenCounter;
/// use mainstem_models::OpenAiTokens;
///
/// let counter = OpenAiTokens::of_model("openai://gpt-4o").unwrap();
/// assert_eq!(counter.count("What is the capital of France?"), 7);
/// assert!(OpenAiTokens::of_model("anthropic://claude-sonnet-4-5").is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OpenAiTokens(Vocabulary);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocabulary {
    Cl100k,
    O200k,
}

/// How the names of models begin; the first that fits holds.
const NAMES: [(&str, Vocabulary); 13] = [
    ("gpt-4o", Vocabulary::O200k),
    ("gpt-4.1", Vocabulary::O200k),
    ("gpt-4.5", Vocabulary::O200k),
    ("gpt-4", Vocabulary::Cl100k),
    ("gpt-3.5", Vocabulary::Cl100k),
    ("gpt-35", Vocabulary::Cl100k),
    ("text-embedding-", Vocabulary::Cl100k),
    ("gpt-", Vocabulary::O200k),
    ("chatgpt-", Vocabulary::O200k),
    ("codex-", Vocabulary::O200k),
    ("o1", Vocabulary::O200k),
    ("o3", Vocabulary::O200k),
    ("o4", Vocabulary::O200k),
];

impl OpenAiTokens {
    /// The vocabulary of a model, by its [id](mainstem_core::Model::id) or its name alone; none, if it
    /// isn't OpenAI's by its name.
    pub fn of_model(id: &str) -> Option<Self> {
        let name = id.rsplit('/').next().unwrap_or(id);
        let known = NAMES.iter().find(|(begin, _)| name.starts_with(begin))?;
        Some(Self(known.1))
    }

    /// The vocabulary of GPT-4o and later models, `o200k_base`.
    pub fn o200k() -> Self {
        Self(Vocabulary::O200k)
    }

    /// The vocabulary of GPT-4 and GPT-3.5, `cl100k_base`.
    pub fn cl100k() -> Self {
        Self(Vocabulary::Cl100k)
    }

    fn tokenizer(self) -> &'static Tokenizer {
        match self.0 {
            Vocabulary::Cl100k => cl100k_base(),
            Vocabulary::O200k => o200k_base(),
        }
    }
}

impl TokenCounter for OpenAiTokens {
    fn count(&self, text: &str) -> u64 {
        self.tokenizer().count(text) as u64
    }
}

impl fmt::Debug for OpenAiTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenAiTokens").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_says_its_vocabulary() {
        for (id, expected) in [
            ("openai://gpt-4o-mini", Some(OpenAiTokens::o200k())),
            ("openai+responses://gpt-5", Some(OpenAiTokens::o200k())),
            (
                "openrouter://openai/gpt-4-turbo",
                Some(OpenAiTokens::cl100k()),
            ),
            ("o3-mini", Some(OpenAiTokens::o200k())),
            ("gpt-3.5-turbo", Some(OpenAiTokens::cl100k())),
            ("gpt-oss-120b", Some(OpenAiTokens::o200k())),
            ("ollama://llama3.2", None),
        ] {
            assert_eq!(OpenAiTokens::of_model(id), expected, "{id}");
        }
    }

    #[test]
    fn long_runs_of_one_letter_take_no_time() {
        let text = "a".repeat(1_000_000);
        let count = OpenAiTokens::o200k().count(&text);
        assert!((1..=1_000_000).contains(&count));
    }
}

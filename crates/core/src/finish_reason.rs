use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Text;

/// Why a model ended its answer.
///
/// Its JSON is the provider's word: `"stop"`, `"length"`, …; an unknown one is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FinishReason {
    /// The answer is complete.
    Stop,
    /// The limit of tokens cut it.
    Length,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// The provider's filter cut it.
    ContentFilter,
    /// Another word of the server's.
    Other(Text),
}

impl FinishReason {
    /// The word on the wire.
    ///
    /// ```
    /// use mainstem_core::FinishReason;
    /// assert_eq!(FinishReason::from("tool_calls"), FinishReason::ToolCalls);
    /// assert_eq!(FinishReason::from("eos").as_str(), "eos");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }

    /// Whether the server gave up: `error`, `abort`, `cancelled` and their like. What came of the
    /// answer is no answer.
    ///
    /// ```
    /// use mainstem_core::FinishReason;
    /// assert!(FinishReason::from("abort").is_failure());
    /// assert!(!FinishReason::from("eos").is_failure());
    /// ```
    pub fn is_failure(&self) -> bool {
        const WORDS: [&str; 9] = [
            "error",
            "abort",
            "aborted",
            "cancelled",
            "canceled",
            "failed",
            "network_error",
            "insufficient_system_resource",
            "malformed_function_call",
        ];
        self.is_one_of(&WORDS)
    }

    /// Whether a filter cut the answer: `content_filter`, and what other servers call it.
    ///
    /// ```
    /// use mainstem_core::FinishReason;
    /// assert!(FinishReason::ContentFilter.is_filtered());
    /// assert!(FinishReason::from("SAFETY").is_filtered());
    /// ```
    pub fn is_filtered(&self) -> bool {
        const WORDS: [&str; 8] = [
            "content_filter",
            "content-filter",
            "safety",
            "sensitive",
            "refusal",
            "recitation",
            "prohibited_content",
            "blocklist",
        ];
        self.is_one_of(&WORDS)
    }

    /// Servers differ in case, and some add the cause: `content_filter: SAFETY`.
    fn is_one_of(&self, words: &[&str]) -> bool {
        let word = self.as_str().split(':').next().unwrap_or_default().trim();
        words.iter().any(|known| known.eq_ignore_ascii_case(word))
    }
}

impl From<&str> for FinishReason {
    fn from(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for FinishReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FinishReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*String::deserialize(deserializer)?))
    }
}

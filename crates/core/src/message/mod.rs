//! What is said in a conversation.

mod part;

pub use part::{
    MediaPart, MediaSource, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart,
};
use serde::{Deserialize, Serialize};

use crate::Text;

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The instructions of the application.
    System,
    /// A person, or whoever asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One message of a conversation, made of parts.
///
/// ```
/// use mainstem_core::{Message, Part, Role};
///
/// let message = Message::user("What is a jay?");
/// assert_eq!(message.role, Role::User);
/// assert_eq!(message.text(), "What is a jay?");
/// assert!(matches!(message.parts[0], Part::Text(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub parts: Vec<Part>,
    /// The name of who said it, where several share a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Whether it broke off: the run failed or was stopped before the message was complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl Message {
    /// A message of parts.
    pub fn new(role: Role, parts: impl IntoIterator<Item = Part>) -> Self {
        Self {
            role,
            parts: parts.into_iter().collect(),
            name: None,
            partial: false,
        }
    }

    /// Instructions.
    pub fn system(text: impl Into<Text>) -> Self {
        Self::new(Role::System, [Part::text(text)])
    }

    /// A person's words.
    pub fn user(text: impl Into<Text>) -> Self {
        Self::new(Role::User, [Part::text(text)])
    }

    /// A model's words.
    pub fn assistant(text: impl Into<Text>) -> Self {
        Self::new(Role::Assistant, [Part::text(text)])
    }

    /// The result of one tool call.
    pub fn tool_result(call_id: impl Into<Text>, output: impl Into<Text>) -> Self {
        Self::new(
            Role::Tool,
            [Part::ToolResult(ToolResultPart::new(call_id, output))],
        )
    }

    /// The text of all its text parts, joined.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }
}

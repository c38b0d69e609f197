use crate::{FinishReason, Json, Notice, Text, Usage};

/// A piece of a model's answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ModelEvent {
    /// The provider has accepted the request.
    Started {
        /// The provider's id of the request.
        request_id: Option<Text>,
    },
    /// Text; where an output schema was asked for, JSON text of the output.
    Text(Text),
    /// Thoughts.
    Reasoning(Text),
    /// What the provider wants back with the thoughts so far.
    ReasoningData(Json),
    /// Words for not answering.
    Refusal(Text),
    /// A tool call begins.
    ToolCall {
        /// Which call of this answer it is, from 0.
        index: u32,
        /// The provider's id of the call.
        id: Text,
        /// The tool's name.
        name: Text,
    },
    /// A piece of a call's arguments.
    ToolArguments {
        /// Which call it belongs to.
        index: u32,
        /// JSON text.
        text: Text,
    },
    /// Something that a person should know.
    Notice(Notice),
    /// What was used; the last one counts.
    Usage(Usage),
    /// The answer is complete.
    Finished(FinishReason),
}

impl ModelEvent {
    /// Whether it is a part of the answer, which a reader waits for.
    pub fn is_data(&self) -> bool {
        !matches!(self, Self::Started { .. } | Self::Notice(_))
    }
}

use crate::{FinishReason, Json, NextAttempt, Notice, Text, Usage};

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
    ///
    /// It ends a part of the thoughts: those that follow are another part, with data of their own.
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
    /// What the provider wants back with a call; the last one counts.
    ToolCallData {
        /// Which call it belongs to.
        index: u32,
        /// Goes into the call's `provider_data`.
        data: Json,
    },
    /// Something that a person should know.
    Notice(Notice),
    /// An attempt failed, and another one follows: from a layer that tries again.
    ///
    /// Of the events before it, those of the answer count unless it voids them; a usage counts no
    /// longer.
    NextAttempt(Box<NextAttempt>),
    /// The request isn't out yet: a limit of ours, or a pause before another attempt, holds it back.
    ///
    /// Who waits for a piece of the answer stops counting, until [`Sending`](Self::Sending).
    Waiting(Notice),
    /// The wait is over, and the request goes out.
    Sending,
    /// What was used, by this attempt; the last one counts.
    Usage(Usage),
    /// The answer is complete. After it, nothing but its usage is read.
    Finished(FinishReason),
}

impl From<NextAttempt> for ModelEvent {
    fn from(next: NextAttempt) -> Self {
        Self::NextAttempt(Box::new(next))
    }
}

impl ModelEvent {
    /// Whether it is a part of the answer, which a reader waits for; notices, waits and usage aren't.
    pub fn is_data(&self) -> bool {
        !matches!(
            self,
            Self::Started { .. }
                | Self::NextAttempt(_)
                | Self::Waiting(_)
                | Self::Sending
                | Self::Notice(_)
                | Self::Usage(_)
        )
    }
}

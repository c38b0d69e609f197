//! What a request asks for.

use mainstem_core::{Message, ModelRequest, Part, Role, ToolResultPart};

/// What the conversation ends with.
pub(super) enum Asked<'a> {
    /// Results of tools that were called.
    Results(Vec<Outcome<'a>>),
    /// A question, and the one before it.
    Question {
        words: String,
        before: Option<String>,
    },
    /// Nothing that could be read.
    Nothing,
}

/// What became of a tool call.
pub(super) struct Outcome<'a> {
    /// The tool's name, if the call is in the conversation.
    pub(super) tool: Option<&'a str>,
    pub(super) result: &'a ToolResultPart,
}

pub(super) fn asked(request: &ModelRequest) -> Asked<'_> {
    let messages = &request.messages;
    if messages.last().is_some_and(|last| last.role == Role::Tool) {
        return Asked::Results(results(messages));
    }
    let mut questions = messages
        .iter()
        .rev()
        .filter(|message| message.role == Role::User);
    let words = questions
        .next()
        .map(|message| message.text().trim().to_owned());
    match words {
        Some(words) if !words.is_empty() => Asked::Question {
            words,
            before: questions.next().map(Message::text),
        },
        _ => Asked::Nothing,
    }
}

/// The user's last words, whatever came after them.
pub(super) fn last_words(request: &ModelRequest) -> String {
    let mut messages = request.messages.iter().rev();
    messages
        .find(|message| message.role == Role::User)
        .map(Message::text)
        .unwrap_or_default()
}

fn results(messages: &[Message]) -> Vec<Outcome<'_>> {
    let rest = messages
        .iter()
        .rev()
        .take_while(|message| message.role == Role::Tool);
    let mut results: Vec<_> = rest
        .flat_map(|message| message.parts.iter().rev())
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(Outcome {
                tool: tool_of(messages, &result.call_id),
                result,
            }),
            _ => None,
        })
        .collect();
    results.reverse();
    results
}

fn tool_of<'a>(messages: &'a [Message], call: &str) -> Option<&'a str> {
    let parts = messages.iter().flat_map(|message| &message.parts);
    parts.rev().find_map(|part| match part {
        Part::ToolCall(made) if made.id == *call => Some(&*made.name),
        _ => None,
    })
}

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::dialect::{Field, LineEnd, UsageShape};
use crate::step::{RawBytes, Step};
use crate::{Gate, Reply};

/// # Steps of the message
///
/// They are sent in the order in which they are added.
impl Reply {
    /// Adds the chunk with the role and empty content, which comes first.
    #[must_use]
    pub fn role(self) -> Self {
        self.step(Step::Role)
    }

    /// Adds a chunk of text.
    #[must_use]
    pub fn content(self, text: impl Into<String>) -> Self {
        self.step(Step::Text(text.into()))
    }

    /// Adds the same chunk of text `count` times, made while it is sent.
    ///
    /// Each is an HTTP chunk of its own; use [`chunk_size`](Self::chunk_size) to
    /// pack them. Unless they are paced, many are written by one call.
    #[must_use]
    pub fn repeat(self, text: impl Into<String>, count: u64) -> Self {
        self.step(Step::Repeat {
            text: text.into(),
            count: Some(count),
        })
    }

    /// Adds a chunk of reasoning, by default in the field `reasoning_content`.
    #[must_use]
    pub fn reasoning(self, text: impl Into<String>) -> Self {
        self.step(Step::Reasoning(text.into()))
    }

    /// Adds a chunk of a refusal.
    #[must_use]
    pub fn refusal(self, text: impl Into<String>) -> Self {
        self.step(Step::Refusal(text.into()))
    }

    /// Adds the start of a tool call: its index, id and name, and no arguments yet.
    #[must_use]
    pub fn tool_start(self, index: u32, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.step(Step::ToolCall {
            index,
            id: id.into(),
            name: name.into(),
        })
    }

    /// Adds a piece of the arguments of a tool call.
    #[must_use]
    pub fn tool_arguments(self, index: u32, delta: impl Into<String>) -> Self {
        self.step(Step::Arguments {
            index,
            delta: delta.into(),
        })
    }

    /// Adds a chunk with this delta, for fields that have no step of their own.
    #[must_use]
    pub fn delta(self, delta: Value) -> Self {
        self.step(Step::Delta(delta))
    }

    /// Adds a chunk whose delta is `null`.
    #[must_use]
    pub fn null_delta(self) -> Self {
        self.step(Step::NullDelta)
    }

    /// Adds a chunk whose content is `null`.
    #[must_use]
    pub fn null_content(self) -> Self {
        self.step(Step::NullContent)
    }

    /// Sets the choice to which the following steps belong; it is 0 at first.
    #[must_use]
    pub fn choice(self, index: u32) -> Self {
        self.step(Step::Choice(index))
    }

    /// Adds the chunk with the finish reason, known or not.
    #[must_use]
    pub fn finish(self, reason: impl Into<String>) -> Self {
        self.step(Step::Finish(reason.into()))
    }

    /// Adds the chunk with the usage.
    #[must_use]
    pub fn usage(self, prompt_tokens: u64, completion_tokens: u64) -> Self {
        self.step(Step::Usage {
            prompt_tokens,
            completion_tokens,
        })
    }

    /// Adds the frame `[DONE]`.
    #[must_use]
    pub fn done(self) -> Self {
        self.step(Step::Done)
    }
}

/// # Other steps
impl Reply {
    /// Adds a frame with this JSON as it is, without any envelope.
    #[must_use]
    pub fn chunk(self, chunk: Value) -> Self {
        self.step(Step::Chunk(chunk))
    }

    /// Adds a frame with this payload, whatever it is; each of its lines is a `data` line.
    #[must_use]
    pub fn data(self, payload: impl Into<String>) -> Self {
        self.step(Step::Data(payload.into()))
    }

    /// Adds bytes as they are, without a frame around them.
    #[must_use]
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Raw(RawBytes(bytes.into())))
    }

    /// Adds a comment, as servers send it to keep a connection alive.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Self {
        self.step(Step::Comment(text.into()))
    }

    /// Adds the frame `{"error": {..}}`, by which servers fail in mid-stream.
    ///
    /// To a request that doesn't stream, the server answers with status 500.
    #[must_use]
    pub fn error(self, message: impl Into<String>) -> Self {
        self.step(Step::Error(message.into()))
    }

    /// Waits.
    #[must_use]
    pub fn wait(self, duration: Duration) -> Self {
        self.step(Step::Wait(duration))
    }

    /// Waits until the test lets the reply pass.
    #[must_use]
    pub fn gate(self, gate: &Gate) -> Self {
        self.step(Step::Gate(gate.clone()))
    }

    /// Sends nothing more and keeps the connection open until the client leaves.
    ///
    /// After [`done`](Self::done) this is a server that doesn't end its bodies.
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Closes the connection without ending the body.
    #[must_use]
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// Resets the connection, which may take bytes away that the client hasn't read.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Ends the body properly here, whatever steps follow.
    ///
    /// A script that just has no more steps ends in the same way; neither adds a
    /// finish reason or `[DONE]`.
    #[must_use]
    pub fn end(self) -> Self {
        self.step(Step::End)
    }
}

/// # Dialects
///
/// Each of these changes how all chunks of the reply are written.
impl Reply {
    /// Leaves a field out.
    #[must_use]
    pub fn omit(self, field: Field) -> Self {
        self.edit(|script| script.dialect.omit.push(field))
    }

    /// Sets the `id` of the chunks.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        self.edit(|script| script.dialect.id = id.into())
    }

    /// Sets the `model` of the chunks.
    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        self.edit(|script| script.dialect.model = model.into())
    }

    /// Sets the `created` of the chunks.
    #[must_use]
    pub fn created(self, seconds: u64) -> Self {
        self.edit(|script| script.dialect.created = seconds)
    }

    /// Sets the shape of the chunk with the usage.
    #[must_use]
    pub fn usage_shape(self, shape: UsageShape) -> Self {
        self.edit(|script| script.dialect.usage_shape = shape)
    }

    /// Sets the field of reasoning, for instance to `reasoning`.
    #[must_use]
    pub fn reasoning_field(self, name: impl Into<String>) -> Self {
        self.edit(|script| script.dialect.reasoning_field = name.into())
    }

    /// Adds a field to every chunk, before `choices`.
    #[must_use]
    pub fn extra(self, key: impl Into<String>, value: Value) -> Self {
        self.edit(|script| script.dialect.extra.push((key.into(), value)))
    }

    /// Adds a field to every delta.
    #[must_use]
    pub fn delta_extra(self, key: impl Into<String>, value: Value) -> Self {
        self.edit(|script| script.dialect.delta_extra.push((key.into(), value)))
    }

    /// Ends lines in another way than with a line feed.
    #[must_use]
    pub fn line_end(self, end: LineEnd) -> Self {
        self.edit(|script| script.dialect.line_end = end)
    }

    /// Ends lines with a carriage return and a line feed.
    #[must_use]
    pub fn crlf(self) -> Self {
        self.line_end(LineEnd::CrLf)
    }

    /// Writes `data:` without a space after it.
    #[must_use]
    pub fn no_space(self) -> Self {
        self.edit(|script| script.dialect.no_space = true)
    }

    /// Spreads the JSON of each chunk over three `data` lines.
    #[must_use]
    pub fn multi_line(self) -> Self {
        self.edit(|script| script.dialect.multi_line = true)
    }

    /// Puts a byte order mark before the first frame.
    #[must_use]
    pub fn bom(self) -> Self {
        self.edit(|script| script.dialect.bom = true)
    }
}

//! From the frames of a chat completion to model events.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mainstem_core::{Error, ErrorKind, FinishReason, ModelEvent, Result, Text, Usage};
use serde::de::IgnoredAny;

use super::{
    delta::{Choice, Frame, ToolCall},
    template::Template,
};
use crate::{output::Unwrap, sse, upstream::Fault};

/// How long a body may go on after `[DONE]`, or after a finish reason.
///
/// It is read to its end, so that the connection can be used again; but the answer is complete, and
/// a server that keeps the body open must not keep the reader.
const GRACE_AFTER_DONE: Duration = Duration::from_millis(250);
const GRACE_AFTER_FINISH: Duration = Duration::from_secs(5);

/// Reads frames, and knows whether the answer is complete.
pub(super) struct Reader {
    model: Text,
    /// The key, which the server may repeat in what it says of a failure.
    key: Option<Arc<str>>,
    pub(super) events: VecDeque<ModelEvent>,
    template: Template,
    /// Whether some text has come.
    spoke: bool,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    done: bool,
    /// The tool calls so far.
    calls: Vec<Call>,
    unwrap: Option<Unwrap>,
    /// Whether the arguments of a tool call are the output.
    tool_is_output: bool,
}

/// A tool call, by what a server may refer to it with.
#[derive(Debug)]
struct Call {
    id: Text,
    index: Option<u32>,
}

impl Reader {
    pub(super) fn new(
        model: &str,
        key: Option<Arc<str>>,
        unwrap: bool,
        tool_is_output: bool,
    ) -> Self {
        Self {
            model: model.into(),
            key,
            events: VecDeque::new(),
            template: Template::default(),
            spoke: false,
            finish_reason: None,
            usage: None,
            done: false,
            calls: Vec::new(),
            unwrap: unwrap.then(Unwrap::default),
            tool_is_output,
        }
    }

    /// How long to wait for the rest of the body, once the answer is complete.
    pub(super) fn grace(&self) -> Option<Duration> {
        match &self.finish_reason {
            _ if self.done => Some(GRACE_AFTER_DONE),
            Some(_) => Some(GRACE_AFTER_FINISH),
            None => None,
        }
    }

    /// Takes an event of the stream.
    pub(super) fn read(&mut self, frame: &sse::Frame<'_>) -> Result<()> {
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        if frame.is_error {
            return Err(self.fault(&String::from_utf8_lossy(data)));
        }
        self.read_json(data)
    }

    /// Takes what the body's end left without a blank line: if it can't be read, it was cut, and
    /// means nothing.
    pub(super) fn read_last(&mut self, frame: &sse::Frame<'_>) -> Result<()> {
        let data = frame.data.trim_ascii();
        let is_whole = frame.is_error
            || data == b"[DONE]"
            || serde_json::from_slice::<IgnoredAny>(data).is_ok();
        if is_whole { self.read(frame) } else { Ok(()) }
    }

    /// Takes a frame, or a whole completion.
    pub(super) fn read_json(&mut self, json: &[u8]) -> Result<()> {
        if let Some(text) = self.template.text(json) {
            self.push_text(text);
            return Ok(());
        }
        // Checked once as a whole, it needn't be checked string by string.
        let json = str::from_utf8(json).map_err(|_| self.unreadable("UTF-8"))?;
        let frame: Frame<'_> =
            serde_json::from_str(json).map_err(|error| self.malformed(&error))?;
        if let Some(error) = frame.error.filter(|error| error.get() != "null") {
            return Err(self.fault(&format!(r#"{{"error":{}}}"#, error.get())));
        }
        if let Some(usage) = &frame.usage {
            self.usage = Some(usage.read());
        }
        let Some(choice) = &frame.choices.0 else {
            return Ok(());
        };
        if frame.usage.is_none() && choice.is_text_alone() && !self.tool_is_output {
            self.template
                .learn(json.as_bytes(), &choice.delta.content.0);
        }
        self.read_choice(choice)
    }

    fn read_choice(&mut self, choice: &Choice<'_>) -> Result<()> {
        let delta = match &choice.message {
            Some(whole) if !self.spoke => whole,
            _ => &choice.delta,
        };
        // Servers use one name or the other; one that uses both says the same twice.
        let reasoning = if delta.reasoning_content.is_empty() {
            &delta.reasoning
        } else {
            &delta.reasoning_content
        };
        if !reasoning.is_empty() {
            self.events
                .push_back(ModelEvent::Reasoning(Text::from(&*reasoning.0)));
        }
        if !self.tool_is_output {
            self.push_text(&delta.content.0);
        }
        if !delta.refusal.is_empty() {
            self.events
                .push_back(ModelEvent::Refusal(Text::from(&*delta.refusal.0)));
        }
        for call in &delta.tool_calls {
            self.read_call(call)?;
        }
        if !choice.finish_reason.is_empty() {
            self.finish_reason = Some(FinishReason::from(&*choice.finish_reason.0));
        }
        Ok(())
    }

    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.spoke = true;
        let text = match &mut self.unwrap {
            None => Text::from(text),
            Some(unwrap) => unwrap.feed(text).into(),
        };
        if !text.is_empty() {
            self.events.push_back(ModelEvent::Text(text));
        }
    }

    fn read_call(&mut self, call: &ToolCall<'_>) -> Result<()> {
        let arguments = call
            .function
            .arguments()
            .map_err(|error| self.malformed(&error))?;
        if self.tool_is_output {
            self.push_text(&arguments);
            return Ok(());
        }
        let index = self.call_index(call);
        if index == self.calls.len() {
            let id = match &*call.id.0 {
                // The id is what the result refers to; a server that sends none needs some.
                "" => format!("call_{index}").into(),
                id => Text::from(id),
            };
            self.calls.push(Call {
                id: id.clone(),
                index: call.index,
            });
            let name = Text::from(&*call.function.name.0);
            self.events.push_back(ModelEvent::ToolCall {
                index: small(index),
                id,
                name,
            });
        }
        if !arguments.is_empty() {
            self.events.push_back(ModelEvent::ToolArguments {
                index: small(index),
                text: Text::from(&*arguments),
            });
        }
        Ok(())
    }

    /// Which call a delta belongs to.
    ///
    /// By its id, where it has one: some servers send none of the indexes, or 0 for every call.
    /// Else by its index, wherever the server begins to count; else it is the last one.
    fn call_index(&self, call: &ToolCall<'_>) -> usize {
        let next = self.calls.len();
        if !call.id.is_empty() {
            let same = |known: &Call| *known.id == *call.id.0;
            return self.calls.iter().position(same).unwrap_or(next);
        }
        let same = |known: &Call| call.index.is_some() && known.index == call.index;
        match self.calls.iter().rposition(same) {
            Some(index) => index,
            None if call.function.name.is_empty() => next.saturating_sub(1),
            None => next,
        }
    }

    /// Ends the answer, when its body has ended or broken off.
    pub(super) fn end(&mut self, broken: Option<reqwest::Error>) -> Result<()> {
        let Some(reason) = self.finish_reason.take() else {
            return Err(self.truncated(broken));
        };
        if let Some(usage) = self.usage.take() {
            self.events.push_back(ModelEvent::Usage(usage));
        }
        let reason = match reason {
            FinishReason::ToolCalls if self.tool_is_output => FinishReason::Stop,
            other => other,
        };
        self.events.push_back(ModelEvent::Finished(reason));
        Ok(())
    }

    fn truncated(&self, broken: Option<reqwest::Error>) -> Error {
        let model = &self.model;
        let what = match &broken {
            Some(_) => "the connection broke",
            None if self.done => "`[DONE]` came without a finish reason",
            None => "the body ended without a finish reason",
        };
        let error = Error::new(
            ErrorKind::Truncated,
            format!("the answer of `{model}` was cut: {what}"),
        );
        match broken {
            Some(cause) => error.with_source(cause.without_url()),
            None => error,
        }
    }

    fn fault(&self, words: &str) -> Error {
        Fault::from_body(words)
            .without(self.key.as_deref())
            .into_stream_error(&self.model)
    }

    /// The cause's own words may hold a piece of the frame; its place doesn't.
    fn malformed(&self, cause: &serde_json::Error) -> Error {
        let (line, column) = (cause.line(), cause.column());
        self.unreadable(&format!("JSON (line {line}, column {column})"))
    }

    fn unreadable(&self, what: &str) -> Error {
        let message = format!("`{}` sent a frame that can't be read as {what}", self.model);
        Error::new(ErrorKind::Model, message).retryable(true)
    }
}

fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

//! From the frames of a chat completion to model events.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mainstem_core::{
    Error, ErrorKind, FinishReason, ModelEvent, Notice, Partial, Result, Text, Usage,
};
use serde::de::IgnoredAny;

use super::{
    Parts,
    calls::Calls,
    delta::{Choice, Frame, ToolCall},
    provider_data::ProviderData,
    request::Body,
    template::Template,
};
use crate::{
    output::{Unwrap, Wrong},
    sse::{self, SseReader},
    upstream::Fault,
};

/// How long a body may go on after `[DONE]`, or after a finish reason.
///
/// It is read to its end, so that the connection can be used again; but the answer is complete, and
/// a server that keeps the body open must not keep the reader.
const GRACE_AFTER_DONE: Duration = Duration::from_millis(250);
const GRACE_AFTER_FINISH: Duration = Duration::from_secs(5);

/// Reads frames, and knows whether the answer is complete.
pub(super) struct Reader {
    model: Arc<Parts>,
    /// The key, which the server may repeat in what it says of a failure.
    key: Option<Arc<str>>,
    pub(super) events: VecDeque<ModelEvent>,
    template: Template,
    /// Whether some text has come.
    spoke: bool,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    done: bool,
    calls: Calls,
    provider_data: ProviderData,
    unwrap: Option<Unwrap>,
    /// Whether the arguments of a tool call are the output.
    tool_is_output: bool,
}

/// How a body ended.
pub(super) enum End {
    /// Properly, or the wait for its end was over.
    Body,
    /// The connection broke.
    Broken(reqwest::Error),
    /// It had something in it that is a failure.
    Failed(Error),
}

impl Reader {
    pub(super) fn new(model: Arc<Parts>, key: Option<Arc<str>>, body: &Body) -> Self {
        Self {
            key,
            events: VecDeque::new(),
            template: Template::default(),
            spoke: false,
            finish_reason: None,
            usage: None,
            done: false,
            calls: Calls::default(),
            provider_data: ProviderData::new(model.data_origin().into()),
            unwrap: body.wrapped.then(Unwrap::default),
            tool_is_output: body.tool_is_output,
            model,
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

    /// Takes the next event of what has come; whether there was one.
    pub(super) fn read_next(&mut self, sse: &mut SseReader) -> Result<bool> {
        match sse.next_frame()? {
            Some(frame) => self.read(&frame).map(|()| true),
            None => Ok(false),
        }
    }

    /// Takes what a body's proper end left without a blank line.
    pub(super) fn read_rest(&mut self, sse: &mut SseReader, end: End) -> End {
        if let End::Body = end
            && let Some(frame) = sse.last_frame()
            && let Err(error) = self.read_last(&frame)
        {
            return End::Failed(error);
        }
        end
    }

    /// Takes an event of the stream.
    fn read(&mut self, frame: &sse::Frame<'_>) -> Result<()> {
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

    /// Takes the last event: if it can't be read, it was cut, and means nothing.
    fn read_last(&mut self, frame: &sse::Frame<'_>) -> Result<()> {
        let data = frame.data.trim_ascii();
        let is_whole = frame.is_error
            || data == b"[DONE]"
            || serde_json::from_slice::<IgnoredAny>(data).is_ok();
        if is_whole { self.read(frame) } else { Ok(()) }
    }

    /// Takes a frame, or a whole completion.
    pub(super) fn read_json(&mut self, json: &[u8]) -> Result<()> {
        if let Some(text) = self.template.text(json) {
            return self.take_text(text);
        }
        // Checked once as a whole, it needn't be checked string by string.
        let json = str::from_utf8(json).map_err(|_| self.unreadable("UTF-8"))?;
        let frame: Frame<'_> =
            serde_json::from_str(json).map_err(|error| self.malformed(&error))?;
        if let Some(error) = frame.error.filter(|error| error.get() != "null") {
            return Err(self.fault(&format!(r#"{{"error":{}}}"#, error.get())));
        }
        if let Some(usage) = &frame.usage {
            self.take_usage(usage.read());
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
        if let Some(details) = delta.reasoning_details {
            self.provider_data.add_details(details);
        }
        if let Some(extra) = delta.extra_content {
            self.provider_data.set_extra(extra);
        }
        if !self.tool_is_output {
            self.take_text(&delta.content.0)?;
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

    /// Given out at once: if the answer breaks off, it was used all the same.
    fn take_usage(&mut self, usage: Usage) {
        if self.usage.replace(usage) != Some(usage) {
            self.events.push_back(ModelEvent::Usage(usage));
        }
    }

    fn take_text(&mut self, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.spoke = true;
        let text = match &mut self.unwrap {
            None => Text::from(text),
            Some(unwrap) => match unwrap.feed(text) {
                Ok(inner) => inner.into(),
                Err(wrong) => return Err(self.badly_wrapped(wrong)),
            },
        };
        if !text.is_empty() {
            self.events.push_back(ModelEvent::Text(text));
        }
        Ok(())
    }

    fn read_call(&mut self, call: &ToolCall<'_>) -> Result<()> {
        let arguments = call
            .function
            .arguments()
            .map_err(|error| self.malformed(&error))?;
        if self.tool_is_output {
            return self.take_text(&arguments);
        }
        let number = match self.calls.find(call) {
            Some(number) => number,
            None => {
                let (number, id, name) = self.calls.begin(call);
                let index = small(number);
                self.events
                    .push_back(ModelEvent::ToolCall { index, id, name });
                number
            }
        };
        let index = small(number);
        if !arguments.is_empty() {
            self.calls.add(number, &arguments);
            let text = Text::from(&*arguments);
            self.events
                .push_back(ModelEvent::ToolArguments { index, text });
        }
        if let Some(extra) = call.extra_content {
            let data = self.provider_data.of_call(extra);
            self.events
                .push_back(ModelEvent::ToolCallData { index, data });
        }
        Ok(())
    }

    /// Ends the answer, when its body has ended.
    ///
    /// Once it was complete, nothing takes it away any more.
    pub(super) fn end(&mut self, end: End) -> Result<()> {
        let Some(reason) = self.finish_reason.take() else {
            return Err(match end {
                End::Failed(error) => error,
                End::Broken(cause) => self.truncated(Some(cause)),
                End::Body => self.truncated(None),
            });
        };
        match end {
            End::Failed(error) if reason.is_failure() || error.kind() == ErrorKind::Output => {
                return Err(error);
            }
            End::Failed(_) => self.events.push_back(ModelEvent::Notice(Notice::new(
                "late_error",
                format!(
                    "`{}` failed after its answer was complete; the answer stands",
                    self.model.id
                ),
            ))),
            End::Body | End::Broken(_) => {}
        }
        let was_cut = reason == FinishReason::Length || reason.is_filtered() || reason.is_failure();
        if let Some(unwrap) = self.unwrap.as_ref().filter(|_| !was_cut) {
            unwrap.end().map_err(|wrong| self.badly_wrapped(wrong))?;
        }
        let data = self.provider_data.take();
        self.events.extend(data.map(ModelEvent::ReasoningData));
        let reason = match reason {
            FinishReason::ToolCalls if self.tool_is_output => FinishReason::Stop,
            other => other,
        };
        self.events.push_back(ModelEvent::Finished(reason));
        Ok(())
    }

    fn truncated(&self, broken: Option<reqwest::Error>) -> Error {
        let model = &self.model.id;
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

    /// The error keeps the raw text, which goes on where what was shown ends.
    fn badly_wrapped(&self, wrong: Wrong) -> Error {
        let model = &self.model.id;
        let message = match wrong {
            Wrong::TooMuch => format!("`{model}` wrote more than the output that it was asked for"),
            Wrong::Cut => format!("`{model}` finished before its output was complete"),
        };
        let raw = self.unwrap.as_ref().map(Unwrap::raw).unwrap_or_default();
        let partial = Partial::new(raw, self.usage.unwrap_or_default(), None);
        Error::new(ErrorKind::Output, message).with_partial(partial)
    }

    fn fault(&self, words: &str) -> Error {
        Fault::from_body(words)
            .without(self.key.as_deref())
            .into_stream_error(&self.model.id)
    }

    /// The cause's own words may hold a piece of the frame; its place doesn't.
    fn malformed(&self, cause: &serde_json::Error) -> Error {
        let (line, column) = (cause.line(), cause.column());
        self.unreadable(&format!("JSON (line {line}, column {column})"))
    }

    fn unreadable(&self, what: &str) -> Error {
        let message = format!(
            "`{}` sent a frame that can't be read as {what}",
            self.model.id
        );
        Error::new(ErrorKind::Model, message).retryable(true)
    }
}

fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

//! What an answer becomes, whatever its API: model events, and one end.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mainstem_core::{
    Error, ErrorKind, FinishReason, ModelEvent, Notice, OutputMode, Partial, Result, Text, Usage,
};
use serde::de::IgnoredAny;

use super::{Body, Server};
use crate::{
    output::{OutputTool, Unwrap, Wrong},
    sse::{self, SseReader},
    upstream::Fault,
};

/// How long a body may go on after its last frame, or after a finish reason.
///
/// It is read to its end, so that the connection can be used again; but the answer is complete, and
/// a server that keeps the body open must not keep the reader.
const GRACE_AFTER_DONE: Duration = Duration::from_millis(250);
const GRACE_AFTER_FINISH: Duration = Duration::from_secs(5);

/// An answer while it is read.
pub(crate) struct Answer {
    server: Arc<Server>,
    /// The key, which the server may repeat in what it says of a failure.
    key: Option<Arc<str>>,
    pub(crate) events: VecDeque<ModelEvent>,
    /// Whether some text has come.
    pub(crate) spoke: bool,
    /// Why it ended: it is complete.
    pub(crate) finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    /// Nothing of the answer comes after this.
    pub(crate) done: bool,
    unwrap: Option<Unwrap>,
    /// Which tool calls are the output.
    output_tool: OutputTool,
    /// The number of the call that is the output, among others.
    output_call: Option<usize>,
    /// Whether a call began that isn't the output.
    has_calls: bool,
}

/// How a body ended.
pub(crate) enum End {
    /// Properly, or the wait for its end was over.
    Body,
    /// The connection broke.
    Broken(reqwest::Error),
    /// It had something in it that is a failure.
    Failed(Error),
}

impl Answer {
    pub(crate) fn new(server: Arc<Server>, key: Option<Arc<str>>, body: &Body) -> Self {
        Self {
            server,
            key,
            events: VecDeque::new(),
            spoke: false,
            finish_reason: None,
            usage: None,
            done: false,
            unwrap: body.wrapped.then(Unwrap::default),
            output_tool: body.output_tool,
            output_call: None,
            has_calls: false,
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// How long to wait for the rest of the body, once the answer is complete.
    pub(super) fn grace(&self) -> Option<Duration> {
        match &self.finish_reason {
            _ if self.done => Some(GRACE_AFTER_DONE),
            Some(_) => Some(GRACE_AFTER_FINISH),
            None => None,
        }
    }

    pub(crate) fn take_text(&mut self, text: &str) -> Result<()> {
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

    /// What the model writes beside its calls: the output, or words around it.
    pub(crate) fn take_content(&mut self, text: &str) -> Result<()> {
        match self.output_tool {
            OutputTool::None => return self.take_text(text),
            OutputTool::Alone => {}
            OutputTool::Among if text.is_empty() => {}
            OutputTool::Among => self.events.push_back(ModelEvent::Text(text.into())),
        }
        Ok(())
    }

    /// Whether all that is called is the output.
    pub(crate) fn calls_are_output(&self) -> bool {
        self.output_tool == OutputTool::Alone
    }

    /// Whether what is written beside calls is the output.
    pub(crate) fn text_is_output(&self) -> bool {
        self.output_tool == OutputTool::None
    }

    pub(crate) fn take_reasoning(&mut self, text: &str) {
        if !text.is_empty() {
            self.events.push_back(ModelEvent::Reasoning(text.into()));
        }
    }

    pub(crate) fn take_refusal(&mut self, text: &str) {
        if !text.is_empty() {
            self.events.push_back(ModelEvent::Refusal(text.into()));
        }
    }

    /// Given out at once: if the answer breaks off, it was used all the same.
    pub(crate) fn take_usage(&mut self, usage: Usage) {
        if self.usage.replace(usage) != Some(usage) {
            self.events.push_back(ModelEvent::Usage(usage));
        }
    }

    /// Begins a tool call of this number.
    pub(crate) fn begin_call(&mut self, number: usize, id: Text, name: Text) {
        let may_be_output = self.output_tool == OutputTool::Among && self.output_call.is_none();
        if may_be_output && name == OutputMode::TOOL {
            self.output_call = Some(number);
            return;
        }
        self.has_calls = true;
        let index = self.index(number);
        self.events
            .push_back(ModelEvent::ToolCall { index, id, name });
    }

    /// Takes more of a call's arguments.
    pub(crate) fn take_arguments(&mut self, number: usize, text: &str) -> Result<()> {
        if self.output_call == Some(number) {
            return self.take_text(text);
        }
        if !text.is_empty() {
            let (index, text) = (self.index(number), text.into());
            self.events
                .push_back(ModelEvent::ToolArguments { index, text });
        }
        Ok(())
    }

    pub(crate) fn take_call_data(&mut self, number: usize, data: mainstem_core::Json) {
        // What is remembered of the output is its text.
        if self.output_call != Some(number) {
            let index = self.index(number);
            self.events
                .push_back(ModelEvent::ToolCallData { index, data });
        }
    }

    /// The number of a call among those that aren't the output.
    fn index(&self, number: usize) -> u32 {
        let is_after = self.output_call.is_some_and(|output| output < number);
        let index = number - usize::from(is_after);
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Whether there was no other call than the output.
    fn called_output_alone(&self) -> bool {
        match self.output_tool {
            OutputTool::None => false,
            OutputTool::Alone => true,
            OutputTool::Among => self.output_call.is_some() && !self.has_calls,
        }
    }

    /// The failure that a frame tells of.
    pub(crate) fn fault(&self, words: &str) -> Error {
        Fault::from_body(words)
            .without(self.key.as_deref())
            .into_stream_error(&self.server.id)
    }

    /// The cause's own words may hold a piece of the frame; its place doesn't.
    pub(crate) fn malformed(&self, cause: &serde_json::Error) -> Error {
        let (line, column) = (cause.line(), cause.column());
        self.unreadable(&format!("JSON (line {line}, column {column})"))
    }

    /// The text of a frame: checked once as a whole, it needn't be checked string by string.
    pub(crate) fn utf8<'a>(&self, frame: &'a [u8]) -> Result<&'a str> {
        str::from_utf8(frame).map_err(|_| self.unreadable("UTF-8"))
    }

    fn unreadable(&self, what: &str) -> Error {
        let message = format!(
            "`{}` sent a frame that can't be read as {what}",
            self.server.id
        );
        Error::new(ErrorKind::Model, message).retryable(true)
    }

    /// Ends the answer, when its body has ended.
    ///
    /// Once it was complete, nothing takes it away any more.
    fn end(&mut self, end: End, last: impl IntoIterator<Item = ModelEvent>) -> Result<()> {
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
                    self.server.id
                ),
            ))),
            End::Body | End::Broken(_) => {}
        }
        let was_cut = reason == FinishReason::Length || reason.is_filtered() || reason.is_failure();
        let is_there = self.output_tool != OutputTool::Among || self.output_call.is_some();
        if let Some(unwrap) = self.unwrap.as_ref().filter(|_| is_there && !was_cut) {
            unwrap.end().map_err(|wrong| self.badly_wrapped(wrong))?;
        }
        self.events.extend(last);
        let reason = match reason {
            FinishReason::ToolCalls if self.called_output_alone() => FinishReason::Stop,
            other => other,
        };
        self.events.push_back(ModelEvent::Finished(reason));
        Ok(())
    }

    fn truncated(&self, broken: Option<reqwest::Error>) -> Error {
        let missing = self.server.protocol.end;
        let what = match &broken {
            Some(_) => "the connection broke".to_owned(),
            None if self.done => format!("`[DONE]` came without {missing}"),
            None => format!("the body ended without {missing}"),
        };
        let error = Error::new(
            ErrorKind::Truncated,
            format!("the answer of `{}` was cut: {what}", self.server.id),
        );
        match broken {
            Some(cause) => error.with_source(cause.without_url()),
            None => error,
        }
    }

    /// The error keeps the raw text, which goes on where what was shown ends.
    fn badly_wrapped(&self, wrong: Wrong) -> Error {
        let model = &self.server.id;
        let message = match wrong {
            Wrong::TooMuch => format!("`{model}` wrote more than the output that it was asked for"),
            Wrong::Cut => format!("`{model}` finished before its output was complete"),
        };
        let raw = self.unwrap.as_ref().map(Unwrap::raw).unwrap_or_default();
        let partial = Partial::new(raw, self.usage.unwrap_or_default(), None);
        Error::new(ErrorKind::Output, message).with_partial(partial)
    }
}

/// Reads the frames of an API.
pub(crate) trait Reader: Send {
    /// What has been read.
    fn answer(&mut self) -> &mut Answer;

    /// Takes the JSON of a frame.
    fn read_json(&mut self, json: &[u8]) -> Result<()>;

    /// Takes the JSON of an answer that isn't streamed.
    fn read_whole(&mut self, json: &[u8]) -> Result<()>;

    /// What comes before the finish of a complete answer.
    fn last(&mut self) -> Option<ModelEvent> {
        None
    }

    /// Takes the next event of what has come; whether there was one.
    fn read_next(&mut self, sse: &mut SseReader) -> Result<bool> {
        match sse.next_frame()? {
            Some(frame) => self.read(&frame).map(|()| true),
            None => Ok(false),
        }
    }

    /// Takes what a body's proper end left without a blank line.
    fn read_rest(&mut self, sse: &mut SseReader, end: End) -> End {
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
        // After its last frame nothing counts: a second answer would be shown as a part of the first.
        if self.answer().done || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.answer().done = true;
            return Ok(());
        }
        if frame.is_error {
            return Err(self.answer().fault(&String::from_utf8_lossy(data)));
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

    /// Ends the answer, when its body has ended.
    fn end(&mut self, end: End) -> Result<()> {
        let last = self.last();
        self.answer().end(end, last)
    }
}

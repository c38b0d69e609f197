use mainstem_core::{
    Error, ErrorKind, FinishReason, Json, JsonDelta, Message, ModelEvent, OutputSpec, Part,
    Partial, ReasoningDelta, ReasoningPart, RefusalDelta, Result, Role, RunContext, Text,
    TextDelta, TextPart, ToolCallDelta, ToolCallReady, ToolCallStarted, TurnFinished, TurnStarted,
    Usage,
};
use mainstem_structured::{Checker, Violation};

use crate::{finish, memory::Memory};

/// A model's answer while it arrives.
///
/// Each piece is checked, kept and emitted. Dropped before its end, it leaves what there was of it
/// as the run's partial output and as a partial message.
pub(crate) struct Answer {
    model: Text,
    ctx: RunContext,
    memory: Memory,
    started: bool,
    text: String,
    thoughts: Vec<Thought>,
    refusal: String,
    calls: Vec<Call>,
    checker: Option<Checker>,
    /// Counts the request from the beginning, until the model gives a usage of its own.
    usage: Usage,
    finish_reason: Option<FinishReason>,
    complete: bool,
}

/// A part of the reasoning, which what the provider wants back with it ends.
#[derive(Default)]
struct Thought {
    text: String,
    data: Option<Json>,
}

/// A tool call while its arguments arrive.
struct Call {
    id: Text,
    name: Text,
    arguments: String,
}

impl Answer {
    pub(crate) fn begin(
        model: &str,
        output: Option<&OutputSpec>,
        ctx: RunContext,
        memory: Memory,
    ) -> Self {
        Self {
            model: model.into(),
            ctx,
            memory,
            started: false,
            text: String::new(),
            thoughts: Vec::new(),
            refusal: String::new(),
            calls: Vec::new(),
            checker: output.map(|output| output.schema.checker()),
            usage: Usage::new(0, 0),
            finish_reason: None,
            complete: false,
        }
    }

    /// Takes the next piece, or the model's failure.
    ///
    /// A piece is kept once it is emitted: dropped while that waits, it was never shown.
    pub(crate) async fn take(&mut self, item: Result<ModelEvent>) -> Result<()> {
        let event = item.inspect_err(|error| self.note_failure(error))?;
        if !self.started {
            self.started = true;
            let mut started = TurnStarted::new(self.model.clone());
            if let ModelEvent::Started { request_id } = &event {
                started.request_id.clone_from(request_id);
            }
            self.ctx.emit(started).await;
        }
        match event {
            ModelEvent::Text(text) => self.take_text(text).await?,
            ModelEvent::Reasoning(text) => {
                self.ctx.emit(ReasoningDelta::new(text.clone())).await;
                self.thought().text.push_str(&text);
            }
            ModelEvent::ReasoningData(data) => self.thought().data = Some(data),
            ModelEvent::Refusal(text) => {
                self.ctx.emit(RefusalDelta::new(text.clone())).await;
                self.refusal.push_str(&text);
            }
            ModelEvent::ToolCall { index, id, name } => self.begin_call(index, id, name).await?,
            ModelEvent::ToolArguments { index, text } => self.continue_call(index, text).await?,
            ModelEvent::Notice(notice) => self.ctx.emit(notice).await,
            ModelEvent::Usage(usage) => self.count(usage),
            ModelEvent::Finished(reason) => self.finish_reason = Some(reason),
            // `Started`, and what a later version adds.
            _ => {}
        }
        Ok(())
    }

    fn note_failure(&mut self, error: &Error) {
        // A request that couldn't be made wasn't sent.
        if matches!(
            error.kind(),
            ErrorKind::Config | ErrorKind::Input | ErrorKind::Value
        ) && !self.started
        {
            self.usage.requests = 0;
        }
        // What the model wrote, where that is more than what could be shown of it.
        if let Some(raw) = error.partial() {
            self.text = raw.text.to_string();
        }
    }

    fn count(&mut self, usage: Usage) {
        self.usage = usage;
        self.usage.requests = usage.requests.max(1);
    }

    async fn take_text(&mut self, text: Text) -> Result<()> {
        match &mut self.checker {
            None => {
                self.ctx.emit(TextDelta::new(text.clone())).await;
                self.text.push_str(&text);
            }
            Some(checker) => {
                if let Err(violation) = checker.feed(text.as_bytes()) {
                    self.text.push_str(&text);
                    return Err(wrong_output(violation));
                }
                self.ctx.emit(JsonDelta::new(text.clone())).await;
                self.text.push_str(&text);
            }
        }
        Ok(())
    }

    /// The thought that is going on.
    fn thought(&mut self) -> &mut Thought {
        let has_ended = |thought: &Thought| thought.data.is_some();
        if self.thoughts.last().is_none_or(has_ended) {
            self.thoughts.push(Thought::default());
        }
        let last = self.thoughts.len() - 1;
        &mut self.thoughts[last]
    }

    async fn begin_call(&mut self, index: u32, id: Text, name: Text) -> Result<()> {
        if index as usize != self.calls.len() {
            return Err(self.malformed("began a tool call out of order"));
        }
        self.calls.push(Call {
            id: id.clone(),
            name: name.clone(),
            arguments: String::new(),
        });
        self.ctx.emit(ToolCallStarted::new(id, name)).await;
        Ok(())
    }

    async fn continue_call(&mut self, index: u32, text: Text) -> Result<()> {
        let Some(call) = self.calls.get_mut(index as usize) else {
            return Err(self.malformed("sent arguments of a tool call that it hadn't begun"));
        };
        call.arguments.push_str(&text);
        let id = call.id.clone();
        self.ctx.emit(ToolCallDelta::new(id, text)).await;
        Ok(())
    }

    /// Ends the answer with the output, once the model's stream has ended.
    pub(crate) async fn end<T>(mut self, read: fn(&str) -> serde_json::Result<T>) -> Result<T> {
        let Some(reason) = self.finish_reason.clone() else {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "the answer of `{}` stopped without an end; another try may help",
                    self.model
                ),
            ));
        };
        self.ctx
            .emit(TurnFinished::new(reason.clone(), self.usage))
            .await;
        self.ctx.record_finish_reason(reason.clone());
        self.refuse_calls().await?;
        self.check(&reason)?;
        let output = read(&self.text).map_err(|error| {
            Error::new(
                ErrorKind::Output,
                "the output isn't of the type that was asked for",
            )
            .with_source(error)
        })?;
        self.complete = true;
        Ok(output)
    }

    /// This agent has no tools: a call can't be answered.
    async fn refuse_calls(&self) -> Result<()> {
        for call in &self.calls {
            let arguments = Json::parse(call.arguments.as_str()).map_err(|error| {
                let message = format!(
                    "the arguments for tool `{}` aren't JSON; another try may help",
                    call.name
                );
                Error::new(ErrorKind::Tool, message).with_source(error)
            })?;
            let ready = ToolCallReady::new(call.id.clone(), call.name.clone(), arguments);
            self.ctx.emit(ready).await;
        }
        match self.calls.first() {
            None => Ok(()),
            Some(call) => Err(Error::new(
                ErrorKind::Tool,
                format!(
                    "`{}` called tool `{}`, which the agent hasn't got",
                    self.model, call.name
                ),
            )),
        }
    }

    fn check(&mut self, reason: &FinishReason) -> Result<()> {
        if !self.refusal.is_empty() {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("`{}` refused to answer", self.model),
            ));
        }
        finish::check(&self.model, reason)?;
        if self.text.is_empty() || self.checker.is_some() {
            finish::check_length(&self.model, reason)?;
        }
        if let Some(checker) = &mut self.checker {
            checker.finish().map_err(wrong_output)?;
        } else if self.text.is_empty() {
            return Err(Error::new(
                ErrorKind::Output,
                format!(
                    "`{}` finished ({reason}) without any output; another try, or another \
                     instruction, may help",
                    self.model
                ),
            ));
        }
        Ok(())
    }

    fn malformed(&self, what: &str) -> Error {
        Error::new(ErrorKind::Model, format!("`{}` {what}", self.model))
    }

    /// The message so far; none, if the model has said nothing.
    fn message(&mut self) -> Option<Message> {
        let mut parts = Vec::new();
        parts.extend(self.thoughts.drain(..).map(|thought| {
            let mut part = ReasoningPart::new(thought.text);
            part.provider_data = thought.data;
            Part::Reasoning(part)
        }));
        if !self.text.is_empty() {
            parts.push(Part::text(std::mem::take(&mut self.text)));
        }
        if !self.refusal.is_empty() {
            parts.push(Part::Refusal(TextPart::new(std::mem::take(
                &mut self.refusal,
            ))));
        }
        (!parts.is_empty()).then(|| Message::new(Role::Assistant, parts))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.ctx.record_usage(self.usage);
        if !self.complete {
            let reason = self.finish_reason.clone();
            self.ctx
                .record_partial(Partial::new(&self.text, self.usage, reason));
        }
        let partial = !self.complete;
        if let Some(mut message) = self.message() {
            message.partial = partial;
            self.memory.add_answer(message);
        }
    }
}

fn wrong_output(violation: Violation) -> Error {
    Error::new(ErrorKind::Output, "the output doesn't fit its schema").with_source(violation)
}

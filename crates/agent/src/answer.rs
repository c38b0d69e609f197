use mainstem_core::{
    Error, ErrorKind, FinishReason, Json, JsonDelta, Message, ModelEvent, OutputSpec, Part,
    Partial, ReasoningDelta, ReasoningPart, RefusalDelta, Result, Role, RunContext, Text,
    TextDelta, TextPart, ToolCallDelta, ToolCallReady, ToolCallStarted, TurnFinished, TurnStarted,
    Usage,
};
use mainstem_structured::{Checker, Violation};

use crate::memory::Memory;

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
    reasoning: String,
    reasoning_data: Option<Json>,
    refusal: String,
    calls: Vec<Call>,
    checker: Option<Checker>,
    usage: Option<Usage>,
    finish_reason: Option<FinishReason>,
    complete: bool,
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
            reasoning: String::new(),
            reasoning_data: None,
            refusal: String::new(),
            calls: Vec::new(),
            checker: output.map(|output| output.schema.checker()),
            usage: None,
            finish_reason: None,
            complete: false,
        }
    }

    /// Takes the next piece.
    ///
    /// It is kept once it is emitted: dropped while that waits, the piece was never shown.
    pub(crate) async fn take(&mut self, event: ModelEvent) -> Result<()> {
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
                self.reasoning.push_str(&text);
            }
            ModelEvent::ReasoningData(data) => self.reasoning_data = Some(data),
            ModelEvent::Refusal(text) => {
                self.ctx.emit(RefusalDelta::new(text.clone())).await;
                self.refusal.push_str(&text);
            }
            ModelEvent::ToolCall { index, id, name } => self.begin_call(index, id, name).await?,
            ModelEvent::ToolArguments { index, text } => self.continue_call(index, text).await?,
            ModelEvent::Notice(notice) => self.ctx.emit(notice).await,
            ModelEvent::Usage(usage) => self.usage = Some(usage),
            ModelEvent::Finished(reason) => self.finish_reason = Some(reason),
            // `Started`, and what a later version adds.
            _ => {}
        }
        Ok(())
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
        let usage = self.usage.unwrap_or_default();
        self.ctx
            .emit(TurnFinished::new(reason.clone(), usage))
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
        if self.text.is_empty() || self.checker.is_some() {
            cut_short(&self.model, reason)?;
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
        if !self.reasoning.is_empty() || self.reasoning_data.is_some() {
            let mut reasoning = ReasoningPart::new(std::mem::take(&mut self.reasoning));
            reasoning.provider_data = self.reasoning_data.take();
            parts.push(Part::Reasoning(reasoning));
        }
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
        if let Some(usage) = self.usage {
            self.ctx.record_usage(usage);
        }
        if !self.complete {
            let usage = self.usage.unwrap_or_default();
            let reason = self.finish_reason.clone();
            self.ctx
                .record_partial(Partial::new(&self.text, usage, reason));
        }
        let partial = !self.complete;
        if let Some(mut message) = self.message() {
            message.partial = partial;
            self.memory.add_answer(message);
        }
    }
}

/// An answer that ended for another reason than that it was complete has no output.
fn cut_short(model: &str, reason: &FinishReason) -> Result<()> {
    match reason {
        FinishReason::Length => Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the output of `{model}` was cut at its limit of tokens; raise `max_output_tokens`"
            ),
        )
        .with_code(reason.as_str())),
        FinishReason::ContentFilter => Err(Error::new(
            ErrorKind::Refused,
            format!("the provider's filter cut the output of `{model}`"),
        )
        .with_code(reason.as_str())),
        _ => Ok(()),
    }
}

fn wrong_output(violation: Violation) -> Error {
    Error::new(ErrorKind::Output, "the output doesn't fit its schema").with_source(violation)
}

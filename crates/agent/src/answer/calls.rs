//! The tool calls of an answer, while they arrive.

use mainstem_core::{
    Error, ErrorKind, FinishReason, Json, Message, Part, Result, Role, Text, ToolCallDelta,
    ToolCallPart, ToolCallReady, ToolCallStarted,
};
use mainstem_structured::{Checker, Schema, Violation};

use super::Answer;
use crate::finish;

/// A tool call while its arguments arrive.
pub(super) struct Call {
    id: Text,
    name: Text,
    arguments: Checker,
    data: Option<Json>,
}

impl Call {
    /// Takes more of the arguments; refuses them at their first impossible byte.
    fn feed(&mut self, text: &str) -> Result<()> {
        let fed = self.arguments.feed(text.as_bytes());
        fed.map_err(|violation| self.malformed(violation))
    }

    fn finish(&mut self) -> Result<Json> {
        match self.arguments.finish() {
            Ok(text) => Json::parse(text),
            Err(violation) => Err(self.malformed(violation)),
        }
    }

    /// As the model wrote it, so far.
    pub(super) fn part(&self) -> Part {
        let arguments = String::from_utf8_lossy(self.arguments.text()).into_owned();
        let mut part = ToolCallPart::new(self.id.clone(), self.name.clone(), arguments);
        part.provider_data.clone_from(&self.data);
        Part::ToolCall(part)
    }

    fn malformed(&self, violation: Violation) -> Error {
        let message = format!(
            "the arguments for tool `{}` aren't JSON; another try may help",
            self.name
        );
        Error::new(ErrorKind::Tool, message).with_source(violation)
    }
}

impl Answer {
    pub(super) async fn begin_call(&mut self, index: u32, id: Text, name: Text) -> Result<()> {
        if index as usize != self.calls.len() {
            return Err(self.malformed("began a tool call out of order"));
        }
        let arguments = match &self.tools {
            Some(tools) => tools.checker(&name),
            None => Schema::any().checker(),
        };
        self.calls.push(Call {
            id: id.clone(),
            name: name.clone(),
            arguments,
            data: None,
        });
        self.ctx.emit(ToolCallStarted::new(id, name)).await;
        Ok(())
    }

    pub(super) async fn continue_call(&mut self, index: u32, text: Text) -> Result<()> {
        let call = self.call(index)?;
        let fits = call.feed(&text);
        let id = call.id.clone();
        match fits {
            Ok(()) => self.ctx.emit(ToolCallDelta::new(id, text)).await,
            Err(error) if self.tools.is_none() => return Err(error),
            // Nothing that follows can mend it: no more is read, and no more is paid for.
            Err(_) => {
                self.is_cut = true;
                self.finish_reason = Some(FinishReason::ToolCalls);
            }
        }
        Ok(())
    }

    /// Takes what the provider wants back with a call.
    pub(super) fn keep_data(&mut self, index: u32, data: Json) -> Result<()> {
        self.call(index)?.data = Some(data);
        Ok(())
    }

    fn call(&mut self, index: u32) -> Result<&mut Call> {
        let malformed = self.malformed("sent more of a tool call that it hadn't begun");
        self.calls.get_mut(index as usize).ok_or(malformed)
    }

    /// Whether it asks for tools that the agent has.
    pub(super) fn has_calls(&self) -> bool {
        self.tools.is_some() && !self.calls.is_empty()
    }

    /// Calls are made only if they are whole.
    pub(super) fn check_calls(&self, reason: &FinishReason) -> Result<()> {
        self.check_refusal()?;
        finish::check(&self.model, reason)?;
        finish::check_length(&self.model, reason, &self.text, None)
    }

    /// Tells of the calls whose arguments are whole.
    pub(super) async fn show_ready_calls(&mut self) {
        for call in &mut self.calls {
            if let Ok(arguments) = call.finish() {
                let ready = ToolCallReady::new(call.id.clone(), call.name.clone(), arguments);
                self.ctx.emit(ready).await;
            }
        }
    }

    /// The message of an answer that is complete; it isn't remembered here then.
    pub(crate) fn take_message(&mut self) -> Message {
        let calls: Vec<_> = self.calls.drain(..).map(|call| call.part()).collect();
        let said = self.message();
        let mut message = said.unwrap_or_else(|| Message::new(Role::Assistant, []));
        message.parts.extend(calls);
        message
    }

    /// This agent has no tools: a call can't be answered.
    pub(super) async fn refuse_calls(&mut self) -> Result<()> {
        for call in &mut self.calls {
            let arguments = call.finish()?;
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
}

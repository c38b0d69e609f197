//! How an answer ends, and what is left of it.

use std::sync::Arc;

use mainstem_core::{
    Error, ErrorKind, FinishReason, Message, Part, Partial, ReasoningPart, Result, Role, TextPart,
    TurnFinished,
};

use super::Answer;
use crate::{
    Agent,
    attempts::{Failure, Misfit},
    expense::Expense,
    finish,
};

impl Answer {
    /// Ends the answer, once the model's stream has ended; with the output, unless it calls tools.
    pub(crate) async fn end<T>(&mut self, agent: &Agent<T>) -> Result<Option<T>, Failure> {
        let Some(reason) = self.finish_reason.clone() else {
            return Err(Failure::Failed(Error::new(
                ErrorKind::Truncated,
                format!(
                    "the answer of `{}` stopped without an end; another try may help",
                    self.model
                ),
            )));
        };
        let mut judged = match self.take_rewritten_rest().await {
            Err(refused) => Err(refused),
            Ok(()) if self.has_calls() => self
                .check_calls(&reason)
                .map(|()| None)
                .map_err(Failure::from),
            Ok(()) => self.judge(&reason, agent).map(Some),
        };
        if judged.is_ok()
            && let Err(refused) = self.show_rest().await
        {
            judged = Err(refused.into());
        }
        if judged.is_ok() && self.has_calls() {
            self.show_ready_calls().await;
        }
        let within_limits = self.end_expense();
        let mut finished = TurnFinished::new(reason.clone(), self.all_usage());
        finished.by_model = self
            .expense
            .as_ref()
            .map(Expense::by_model)
            .filter(|shares| !shares.is_empty())
            .map(Box::new);
        self.ctx.emit(finished).await;
        self.ctx.record_finish_reason(reason);
        within_limits?;
        if self.tools.is_none() {
            self.refuse_calls().await?;
        }
        let output = judged?;
        self.complete = true;
        Ok(output)
    }

    /// The output, if it is one.
    fn judge<T>(&mut self, reason: &FinishReason, agent: &Agent<T>) -> Result<T, Failure> {
        self.check(reason)?;
        agent
            .read(self.document())
            .map_err(|error| Misfit::Type(Arc::new(error)).into())
    }

    pub(super) fn check_refusal(&self) -> Result<()> {
        if self.refusal.is_empty() {
            return Ok(());
        }
        let message = format!("`{}` refused to answer", self.model);
        Err(Error::new(ErrorKind::Refused, message))
    }

    fn check(&mut self, reason: &FinishReason) -> Result<(), Failure> {
        self.check_refusal()?;
        finish::check(&self.model, reason)?;
        if self.text.is_empty() || self.reading.is_some() {
            finish::check_length(&self.model, reason, self.document(), self.output.as_ref())?;
        }
        if let Some(reading) = &mut self.reading {
            reading.finish().map_err(Misfit::Violation)?;
        } else if self.text.is_empty() {
            return Err(Misfit::Empty.into());
        }
        Ok(())
    }

    /// The message so far; none, if the model has said nothing.
    pub(super) fn message(&mut self) -> Option<Message> {
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
        // Nobody is left to be told that a limit is passed.
        let _within_limits = self.end_expense();
        if self.is_void {
            return;
        }
        if !self.complete {
            self.withhold();
            let reason = self.finish_reason.clone();
            self.ctx
                .record_partial(Partial::new(&self.text, self.all_usage(), reason));
        }
        let partial = !self.complete;
        if let Some(mut message) = self.message() {
            message.partial = partial;
            self.memory.add(message);
        }
    }
}

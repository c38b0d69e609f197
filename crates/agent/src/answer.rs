mod calls;
mod end;
mod guarded;

use std::sync::Arc;

use calls::Call;
use futures::FutureExt;
use mainstem_core::{
    Error, ErrorKind, FinishReason, Json, JsonDelta, Message, ModelEvent, ModelRequest,
    NextAttempt, Notice, OutputSpec, Part, Place, ReasoningDelta, ReasoningPart, Recall,
    RefusalDelta, Result, Retracted, Role, RunContext, Text, TextDelta, TextPart, TimeLimits,
    TokenCounter, Traces, TurnStarted, Usage,
};

use crate::{
    agent::Parts,
    attempts::{Failure, Misfit},
    expense::Expense,
    guards::{Rewriting, Watch},
    memory::Memory,
    reading::Reading,
    tools::Tools,
};

/// A model's answer while it arrives.
///
/// Each piece is checked, kept and emitted. Dropped before its end, it leaves what there was of it
/// as the run's partial output and as a partial message.
pub(crate) struct Answer {
    model: Text,
    ctx: RunContext,
    memory: Memory,
    started: bool,
    /// The place of the first event of it, or one before.
    since: Place,
    /// Nothing of its JSON is shown before all of it is valid.
    is_held: bool,
    /// Who gives another text than the model's.
    rewriting: Option<Box<Rewriting>>,
    /// Who looks at the output before it is shown.
    watch: Option<Box<Watch>>,
    text: String,
    /// What was there before the model was asked: bytes of the text.
    said: usize,
    thoughts: Vec<Thought>,
    refusal: String,
    calls: Vec<Call>,
    /// What can be called.
    tools: Option<Arc<Tools>>,
    /// A call's arguments don't fit: the turn is over, and the model is told.
    is_cut: bool,
    output: Option<OutputSpec>,
    reading: Option<Reading>,
    /// None, until the model is asked.
    expense: Option<Expense>,
    finish_reason: Option<FinishReason>,
    complete: bool,
    /// It is taken back: nothing of it is kept.
    is_void: bool,
}

/// A part of the reasoning, which what the provider wants back with it ends.
#[derive(Default)]
struct Thought {
    text: String,
    data: Option<Json>,
}

impl Answer {
    pub(crate) fn begin(agent: &Parts, ctx: RunContext, memory: Memory) -> Self {
        let output = agent.output.as_ref();
        Self {
            model: agent.model.id().into(),
            since: ctx.next_place(),
            ctx,
            memory,
            started: false,
            is_held: agent.hold_until_valid,
            rewriting: Rewriting::begin(&agent.guards.output),
            watch: Watch::begin(&agent.guards.output),
            text: String::new(),
            said: 0,
            thoughts: Vec::new(),
            refusal: String::new(),
            calls: Vec::new(),
            tools: agent.tools.clone(),
            is_cut: false,
            output: output.cloned(),
            reading: output.map(|output| agent.reading(output)),
            expense: None,
            finish_reason: None,
            complete: false,
            is_void: false,
        }
    }

    /// What comes continues this, which was shown before.
    pub(crate) fn continue_from(&mut self, said: String) {
        self.said = said.len();
        if let Some(rewriting) = &mut self.rewriting {
            rewriting.begin_after(&said);
        }
        if let Some(watch) = &mut self.watch {
            watch.begin_after(&said);
        }
        self.text = said;
    }

    /// Whether what the model writes can be taken back.
    pub(crate) fn recall(&self) -> Recall {
        let (ctx, since) = (self.ctx.clone(), self.since);
        Recall::ask(move || {
            let ctx = ctx.clone();
            async move { ctx.can_retract_since(ctx.path(), since).await }.boxed()
        })
    }

    /// The model is to be asked; refused, if a limit of usage leaves no room for it, or a guard refuses what
    /// the answer is to continue.
    pub(crate) fn open(
        &mut self,
        counter: Option<Arc<dyn TokenCounter>>,
        request: &ModelRequest,
    ) -> Result<()> {
        if let Some(watch) = &mut self.watch {
            watch.open()?;
        }
        self.expense = Some(Expense::begin(&self.ctx, &self.model, counter, request)?);
        Ok(())
    }

    /// Takes the next piece, or the model's failure.
    ///
    /// A piece is kept once it is emitted: dropped while that waits, it was never shown.
    pub(crate) async fn take(&mut self, item: Result<ModelEvent>) -> Result<(), Failure> {
        let event = item.inspect_err(|error| self.note_failure(error))?;
        self.count(&event)?;
        if !self.started {
            self.begin_turn(&event).await;
        }
        match event {
            ModelEvent::Text(text) => {
                if let Some(text) = self.rewritten(text)? {
                    self.take_text(text).await?;
                }
            }
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
            ModelEvent::ToolCallData { index, data } => self.keep_data(index, data)?,
            ModelEvent::Notice(notice) => self.ctx.emit(notice).await,
            ModelEvent::Finished(reason) => self.finish_reason = Some(reason),
            // Apart: it is seldom, and more than all the rest has to carry.
            ModelEvent::NextAttempt(next) => Box::pin(self.try_again(*next)).await?,
            ModelEvent::Waiting(notice) => self.ctx.emit(notice).await,
            // `Started`, `Sending`, `Usage`, and what a later version adds.
            _ => {}
        }
        Ok(())
    }

    /// Tells of a turn that begins with an event, if it is the model's own.
    async fn begin_turn(&mut self, event: &ModelEvent) {
        let request_id = match event {
            ModelEvent::NextAttempt(_) | ModelEvent::Waiting(_) | ModelEvent::Sending => return,
            ModelEvent::Started { request_id } => request_id.clone(),
            _ => None,
        };
        self.started = true;
        let mut started = TurnStarted::new(self.model.clone());
        started.request_id = request_id;
        self.ctx.emit(started).await;
    }

    /// A layer tries again: from the beginning, or from where the last attempt stopped.
    async fn try_again(&mut self, next: NextAttempt) -> Result<()> {
        let failed = &next.failed;
        let how = match next.is_void {
            true => "the answer begins anew",
            false => "the answer goes on",
        };
        let by = next.model.as_ref().unwrap_or(&self.model);
        let message = format!("`{}`: {}; {how} with `{by}`", self.model, failed.message);
        let next_model = by.clone();
        if let Some(expense) = &mut self.expense {
            let another = expense.next_attempt(next.usage, &next_model, next.is_void);
            another.map_err(|refused| refused.with_source(Error::from(next.failed.clone())))?;
        }
        if next.is_void && self.started {
            if !self.can_be_void().await {
                return Err(next.failed.into());
            }
            self.ctx
                .emit(Retracted::new(self.since, failed.message.clone()))
                .await;
            self.forget();
        }
        self.ctx.emit(Notice::new("next_attempt", message)).await;
        self.model = next_model;
        Ok(())
    }

    /// Forgets what the model has written.
    fn forget(&mut self) {
        self.started = false;
        self.text.truncate(self.said);
        if let Some(rewriting) = &mut self.rewriting {
            rewriting.begin_after(&self.text);
        }
        if let Some(watch) = &mut self.watch {
            watch.begin_after(&self.text);
        }
        self.thoughts.clear();
        self.refusal.clear();
        self.calls.clear();
        self.is_cut = false;
        self.finish_reason = None;
        if let (Some(reading), Some(output)) = (&mut self.reading, &self.output) {
            reading.begin_anew(&output.schema);
        }
    }

    fn note_failure(&mut self, error: &Error) {
        // A request that couldn't be made wasn't sent.
        if matches!(
            error.kind(),
            ErrorKind::Config | ErrorKind::Input | ErrorKind::Value
        ) && !self.started
        {
            self.was_not_sent();
        }
        // What the model wrote, where that is more than what could be shown of it; not past a guard.
        let is_guarded = self.watch.is_some() || self.rewriting.is_some();
        if let (Some(raw), false) = (error.partial(), is_guarded) {
            self.text = raw.text.to_string();
        }
    }

    fn was_not_sent(&mut self) {
        if let Some(expense) = &mut self.expense {
            expense.was_not_sent();
        }
    }

    /// Counts a piece; fails, if a limit of usage cuts the answer off. A complete one is held to it
    /// [at its end](Self::end).
    fn count(&mut self, event: &ModelEvent) -> Result<()> {
        let counted = self.expense.as_mut().map(|expense| expense.follow(event));
        match self.finish_reason {
            None => counted.unwrap_or(Ok(())),
            Some(_) => Ok(()),
        }
    }

    /// The end of what is counted; fails, if a limit of usage is passed.
    fn end_expense(&mut self) -> Result<()> {
        self.expense.as_mut().map_or(Ok(()), Expense::end)
    }

    /// That of all attempts.
    pub(crate) fn all_usage(&self) -> Usage {
        self.expense
            .as_ref()
            .map(Expense::usage)
            .unwrap_or_default()
    }

    async fn take_text(&mut self, text: Text) -> Result<(), Failure> {
        let Some(reading) = &mut self.reading else {
            match self.watch {
                None => self.ctx.emit(TextDelta::new(text.clone())).await,
                Some(_) => self.show_guarded(text.clone()).await?,
            }
            self.text.push_str(&text);
            return Ok(());
        };
        if let Err(violation) = reading.feed(&text) {
            self.text.push_str(&text);
            return Err(Misfit::Violation(violation).into());
        }
        while let Some(notice) = reading.next_repair() {
            self.ctx.emit(notice).await;
        }
        let json = match reading.take_new() {
            None => text.clone(),
            Some(new) => new.into(),
        };
        let wants_more = reading.wants_more();
        if !json.is_empty() {
            match self.watch {
                None if self.is_held => {}
                None => self.ctx.emit(JsonDelta::new(json)).await,
                Some(_) => self.show_guarded(json).await?,
            }
        }
        self.text.push_str(&text);
        if !wants_more && self.finish_reason.is_none() {
            self.finish_reason = Some(FinishReason::Stop);
        }
        Ok(())
    }

    /// Whether the model's stream is to be read on.
    pub(crate) fn wants_more(&self) -> bool {
        !self.is_cut && self.reading.as_ref().is_none_or(Reading::wants_more)
    }

    /// The JSON of the answer so far.
    fn document(&self) -> &str {
        match &self.reading {
            None => &self.text,
            Some(reading) => reading.document(&self.text),
        }
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

    /// What the run's caller allows for the model's time.
    pub(crate) fn time_limits(&self) -> Option<TimeLimits> {
        self.ctx.time_limits()
    }

    /// What the run tells those who listen to its spans.
    pub(crate) fn traces(&self) -> &Traces {
        self.ctx.traces()
    }

    /// The id of the model that answers.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    pub(crate) fn finish_reason(&self) -> Option<&FinishReason> {
        self.finish_reason.as_ref()
    }

    /// A copy of the message so far.
    pub(crate) fn so_far(&self) -> Message {
        let thoughts = self.thoughts.iter();
        let mut parts: Vec<_> = thoughts
            .map(|thought| Part::Reasoning(ReasoningPart::new(&*thought.text)))
            .collect();
        parts.push(Part::text(&*self.text));
        if !self.refusal.is_empty() {
            parts.push(Part::Refusal(TextPart::new(&*self.refusal)));
        }
        parts.extend(self.calls.iter().map(Call::part));
        Message::new(Role::Assistant, parts)
    }

    /// What the model wrote so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether no reader was shown what it can't take back.
    pub(crate) async fn can_be_void(&self) -> bool {
        let path = self.ctx.path();
        self.ctx.can_retract_since(path, self.since).await
    }

    /// Takes back what was shown: another attempt follows, and nothing of this one is kept but its
    /// usage.
    pub(crate) async fn void(&mut self, reason: String) {
        if self.started {
            self.ctx.emit(Retracted::new(self.since, reason)).await;
        }
        self.is_void = true;
    }

    fn malformed(&self, what: &str) -> Error {
        Error::new(ErrorKind::Model, format!("`{}` {what}", self.model))
    }
}

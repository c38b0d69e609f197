//! One attempt at an answer.

use std::{borrow::Cow, collections::VecDeque};

use mainstem_core::{
    Error, ErrorKind, FinishReason, ModelEvent, ModelRequest, NextAttempt, Notice, Partial, Result,
    Text, Usage,
};

use super::{Plan, WhenCut, answer::Answer, seam::Seam};

/// The most that is held back, in bytes.
const MAX_HELD_BYTES: usize = 64 << 20;

/// Reads one attempt.
pub(super) struct Attempt {
    model: Text,
    /// What can be given.
    pub(super) ready: VecDeque<ModelEvent>,
    /// What is held back until the end, if all is.
    held: Option<Vec<ModelEvent>>,
    seam: Option<Seam>,
    /// Where it begins in the text of the answer.
    begins_at: usize,
    /// All that the model wrote, whatever was given of it.
    written: String,
    /// Whether the request waits for a layer inside.
    is_waiting: bool,
    /// Whether the server has taken the request.
    is_accepted: bool,
    usage: Option<Usage>,
    /// That of attempts of a layer inside, which told of them itself.
    pub(super) told: Usage,
    finished: Option<FinishReason>,
}

/// How an attempt ended.
pub(super) enum End {
    Whole,
    Failed(Failure),
}

/// How an attempt failed.
pub(super) struct Failure {
    pub(super) error: Error,
    /// The model's own word for it, where it gave one.
    gave_up: Option<FinishReason>,
    /// Whether the error is the model's, and not made here.
    is_told: bool,
}

impl Attempt {
    /// Begins one; it goes on with an answer, if it doesn't begin it.
    pub(super) fn begin(plan: &Plan, model: &str, answer: &Answer, goes_on: bool) -> Self {
        Self {
            model: model.into(),
            ready: VecDeque::new(),
            held: (plan.when_cut == WhenCut::Hold).then(Vec::new),
            seam: goes_on.then(|| Seam::new(&answer.text)),
            begins_at: answer.text.len(),
            written: String::new(),
            is_waiting: false,
            is_accepted: false,
            usage: None,
            told: Usage::default(),
            finished: None,
        }
    }

    /// Takes the model's next item; gives the attempt's end, if that is it.
    pub(super) fn take(
        &mut self,
        item: Option<Result<ModelEvent>>,
        answer: &mut Answer,
    ) -> Option<End> {
        match item {
            Some(Ok(event)) => {
                self.note(&event);
                self.take_event(event, answer);
                self.is_too_long().then(|| self.too_long())
            }
            Some(Err(error)) => Some(End::Failed(Failure {
                error,
                gave_up: self.finished.take(),
                is_told: true,
            })),
            None => Some(self.end(answer)),
        }
    }

    /// What nobody reads yet, nobody can stop.
    fn is_too_long(&self) -> bool {
        self.held.is_some() && self.written.len() > MAX_HELD_BYTES
    }

    fn too_long(&self) -> End {
        let message = format!(
            "the answer of `{}` is held back, and has more than {MAX_HELD_BYTES} bytes",
            self.model
        );
        End::Failed(Failure {
            error: Error::new(ErrorKind::Limit, message),
            gave_up: None,
            is_told: false,
        })
    }

    fn note(&mut self, event: &ModelEvent) {
        self.is_accepted |= event.is_data() || matches!(event, ModelEvent::Started { .. });
        match event {
            ModelEvent::Text(text)
            | ModelEvent::Reasoning(text)
            | ModelEvent::Refusal(text)
            | ModelEvent::ToolArguments { text, .. } => self.written.push_str(text),
            ModelEvent::Usage(usage) => self.usage = Some(*usage),
            ModelEvent::Waiting(_) => self.is_waiting = true,
            ModelEvent::Sending => self.is_waiting = false,
            ModelEvent::Finished(reason) => self.finished = Some(reason.clone()),
            _ => {}
        }
    }

    fn take_event(&mut self, event: ModelEvent, answer: &mut Answer) {
        match event {
            // Its cause may follow.
            ModelEvent::Finished(reason) if reason.is_failure() => {}
            ModelEvent::NextAttempt(next) => self.take_next(*next, answer),
            event if !event.is_data() => self.give(event, answer),
            event => match &mut self.held {
                None => self.join(event, answer),
                Some(held) => {
                    held.push(event);
                    if held.len() == 1 {
                        let message = "the answer is shown once it is complete";
                        let notice = Notice::new("held_back", message);
                        self.give(ModelEvent::Notice(notice), answer);
                    }
                }
            },
        }
    }

    /// A layer inside of this one tries again.
    fn take_next(&mut self, mut next: NextAttempt, answer: &mut Answer) {
        self.usage = None;
        self.told += next.usage;
        self.written.clear();
        if let Some(held) = &mut self.held
            && std::mem::take(&mut next.is_void)
        {
            held.clear();
        }
        self.give(next.into(), answer);
        self.begins_at = self.begins_at.min(answer.text.len());
    }

    /// Gives a piece, without what it repeats of the ones before.
    fn join(&mut self, event: ModelEvent, answer: &mut Answer) {
        let event = match (&mut self.seam, event) {
            (None, event) => event,
            (Some(_), event @ (ModelEvent::Reasoning(_) | ModelEvent::ReasoningData(_))) => event,
            (Some(seam), ModelEvent::Text(text)) => match seam.feed(&text) {
                Cow::Borrowed("") => return,
                Cow::Borrowed(_) => ModelEvent::Text(text),
                Cow::Owned(new) if new.is_empty() => return,
                Cow::Owned(new) => ModelEvent::Text(new.into()),
            },
            (Some(seam), event) => {
                let rest = seam.finish();
                if !rest.is_empty() {
                    self.give(ModelEvent::Text(rest.into()), answer);
                }
                event
            }
        };
        self.give(event, answer);
    }

    fn give(&mut self, event: ModelEvent, answer: &mut Answer) {
        answer.note(&event);
        self.ready.push_back(event);
    }

    fn end(&mut self, answer: &mut Answer) -> End {
        let gave_up = match self.finished.take() {
            Some(reason) if !reason.is_failure() => {
                for event in self.held.take().unwrap_or_default() {
                    self.give(event, answer);
                }
                return End::Whole;
            }
            other => other,
        };
        let error = match &gave_up {
            Some(reason) => {
                let message = format!("`{}` gave up its answer", self.model);
                let error = Error::new(ErrorKind::Model, message).with_code(reason.as_str());
                error.retryable(true)
            }
            None => Error::new(
                ErrorKind::Truncated,
                format!("the answer of `{}` stopped without an end", self.model),
            ),
        };
        End::Failed(Failure {
            error,
            gave_up,
            is_told: false,
        })
    }

    /// What it used, estimated if the provider didn't say.
    ///
    /// A request that was refused, or that couldn't be sent, has used nothing.
    pub(super) fn usage(&self, plan: &Plan, asked: &ModelRequest, error: &Error) -> Usage {
        if let Some(usage) = self.usage {
            return usage;
        }
        let is_unsendable = matches!(
            error.kind(),
            ErrorKind::Config | ErrorKind::Input | ErrorKind::Value
        );
        if self.is_waiting || (is_unsendable && !self.is_accepted) {
            return Usage::default();
        }
        if !self.is_accepted && error.kind() != ErrorKind::Timeout {
            return Usage::new(0, 0);
        }
        let input = plan.counter.count_request(asked);
        let mut usage = Usage::new(input, plan.counter.count(&self.written));
        usage.estimated = true;
        usage
    }

    /// The failure of the whole answer.
    pub(super) fn stand(
        &self,
        failure: Failure,
        answer: &Answer,
        spent: Usage,
    ) -> Vec<Result<ModelEvent>> {
        let reason = failure.gave_up.clone();
        let is_shown = self.held.is_none();
        let mut items = Vec::new();
        if let Some(reason) = failure.gave_up.filter(|_| is_shown) {
            items.push(Ok(ModelEvent::Finished(reason)));
            if !failure.is_told {
                return items;
            }
        }
        let text = match failure.error.partial() {
            // What the model wrote, where that is more than what could be shown of it.
            Some(raw) => format!("{}{}", &answer.text[..self.begins_at], raw.text),
            None => format!("{}{}", answer.text, self.held_text()),
        };
        let partial = Partial::new(text, spent, reason);
        items.push(Err(failure.error.with_partial(partial)));
        items
    }

    fn held_text(&self) -> String {
        let texts = self.held.iter().flatten().filter_map(|event| match event {
            ModelEvent::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

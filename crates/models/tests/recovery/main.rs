//! Attempts at an answer, one after the other, under virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cuts;
mod layers;
mod pauses;
mod random;

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    Error, ErrorKind, FinishReason, Message, Model, ModelEvent, ModelRequest, ModelStream,
    NextAttempt, Recall, Usage,
    test_util::{Script, ScriptedModel},
};
use mainstem_models::{Recovery, RecoveryBuilder};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A model of another name.
struct Named(&'static str, ScriptedModel);

impl Model for Named {
    fn id(&self) -> &str {
        self.0
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        self.1.stream(request)
    }
}

/// An answer as its reader has it.
#[derive(Debug, Default)]
struct Read {
    text: String,
    thoughts: String,
    calls: usize,
    attempts: Vec<NextAttempt>,
    waits: usize,
    notices: Vec<String>,
    usage: Usage,
    finished: Option<FinishReason>,
    error: Option<Error>,
    took: Duration,
}

impl Read {
    async fn of(model: &impl Model, recall: Recall) -> Self {
        let mut request = ModelRequest::new([Message::user("Hi?")]);
        request.recall = recall;
        Self::answer(model, request).await
    }

    async fn answer(model: &impl Model, request: ModelRequest) -> Self {
        let begin = Instant::now();
        let mut read = Self::default();
        let mut current = Usage::default();
        let mut events = model.stream(request);
        while let Some(item) = events.next().await {
            assert!(read.error.is_none(), "an item after an error: {item:?}");
            match item {
                Err(error) => read.error = Some(error),
                Ok(ModelEvent::NextAttempt(next)) => {
                    current = Usage::default();
                    read.usage += next.usage;
                    if next.is_void {
                        read.text.clear();
                        read.thoughts.clear();
                        read.calls = 0;
                    }
                    read.attempts.push(*next);
                }
                Ok(ModelEvent::Usage(usage)) => current = usage,
                Ok(event) => read.take(event),
            }
        }
        read.usage += current;
        read.took = begin.elapsed();
        read
    }

    fn take(&mut self, event: ModelEvent) {
        assert!(self.finished.is_none(), "after the end: {event:?}");
        match event {
            ModelEvent::Text(text) => self.text.push_str(&text),
            ModelEvent::Reasoning(text) => self.thoughts.push_str(&text),
            ModelEvent::ToolCall { .. } => self.calls += 1,
            ModelEvent::Waiting(_) => self.waits += 1,
            ModelEvent::Notice(notice) => self.notices.push(notice.code.to_string()),
            ModelEvent::Finished(reason) => self.finished = Some(reason),
            _ => {}
        }
    }

    fn error(&self) -> &Error {
        self.error.as_ref().unwrap_or_else(|| panic!("{self:?}"))
    }

    fn partial(&self) -> &str {
        &self.error().partial().unwrap().text
    }
}

fn status(status: u16) -> Error {
    let retryable = status == 429 || status >= 500;
    let message = format!("the model answered {status}");
    let error = Error::new(ErrorKind::Model, message).with_status(status);
    error.retryable(retryable)
}

fn failing(error: Error) -> Script {
    Script::new().fail(error)
}

/// Some text, and then the failure.
fn half(text: &str) -> Script {
    let started = ModelEvent::Started { request_id: None };
    Script::new()
        .event(started)
        .event(ModelEvent::Text(text.into()))
}

fn cut(text: &str) -> Script {
    half(text).fail(Error::new(ErrorKind::Truncated, "cut"))
}

fn recovery(model: &ScriptedModel) -> RecoveryBuilder {
    Recovery::of(model.clone())
        .backoff(SECOND, 8 * SECOND)
        .jitter(0.0)
}

fn said(request: &ModelRequest) -> Vec<String> {
    request.messages.iter().map(Message::text).collect()
}

//! Runs an agent in one of three ways, and notes all that can be seen of it.

use std::sync::{Arc, Mutex};

use crate::within;
use futures::StreamExt;
use mainstem::{Error, ErrorInfo, Event, EventKind, Message, Part, Partial, Run, RunResult};
use serde::Serialize;
use serde_json::Value;

/// How a run is read.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// Awaited, as if it didn't stream.
    Awaited,
    /// Event by event.
    Events,
    /// Piece of text by piece of text.
    Text,
}

/// What was seen of a run, without what differs from run to run.
#[derive(Debug, PartialEq)]
pub struct Seen {
    /// What came out: the result, or the error and the partial output.
    pub outcome: Result<Value, (Value, Option<Partial>)>,
    /// The events, as JSON.
    pub events: Vec<Value>,
    /// The text, as callbacks got it.
    pub chunks: Vec<String>,
}

impl Seen {
    /// The kinds of the events.
    pub fn names(&self) -> Vec<&str> {
        self.events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect()
    }
}

/// Runs it, and notes what is seen.
///
/// # Panics
///
/// If reader and callbacks see different things, or the events aren't in order.
pub async fn watch<T: Serialize + Send + 'static>(run: Run<T>, how: How) -> Seen {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let chunks = Arc::new(Mutex::new(Vec::new()));
    let (note, keep) = (Arc::clone(&noted), Arc::clone(&chunks));
    let run = run
        .on_event(move |event| note.lock().unwrap().push(event.clone()))
        .on_chunk(move |chunk| keep.lock().unwrap().push(chunk.to_string()));
    let result = match how {
        How::Awaited => within(run).await,
        How::Events => {
            let mut run = run.stream();
            let mut events = Vec::new();
            while let Some(event) = within(run.next()).await {
                events.push(event);
            }
            assert_eq!(
                events,
                *noted.lock().unwrap(),
                "a callback sees what a reader sees"
            );
            run.await
        }
        How::Text => {
            let mut run = run.stream();
            let mut texts = Vec::new();
            let end = loop {
                match within(run.next_text()).await {
                    Ok(Some(text)) => texts.push(text.to_string()),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            assert_eq!(
                texts,
                *chunks.lock().unwrap(),
                "a callback sees what a reader sees"
            );
            let result = run.await;
            assert_eq!(
                end.as_ref().map(failure),
                result.as_ref().err().map(failure)
            );
            result
        }
    };
    let events = std::mem::take(&mut *noted.lock().unwrap());
    check_order(&events);
    let chunks = std::mem::take(&mut *chunks.lock().unwrap());
    Seen {
        outcome: result.as_ref().map(success).map_err(failure),
        events: events.iter().map(lasting).collect(),
        chunks,
    }
}

/// What holds for every run.
fn check_order(events: &[Event]) {
    assert!(matches!(events[0].kind, EventKind::RunStarted(_)));
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let ends: Vec<_> = events.iter().filter(|event| event.is_end()).collect();
    assert_eq!(ends, [events.last().unwrap()]);
}

fn success<T: Serialize>(result: &RunResult<T>) -> Value {
    serde_json::json!({
        "output": result.output,
        "usage": result.usage,
        "finish_reason": result.finish_reason,
        "messages": result.messages,
    })
}

fn failure(error: &Error) -> (Value, Option<Partial>) {
    (
        serde_json::to_value(ErrorInfo::from(error)).unwrap(),
        error.partial().cloned(),
    )
}

/// An event without the time and the run's id.
fn lasting(event: &Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap();
    value.as_object_mut().unwrap().remove("at");
    if let Some(data) = value["data"].as_object_mut() {
        data.remove("run");
    }
    value
}

/// A conversation in words: `user: Hi`, `assistant, partial: Hel`.
pub fn in_words(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .map(|message| {
            let role = serde_json::to_value(message.role).unwrap();
            let partial = if message.partial { ", partial" } else { "" };
            let parts: Vec<String> = message.parts.iter().map(part_in_words).collect();
            format!("{}{partial}: {}", role.as_str().unwrap(), parts.join(" | "))
        })
        .collect()
}

fn part_in_words(part: &Part) -> String {
    match part {
        Part::Text(text) => text.text.to_string(),
        Part::Reasoning(thought) => format!("({})", thought.text),
        Part::Refusal(refusal) => format!("[{}]", refusal.text),
        Part::ToolCall(call) => format!("{}({})", call.name, call.arguments),
        Part::ToolResult(result) if result.is_error => format!("!> {}", result.output),
        Part::ToolResult(result) => format!("-> {}", result.output),
        other => format!("{other:?}"),
    }
}

//! Answers as they are kept.

use mainstem_core::{FinishReason, ModelEvent, Notice, Usage};
use tokio::time::Instant;

/// What an answer takes up beside its events.
const OVERHEAD: usize = 128;

/// A whole answer.
pub(super) struct Kept {
    events: Box<[ModelEvent]>,
    pub(super) bytes: usize,
    /// When it was kept.
    pub(super) at: Instant,
}

impl Kept {
    /// The same events; before the answer's first piece, that it is an old one and was free.
    pub(super) fn replay(&self) -> impl Iterator<Item = ModelEvent> + Send + use<> {
        let age = self.at.elapsed().as_secs();
        let message = format!("the same was asked before; this is the answer from {age} s ago");
        let said = [
            ModelEvent::Notice(Notice::new("cached", message)),
            ModelEvent::Usage(Usage::default()),
        ];
        let is_start = |event: &&ModelEvent| matches!(event, ModelEvent::Started { .. });
        let start = self.events.first().filter(is_start).cloned();
        let rest = self.events[usize::from(start.is_some())..].to_vec();
        start.into_iter().chain(said).chain(rest)
    }
}

/// What came of an answer so far; `None` once it is clear that it won't be kept.
pub(super) struct Recording {
    events: Option<Vec<ModelEvent>>,
    bytes: usize,
    /// More isn't kept.
    most: usize,
}

impl Recording {
    pub(super) fn new(most: usize) -> Self {
        Self {
            events: Some(Vec::new()),
            bytes: OVERHEAD,
            most,
        }
    }

    /// Takes the next event. The whole answer, if this was its end and it is one to be kept.
    pub(super) fn take(&mut self, event: &ModelEvent) -> Option<Kept> {
        match event {
            ModelEvent::NextAttempt(next) => {
                if next.is_void {
                    self.begin_anew();
                }
                // It is another model's answer, and only as long as this one fails.
                if next.model.is_some() {
                    self.give_up();
                }
            }
            ModelEvent::Waiting(_) | ModelEvent::Sending | ModelEvent::Usage(_) => {}
            ModelEvent::Finished(reason) if is_cut(reason) => self.give_up(),
            event => self.push(event),
        }
        matches!(event, ModelEvent::Finished(_)).then(|| {
            Some(Kept {
                events: self.events.take()?.into(),
                bytes: self.bytes,
                at: Instant::now(),
            })
        })?
    }

    fn push(&mut self, event: &ModelEvent) {
        self.bytes += size(event);
        match &mut self.events {
            Some(events) if self.bytes <= self.most => events.push(event.clone()),
            _ => self.give_up(),
        }
    }

    fn begin_anew(&mut self) {
        if let Some(events) = &mut self.events {
            events.clear();
            self.bytes = OVERHEAD;
        }
    }

    fn give_up(&mut self) {
        self.events = None;
    }
}

/// Whether an answer that ends so isn't whole.
fn is_cut(reason: &FinishReason) -> bool {
    *reason == FinishReason::Length || reason.is_failure() || reason.is_filtered()
}

/// About how many bytes an event takes up.
fn size(event: &ModelEvent) -> usize {
    let texts = match event {
        ModelEvent::Started { request_id } => request_id.as_ref().map_or(0, |id| id.len()),
        ModelEvent::Text(text)
        | ModelEvent::Reasoning(text)
        | ModelEvent::Refusal(text)
        | ModelEvent::ToolArguments { text, .. } => text.len(),
        ModelEvent::ReasoningData(data) | ModelEvent::ToolCallData { data, .. } => {
            data.as_str().len()
        }
        ModelEvent::ToolCall { id, name, .. } => id.len() + name.len(),
        ModelEvent::Notice(notice) => notice.code.len() + notice.message.len(),
        _ => 0,
    };
    size_of::<ModelEvent>() + ALLOCATION + texts
}

/// What a text on the heap takes up beside its bytes.
const ALLOCATION: usize = 32;

use futures::StreamExt;
use mainstem::{Error, FinishReason, ModelEvent, ModelStream, Usage};

/// A model's answer, added up.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every event.
    pub events: Vec<ModelEvent>,
    /// The text.
    pub text: String,
    /// The thoughts.
    pub reasoning: String,
    /// The words for not answering.
    pub refusal: String,
    /// Id, name and arguments of each tool call.
    pub calls: Vec<(String, String, String)>,
    /// What was used.
    pub usage: Option<Usage>,
    /// Why it ended, if it did.
    pub finish: Option<FinishReason>,
    /// How it failed, if it did.
    pub error: Option<Error>,
}

impl Seen {
    /// Takes a stream to its end.
    pub async fn of(mut stream: ModelStream) -> Self {
        let mut seen = Self::default();
        while let Some(item) = stream.next().await {
            assert!(seen.error.is_none(), "an item after an error: {item:?}");
            match item {
                Ok(event) => seen.add(event),
                Err(error) => seen.error = Some(error),
            }
        }
        assert!(
            seen.error.is_some() != seen.finish.is_some(),
            "an answer has one end: {seen:?}"
        );
        seen
    }

    fn add(&mut self, event: ModelEvent) {
        assert!(
            self.finish.is_none(),
            "an event after the finish: {event:?}"
        );
        match &event {
            ModelEvent::Text(text) => self.text.push_str(text),
            ModelEvent::Reasoning(text) => self.reasoning.push_str(text),
            ModelEvent::Refusal(text) => self.refusal.push_str(text),
            ModelEvent::ToolCall { index, id, name } => {
                assert_eq!(*index as usize, self.calls.len(), "calls come in order");
                self.calls
                    .push((id.to_string(), name.to_string(), String::new()));
            }
            ModelEvent::ToolArguments { index, text } => {
                self.calls[*index as usize].2.push_str(text);
            }
            ModelEvent::Usage(usage) => self.usage = Some(*usage),
            ModelEvent::Finished(reason) => self.finish = Some(reason.clone()),
            _ => {}
        }
        self.events.push(event);
    }

    /// The error, where one is due.
    pub fn failure(&self) -> &Error {
        let error = self.error.as_ref();
        error.unwrap_or_else(|| panic!("it should have failed: {self:?}"))
    }
}

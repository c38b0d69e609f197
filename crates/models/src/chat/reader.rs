//! From the frames of a chat completion to model events.

use mainstem_core::{FinishReason, ModelEvent, Result};

use super::{
    calls::Calls,
    delta::{Choice, Frame, ToolCall},
    provider_data::ProviderData,
    template::Template,
};
use crate::http::{Answer, Reader};

/// Reads frames, and knows whether the answer is complete.
pub(crate) struct ChatReader {
    answer: Answer,
    template: Template,
    calls: Calls,
    provider_data: ProviderData,
}

impl ChatReader {
    pub(super) fn new(answer: Answer) -> Self {
        Self {
            template: Template::default(),
            calls: Calls::default(),
            provider_data: ProviderData::new(answer.server().data_origin().into()),
            answer,
        }
    }

    fn read_choice(&mut self, choice: &Choice<'_>) -> Result<()> {
        let delta = match &choice.message {
            Some(whole) if !self.answer.spoke => whole,
            _ => &choice.delta,
        };
        self.answer.take_reasoning(delta.thoughts());
        let among_parts = delta.content.thoughts.as_deref();
        self.answer.take_reasoning(among_parts.unwrap_or_default());
        if let Some(details) = delta.reasoning_details {
            self.provider_data.add_details(details);
        }
        if let Some(extra) = delta.extra_content {
            self.provider_data.set_extra(extra);
        }
        self.answer.take_content(&delta.content.text)?;
        self.answer.take_refusal(delta.refusal());
        for call in &delta.tool_calls {
            self.read_call(call)?;
        }
        match choice.finish_reason() {
            "" => {}
            reason => self.answer.finish_reason = Some(FinishReason::from(reason)),
        }
        Ok(())
    }

    fn read_call(&mut self, call: &ToolCall<'_>) -> Result<()> {
        let arguments = call
            .function
            .arguments()
            .map_err(|error| self.answer.malformed(&error))?;
        if self.answer.calls_are_output() {
            return self.answer.take_text(&arguments);
        }
        let number = match self.calls.find(call) {
            Some(number) => number,
            None => {
                let (number, id, name) = self.calls.begin(call);
                self.answer.begin_call(number, id, name);
                number
            }
        };
        if !arguments.is_empty() {
            self.calls.add(number, &arguments);
            self.answer.take_arguments(number, &arguments)?;
        }
        if let Some(extra) = call.extra_content {
            let data = self.provider_data.of_call(extra);
            self.answer.take_call_data(number, data);
        }
        Ok(())
    }
}

impl Reader for ChatReader {
    fn answer(&mut self) -> &mut Answer {
        &mut self.answer
    }

    fn read_json(&mut self, json: &[u8]) -> Result<()> {
        if let Some(text) = self.template.text(json) {
            return self.answer.take_text(text);
        }
        let json = self.answer.utf8(json)?;
        let frame: Frame<'_> =
            serde_json::from_str(json).map_err(|error| self.answer.malformed(&error))?;
        // First, since an error may come with it.
        if let Some(usage) = frame.usage() {
            self.answer.take_usage(usage.read());
        }
        if let Some(error) = frame.error.filter(|error| error.get() != "null") {
            return Err(self
                .answer
                .fault(&format!(r#"{{"error":{}}}"#, error.get())));
        }
        let Some(choice) = &frame.choices.0 else {
            return Ok(());
        };
        if frame.usage().is_none() && choice.is_text_alone() && self.answer.text_is_output() {
            self.template
                .learn(json.as_bytes(), &choice.delta.content.text);
        }
        self.read_choice(choice)
    }

    /// A whole completion differs from a frame in `message` alone.
    fn read_whole(&mut self, json: &[u8]) -> Result<()> {
        self.read_json(json)
    }

    fn last(&mut self) -> Option<ModelEvent> {
        self.provider_data.take().map(ModelEvent::ReasoningData)
    }
}

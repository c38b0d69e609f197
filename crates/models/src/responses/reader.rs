//! From the events of a response to model events.

use mainstem_core::{Error, ErrorKind, FinishReason, ModelEvent, Result, Text};
use serde_json::{Map, Value, value::RawValue};

use super::{
    frame::{Frame, Item, Response},
    input::{FIELDS, ITEM, goes_back},
    slots::{Kind, Place, Slots},
};
use crate::http::{Answer, Reader, carried};

/// The fields of a function call that stand in every request; what it has beyond goes back, too.
const CALL_FIELDS: [&str; 6] = ["type", "id", "call_id", "name", "arguments", "status"];

/// Reads events, and knows whether the answer is complete.
pub(crate) struct ResponsesReader {
    answer: Answer,
    origin: Text,
    /// Whether the server keeps what it sends.
    store: bool,
    slots: Slots,
    calls: usize,
    /// Whether something has come that is to go back.
    has_data: bool,
    /// Whether there are thoughts that nothing has ended: what comes goes on with them.
    thinks: bool,
}

impl ResponsesReader {
    pub(super) fn new(answer: Answer, origin: Text, store: bool) -> Self {
        Self {
            answer,
            origin,
            store,
            slots: Slots::default(),
            calls: 0,
            has_data: false,
            thinks: false,
        }
    }

    fn read_frame(&mut self, json: &str, frame: &Frame<'_>) -> Result<()> {
        match &*frame.kind.0 {
            "response.output_text.delta" => self.take_text(frame, &frame.delta.0, false),
            "response.output_text.done" => self.take_text(frame, &frame.text.0, true),
            "response.refusal.delta" => self.take_refusal(frame, &frame.delta.0, false),
            "response.refusal.done" => self.take_refusal(frame, &frame.refusal.0, true),
            "response.content_part.done" => self.take_part(frame),
            "response.reasoning_summary_text.delta" => {
                self.take_thought(frame, &frame.delta.0, true, false)
            }
            "response.reasoning_summary_text.done" => {
                self.take_thought(frame, &frame.text.0, true, true)
            }
            "response.reasoning_text.delta" => {
                self.take_thought(frame, &frame.delta.0, false, false)
            }
            "response.reasoning_text.done" => self.take_thought(frame, &frame.text.0, false, true),
            "response.function_call_arguments.delta" => self.take_arguments(frame, false),
            "response.function_call_arguments.done" => self.take_arguments(frame, true),
            "response.output_item.added" => self.take_item(frame, false),
            "response.output_item.done" => self.take_item(frame, true),
            kind @ ("response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled"
            | "response.done") => {
                let word = kind.trim_start_matches("response.");
                self.take_end(frame.response.map_or("{}", RawValue::get), word)
            }
            "error" => Err(self.answer.fault(json)),
            "" if frame.error.is_some() => Err(self.answer.fault(json)),
            _ => Ok(()),
        }
    }

    /// A complete part of an item's content.
    fn take_part(&mut self, frame: &Frame<'_>) -> Result<()> {
        let Some(part) = &frame.part else {
            return Ok(());
        };
        match &*part.kind.0 {
            "reasoning_text" => self.take_thought(frame, &part.text.0, false, true),
            "refusal" => self.take_refusal(frame, &part.refusal.0, true),
            _ => self.take_text(frame, &part.text.0, true),
        }
    }

    /// Text of a message; one that is whole counts only where no piece of it came.
    fn take_text(&mut self, frame: &Frame<'_>, text: &str, is_whole: bool) -> Result<()> {
        match self.is_new(Kind::Message, frame, text, is_whole) {
            true => self.answer.take_content(text),
            false => Ok(()),
        }
    }

    fn take_refusal(&mut self, frame: &Frame<'_>, text: &str, is_whole: bool) -> Result<()> {
        if self.is_new(Kind::Message, frame, text, is_whole) {
            self.answer.take_refusal(text);
        }
        Ok(())
    }

    fn is_new(&mut self, kind: Kind, frame: &Frame<'_>, text: &str, is_whole: bool) -> bool {
        if text.is_empty() {
            return false;
        }
        let slot = self.slots.of(kind, place(frame));
        slot.say(frame.part_index()) || !is_whole
    }

    /// A thought, or a summary of it. A server that sends both says the same twice.
    fn take_thought(
        &mut self,
        frame: &Frame<'_>,
        text: &str,
        is_summary: bool,
        is_whole: bool,
    ) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let slot = self.slots.of(Kind::Reasoning, place(frame));
        if *slot.is_summary.get_or_insert(is_summary) != is_summary {
            return Ok(());
        }
        let is_first = slot.say(frame.part_index());
        if is_first || !is_whole {
            self.think(text, is_first);
        }
        Ok(())
    }

    /// Parts of the thoughts are set apart, where nothing else does.
    fn think(&mut self, text: &str, is_first: bool) {
        if text.is_empty() {
            return;
        }
        if is_first && self.thinks {
            self.answer.take_reasoning("\n\n");
        }
        self.thinks = true;
        self.answer.take_reasoning(text);
    }

    fn take_arguments(&mut self, frame: &Frame<'_>, is_whole: bool) -> Result<()> {
        let whole;
        let text: &str = if is_whole {
            whole = frame
                .arguments()
                .map_err(|error| self.answer.malformed(&error))?;
            &whole
        } else {
            &frame.delta.0
        };
        self.add_arguments(place(frame), text, is_whole)?;
        if is_whole && !frame.name.is_empty() {
            self.begin_call(place(frame), &frame.name.0)?;
        }
        Ok(())
    }

    /// Arguments of a call; they are held back until it has a name.
    fn add_arguments(&mut self, place: Place<'_>, text: &str, is_whole: bool) -> Result<()> {
        let slot = self.slots.of(Kind::Call, place);
        if text.is_empty() || (is_whole && !slot.is_silent()) {
            return Ok(());
        }
        slot.say(0);
        if self.answer.calls_are_output() {
            return self.answer.take_text(text);
        }
        match slot.number {
            Some(number) => self.answer.take_arguments(number, text)?,
            None => slot.pending.push_str(text),
        }
        Ok(())
    }

    /// Begins a call, if it hasn't begun, and gives out what was held back of it.
    fn begin_call(&mut self, place: Place<'_>, name: &str) -> Result<()> {
        let slot = self.slots.of(Kind::Call, place);
        if slot.number.is_some() {
            return Ok(());
        }
        let number = self.calls;
        self.calls += 1;
        slot.number = Some(number);
        if !place.call_id.is_empty() {
            slot.call_id = place.call_id.into();
        }
        if self.answer.calls_are_output() {
            return Ok(());
        }
        let id = match [&*slot.call_id, place.id] {
            // The id is what the result refers to; a server that sends none needs some.
            ["", ""] => format!("call_{number}").into(),
            ["", id] => Text::from(id),
            [id, _] => Text::from(id),
        };
        let pending = std::mem::take(&mut slot.pending);
        self.answer.begin_call(number, id, name.into());
        self.answer.take_arguments(number, &pending)
    }

    /// An item that begins, or is complete.
    fn take_item(&mut self, frame: &Frame<'_>, is_done: bool) -> Result<()> {
        let Some(raw) = frame.item else { return Ok(()) };
        let item = self.item(raw)?;
        let place = Place {
            id: if item.id.is_empty() {
                &frame.item_id.0
            } else {
                &item.id.0
            },
            index: frame.output_index,
            call_id: &item.call_id.0,
        };
        if is_done {
            return self.take_whole(raw, &item, place);
        }
        match &*item.kind.0 {
            "message" => drop(self.slots.announced(Kind::Message, place)),
            "reasoning" => drop(self.slots.announced(Kind::Reasoning, place)),
            "function_call" => {
                self.slots.announced(Kind::Call, place);
                if !item.name.is_empty() {
                    self.begin_call(place, &item.name.0)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn item<'a>(&self, raw: &'a RawValue) -> Result<Item<'a>> {
        serde_json::from_str(raw.get()).map_err(|error| self.answer.malformed(&error))
    }

    /// A complete item: what hasn't come of it, and what is to go back.
    fn take_whole(&mut self, raw: &RawValue, item: &Item<'_>, place: Place<'_>) -> Result<()> {
        let malformed = |error| self.answer.malformed(&error);
        match &*item.kind.0 {
            "message" => {
                let parts = item.content().map_err(malformed)?;
                let slot = self.slots.of(Kind::Message, place);
                slot.is_done = true;
                if !slot.is_silent() {
                    return Ok(());
                }
                for part in &parts {
                    let is_said = !(part.text.is_empty() && part.refusal.is_empty());
                    is_said.then(|| slot.say(0));
                    self.answer.take_refusal(&part.refusal.0);
                    self.answer.take_content(&part.text.0)?;
                }
                Ok(())
            }
            "reasoning" => {
                let content = item.content().map_err(malformed)?;
                let slot = self.slots.of(Kind::Reasoning, place);
                slot.is_done = true;
                if slot.is_silent() {
                    slot.say(0);
                    let parts = if item.summary.is_empty() {
                        &content
                    } else {
                        &item.summary
                    };
                    for part in parts {
                        self.think(&part.text.0, true);
                    }
                }
                self.keep(raw);
                Ok(())
            }
            "function_call" => {
                let arguments = item.arguments().map_err(malformed)?;
                self.begin_call(place, &item.name.0)?;
                self.add_arguments(place, &arguments, true)?;
                self.keep_call(raw, place);
                Ok(())
            }
            "" => Ok(()),
            // A tool of the server's own, say: the thoughts around it need it.
            _ => {
                self.keep(raw);
                Ok(())
            }
        }
    }

    /// Keeps an item that goes back as it came.
    fn keep(&mut self, raw: &RawValue) {
        let Ok(item) = serde_json::from_str::<Value>(raw.get()) else {
            return;
        };
        if goes_back(&item, self.store) {
            let data = carried(&self.origin, Map::from_iter([(ITEM.to_owned(), item)]));
            self.answer
                .events
                .push_back(ModelEvent::ReasoningData(data));
            self.has_data = true;
            self.thinks = false;
        }
    }

    /// Keeps what a call has beyond its ordinary fields.
    fn keep_call(&mut self, raw: &RawValue, place: Place<'_>) {
        let slot = self.slots.of(Kind::Call, place);
        slot.is_done = true;
        let (Some(number), false) = (slot.number, self.answer.calls_are_output()) else {
            return;
        };
        let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(raw.get()) else {
            return;
        };
        fields.retain(|name, value| !CALL_FIELDS.contains(&&**name) && !value.is_null());
        if !fields.is_empty() {
            let fields = Map::from_iter([(FIELDS.to_owned(), Value::Object(fields))]);
            self.answer
                .take_call_data(number, carried(&self.origin, fields));
        }
    }

    /// The end of a response: what hasn't come of its output, its usage, and why it ended.
    fn take_end(&mut self, json: &str, kind: &str) -> Result<()> {
        let response: Response<'_> =
            serde_json::from_str(json).map_err(|error| self.answer.malformed(&error))?;
        if let Some(usage) = &response.usage {
            self.answer.take_usage(usage.read());
        }
        let status = match &*response.status.0 {
            "" | "in_progress" | "queued" if !kind.is_empty() => kind,
            status => status,
        };
        if let Some(error) = response.error {
            return Err(self
                .answer
                .fault(&format!(r#"{{"error":{}}}"#, error.get())));
        }
        // JSON that is no response has neither.
        if status.is_empty() && response.output.is_empty() {
            return Ok(());
        }
        self.take_output(&response.output)?;
        let reason = match (status, &*response.incomplete_details.reason.0) {
            ("completed" | "done" | "", _) if self.calls > 0 => FinishReason::ToolCalls,
            ("completed" | "done" | "", _) => FinishReason::Stop,
            ("incomplete", "max_output_tokens") => FinishReason::Length,
            ("incomplete", "") => FinishReason::Other("incomplete".into()),
            ("incomplete", reason) => reason.into(),
            ("in_progress" | "queued", _) => return Err(self.unfinished(status)),
            (status, _) => status.into(),
        };
        if self.slots.all(Kind::Call).any(|slot| slot.number.is_none()) && !reason.is_failure() {
            return Err(self.nameless());
        }
        self.answer.finish_reason = Some(reason);
        self.answer.done = true;
        Ok(())
    }

    /// Items of a complete response, where nothing of their kind came before.
    ///
    /// Some servers give items other ids and indexes here than in the stream: so it is the kind that
    /// counts, and for tool calls, how many there were.
    fn take_output(&mut self, output: &[&RawValue]) -> Result<()> {
        let said = |kind| self.slots.all(kind).any(|slot| !slot.is_silent());
        let (spoke, thought) = (said(Kind::Message), said(Kind::Reasoning));
        let (has_data, calls) = (self.has_data, self.calls);
        let mut items = Vec::with_capacity(output.len());
        for raw in output {
            items.push((*raw, self.item(raw)?));
        }
        let is_call = |item: &Item<'_>| item.kind.0 == "function_call";
        let all = items.iter().filter(|(_, item)| is_call(item)).count();
        for (index, (raw, item)) in items.iter().enumerate() {
            let mut place = Place {
                id: &item.id.0,
                index: u32::try_from(index).ok(),
                call_id: &item.call_id.0,
            };
            let is_new = match &*item.kind.0 {
                "message" => !spoke,
                "reasoning" => !thought && !has_data,
                "function_call" => {
                    // By its name alone: indexes may be others here.
                    place.index = None;
                    all > calls || self.knows_call(place)
                }
                _ => !has_data,
            };
            if is_new {
                self.take_whole(raw, item, place)?;
            }
        }
        Ok(())
    }

    fn knows_call(&self, place: Place<'_>) -> bool {
        let mut calls = self.slots.all(Kind::Call);
        calls.any(|slot| !place.call_id.is_empty() && *slot.call_id == *place.call_id)
    }

    fn unfinished(&self, status: &str) -> Error {
        let message = format!(
            "`{}` answered with a response that is {status}; answers in the background aren't \
             waited for",
            self.answer.server().id
        );
        Error::new(ErrorKind::Truncated, message)
    }

    fn nameless(&self) -> Error {
        let message = format!(
            "`{}` sent the arguments of a tool call without its name",
            self.answer.server().id
        );
        Error::new(ErrorKind::Model, message).retryable(true)
    }
}

/// Where an event belongs.
fn place<'a>(frame: &'a Frame<'_>) -> Place<'a> {
    Place {
        id: &frame.item_id.0,
        index: frame.output_index,
        call_id: "",
    }
}

impl Reader for ResponsesReader {
    fn answer(&mut self) -> &mut Answer {
        &mut self.answer
    }

    fn read_json(&mut self, json: &[u8]) -> Result<()> {
        let json = self.answer.utf8(json)?;
        let frame = serde_json::from_str(json).map_err(|error| self.answer.malformed(&error))?;
        self.read_frame(json, &frame)
    }

    fn read_whole(&mut self, json: &[u8]) -> Result<()> {
        let json = self.answer.utf8(json)?;
        self.take_end(json, "")
    }
}

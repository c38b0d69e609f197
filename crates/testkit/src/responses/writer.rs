use bytes::Bytes;
use serde_json::Value;

use super::object::{End, Item, Kind, response};
use crate::dialect::{Dialect, Field};
use crate::json::JsonObject;
use crate::step::Step;

/// Writes the events that the steps of a script are.
///
/// A step that opens an item writes several events. The last one, with the whole response, comes
/// when the script says that it is done, or stops, and only after a finish reason.
#[derive(Debug)]
pub(crate) struct Writer {
    dialect: Dialect,
    /// Whether reasoning is given in its encrypted form, too.
    encrypted: bool,
    items: Vec<Item>,
    end: End,
    choice: u32,
    sequence: u64,
    has_begun: bool,
    has_ended: bool,
    frames: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(dialect: &Dialect, encrypted: bool) -> Self {
        Self {
            dialect: dialect.clone(),
            encrypted,
            items: Vec::new(),
            end: End::default(),
            choice: 0,
            sequence: 0,
            has_begun: false,
            has_ended: false,
            frames: Vec::new(),
        }
    }

    /// Returns the events of a step; none, if it has no meaning here.
    pub(crate) fn step(&mut self, step: &Step) -> Option<Bytes> {
        match step {
            Step::Choice(choice) => self.choice = *choice,
            Step::Raw(bytes) => return Some(bytes.0.clone()),
            Step::Comment(text) => return Some(self.dialect.comment(text)),
            Step::Data(text) => return Some(self.dialect.frame(text)),
            Step::Chunk(chunk) => return Some(self.dialect.json_frame(&chunk.to_string())),
            Step::Done if self.end.finish.is_none() => return Some(self.dialect.frame("[DONE]")),
            Step::Done => self.finish(),
            Step::Error(message) => self.error(message),
            Step::Usage {
                prompt_tokens,
                completion_tokens,
            } => self.end.usage = Some((*prompt_tokens, *completion_tokens)),
            // Chat completions alone have several answers to one request.
            _ if self.choice != 0 => {}
            Step::Finish(reason) => {
                self.end.finish = Some(reason.clone()).filter(|it| !it.is_empty());
            }
            _ => self.content(step),
        }
        self.take()
    }

    /// Returns the last events, if there is a finish reason and they weren't written.
    pub(crate) fn end(&mut self) -> Option<Bytes> {
        if self.end.finish.is_some() {
            self.finish();
        }
        self.take()
    }

    /// Returns the whole response.
    pub(super) fn response(&mut self) -> JsonObject {
        self.items.iter_mut().for_each(|item| item.is_open = false);
        response(&self.dialect, &self.items, &self.end)
    }

    fn take(&mut self) -> Option<Bytes> {
        let frames = std::mem::take(&mut self.frames);
        (!frames.is_empty()).then(|| frames.into())
    }

    fn content(&mut self, step: &Step) {
        match step {
            Step::Role => self.begin(),
            Step::Text(text) | Step::Repeat { text, .. } => {
                self.say(Kind::Text, "response.output_text", text);
            }
            Step::Refusal(text) => self.say(Kind::Refusal, "response.refusal", text),
            Step::Reasoning(text) => {
                let encrypted = self.encrypted;
                let kind = Kind::Reasoning { encrypted };
                self.say(kind, "response.reasoning_summary_text", text);
            }
            Step::ToolCall { index, id, name } => {
                self.close(|item| !matches!(item.kind, Kind::Call { .. }));
                self.open(Kind::Call {
                    number: *index,
                    id: id.clone(),
                    name: name.clone(),
                });
            }
            Step::Arguments { index, delta } => {
                let same = |item: &Item| matches!(item.kind, Kind::Call { number, .. } if number == *index);
                if let Some(at) = self.items.iter().rposition(same) {
                    self.add(at, "response.function_call_arguments", delta);
                }
            }
            _ => {}
        }
    }

    /// Adds text to the item of a kind that is open, or to a new one.
    fn say(&mut self, kind: Kind, event: &str, text: &str) {
        self.close(|item| item.kind != kind);
        let is_open = |item: &Item| item.is_open && item.kind == kind;
        let at = match self.items.iter().rposition(is_open) {
            Some(at) => at,
            None => self.open(kind),
        };
        self.add(at, event, text);
    }

    fn add(&mut self, at: usize, event: &str, text: &str) {
        self.items[at].text.push_str(text);
        let mut object = self.part_event(at).field("delta", text);
        if self.items[at].kind == Kind::Text {
            object = object.raw("logprobs", "[]");
        }
        for (key, value) in &self.dialect.delta_extra {
            object = object.field(key, value.clone());
        }
        self.event(&format!("{event}.delta"), &object);
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let response = response(&self.dialect, &[], &End::default());
        for kind in ["response.created", "response.in_progress"] {
            self.event(kind, &JsonObject::new().object("response", &response));
        }
    }

    fn open(&mut self, kind: Kind) -> usize {
        self.begin();
        let at = self.items.len();
        self.items.push(Item {
            kind,
            text: String::new(),
            index: at,
            is_open: true,
        });
        self.item_event("response.output_item.added", at);
        if let Some(event) = part_name(&self.items[at].kind) {
            let part = self.items[at].part("");
            let object = self.part_event(at).object("part", &part);
            self.event(&format!("{event}.added"), &object);
        }
        at
    }

    /// Closes the open items of which this is true.
    fn close(&mut self, which: impl Fn(&Item) -> bool) {
        for at in 0..self.items.len() {
            if self.items[at].is_open && which(&self.items[at]) {
                self.close_item(at);
            }
        }
    }

    fn close_item(&mut self, at: usize) {
        self.items[at].is_open = false;
        let item = self.items[at].clone();
        let (event, key) = match item.kind {
            Kind::Text => ("response.output_text.done", "text"),
            Kind::Refusal => ("response.refusal.done", "refusal"),
            Kind::Reasoning { .. } => ("response.reasoning_summary_text.done", "text"),
            Kind::Call { .. } => ("response.function_call_arguments.done", "arguments"),
        };
        let mut object = self.part_event(at);
        if let Kind::Call { name, .. } = &item.kind {
            object = object.field("name", name.as_str());
        }
        object = object.field(key, item.text.as_str());
        if item.kind == Kind::Text {
            object = object.raw("logprobs", "[]");
        }
        self.event(event, &object);
        if let Some(event) = part_name(&item.kind) {
            let object = self.part_event(at).object("part", &item.part(&item.text));
            self.event(&format!("{event}.done"), &object);
        }
        self.item_event("response.output_item.done", at);
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.begin();
        self.close(|_| true);
        let (status, _) = self.end.status();
        let response = self.response();
        let object = JsonObject::new().object("response", &response);
        self.event(&format!("response.{status}"), &object);
    }

    fn error(&mut self, message: &str) {
        let object = JsonObject::new()
            .field("code", "server_error")
            .field("message", message)
            .field("param", Value::Null);
        self.event("error", &object);
    }

    fn item_event(&mut self, kind: &str, at: usize) {
        let item = self.items[at].object(&self.dialect);
        let object =
            self.dialect
                .unless_omitted(Field::Index, JsonObject::new(), "output_index", at);
        self.event(kind, &object.object("item", &item));
    }

    /// Returns the beginning of an event of an item's part.
    fn part_event(&self, at: usize) -> JsonObject {
        let dialect = &self.dialect;
        let item = &self.items[at];
        let object = JsonObject::new();
        let object = dialect.unless_omitted(Field::Id, object, "item_id", item.id());
        let object = dialect.unless_omitted(Field::Index, object, "output_index", at);
        match item.kind {
            Kind::Call { .. } => object,
            Kind::Reasoning { .. } => {
                dialect.unless_omitted(Field::Index, object, "summary_index", 0)
            }
            _ => dialect.unless_omitted(Field::Index, object, "content_index", 0),
        }
    }

    fn event(&mut self, kind: &str, object: &JsonObject) {
        let begin = JsonObject::new().field("type", kind);
        let dialect = &self.dialect;
        let begin =
            dialect.unless_omitted(Field::Sequence, begin, "sequence_number", self.sequence);
        self.sequence += 1;
        let payload = begin.with(object).to_text();
        self.frames.extend(dialect.event_line(kind));
        self.frames.extend(dialect.json_frame(&payload));
    }
}

/// The events of the part that holds the text of a kind of item.
fn part_name(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Refusal => Some("response.content_part"),
        Kind::Reasoning { .. } => Some("response.reasoning_summary_part"),
        Kind::Call { .. } => None,
    }
}

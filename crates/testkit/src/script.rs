use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::Gate;
use crate::dialect::{Dialect, Field, usage_object};
use crate::json::{JsonObject, error_text};
use crate::responses::Writer;
use crate::step::Step;

/// The steps of a reply and the way in which they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) dialect: Dialect,
    pub(crate) every: Option<Duration>,
}

/// A piece of a reply on its way to the socket.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// Body bytes; `batch` allows to write them together with what follows.
    Bytes {
        data: Bytes,
        batch: bool,
    },
    Pause(Pause),
    Stop(Stop),
}

/// A wait, after which the reply goes on.
#[derive(Debug, Clone)]
pub(crate) enum Pause {
    For(Duration),
    At(Gate),
}

/// The way in which a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The body ends properly.
    End,
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// The connection is closed in the middle of the body.
    Cut,
    /// The connection is reset in the middle of the body.
    Reset,
}

/// The API in whose words a reply is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Phrasing {
    /// Chat completions, with or without the usage chunk.
    Chat { usage: bool },
    /// The Responses API, with or without reasoning in its encrypted form.
    Responses { encrypted: bool },
}

/// The parts of a streamed reply, made one at a time.
#[derive(Debug)]
pub(crate) struct Parts {
    script: Arc<Script>,
    with_usage: bool,
    /// Writes the steps, if not as chat completions.
    writer: Option<Writer>,
    next: usize,
    choice: u32,
    repeating: Option<Repeating>,
    delayed: VecDeque<Part>,
    begun: bool,
    frames: u64,
}

#[derive(Debug)]
struct Repeating {
    /// The frame, if it is the same each time.
    frame: Option<Bytes>,
    step: Step,
    left: Option<u64>,
}

impl Script {
    /// Returns the parts of the streamed reply.
    pub(crate) fn parts(self: &Arc<Self>, phrasing: Phrasing) -> Parts {
        let (with_usage, writer) = match phrasing {
            Phrasing::Chat { usage } => (usage, None),
            Phrasing::Responses { encrypted } => {
                (true, Some(Writer::new(&self.dialect, encrypted)))
            }
        };
        Parts {
            script: Arc::clone(self),
            with_usage,
            writer,
            next: 0,
            choice: 0,
            repeating: None,
            delayed: VecDeque::new(),
            begun: false,
            frames: 0,
        }
    }

    pub(crate) fn is_endless(&self) -> bool {
        let endless = |step: &Step| matches!(step, Step::Repeat { count: None, .. });
        self.steps.iter().any(endless)
    }

    /// Returns the frame of a step, or `None` if the step sends nothing.
    fn frame(&self, step: &Step, choice: u32) -> Option<Bytes> {
        let dialect = &self.dialect;
        let payload = match step {
            Step::Comment(text) => return Some(dialect.comment(text)),
            Step::Raw(bytes) => return Some(bytes.0.clone()),
            Step::Data(text) => return Some(dialect.frame(text)),
            Step::Done => return Some(dialect.frame("[DONE]")),
            Step::Role if dialect.omits(Field::Role) => return None,
            Step::NullDelta => dialect.chunk_with(choice, "null", None),
            Step::Delta(delta) => dialect.chunk_with(choice, &delta.to_string(), None),
            Step::Finish(reason) => dialect.chunk(choice, &JsonObject::new(), Some(reason)),
            Step::Usage {
                prompt_tokens,
                completion_tokens,
            } => dialect.usage_chunk(&usage_object(*prompt_tokens, *completion_tokens)),
            Step::Chunk(chunk) => chunk.to_string(),
            Step::Error(message) => error_text(message, "server_error", None, None),
            _ => dialect.chunk(choice, &self.delta(step)?, None),
        };
        Some(dialect.json_frame(&payload))
    }

    /// Returns the delta of a step that is part of the message.
    fn delta(&self, step: &Step) -> Option<JsonObject> {
        let delta = JsonObject::new();
        Some(match step {
            Step::Role => delta.field("role", "assistant").field("content", ""),
            Step::Text(text) | Step::Repeat { text, .. } => delta.field("content", text.as_str()),
            Step::NullContent => delta.field("content", Value::Null),
            Step::Reasoning(text) => delta.field(&self.dialect.reasoning_field, text.as_str()),
            Step::Refusal(text) => delta.field("refusal", text.as_str()),
            Step::ToolCall { index, id, name } => {
                let function = JsonObject::new()
                    .field("name", name.as_str())
                    .field("arguments", "");
                self.tool_call(*index, Some(id), &function)
            }
            Step::Arguments { index, delta } => {
                let function = JsonObject::new().field("arguments", delta.as_str());
                self.tool_call(*index, None, &function)
            }
            _ => return None,
        })
    }

    fn tool_call(&self, index: u32, id: Option<&str>, function: &JsonObject) -> JsonObject {
        let dialect = &self.dialect;
        let mut call = dialect.unless_omitted(Field::ToolIndex, JsonObject::new(), "index", index);
        if let Some(id) = id {
            call = call.field("id", id);
            call = dialect.unless_omitted(Field::ToolType, call, "type", "function");
        }
        let call = call.object("function", function).to_text();
        JsonObject::new().raw("tool_calls", &format!("[{call}]"))
    }
}

impl Parts {
    fn step(&mut self, step: &Step) -> Option<Part> {
        match step {
            Step::Choice(choice) => {
                self.choice = *choice;
                None
            }
            Step::Usage { .. } if !self.with_usage => None,
            Step::Repeat { count, .. } => {
                let frame = match self.writer {
                    Some(_) => None,
                    None => Some(self.script.frame(step, self.choice)?),
                };
                self.repeating = Some(Repeating {
                    frame,
                    step: step.clone(),
                    left: *count,
                });
                self.repeat()
            }
            _ => match step.flow() {
                Some(stop @ Part::Stop(_)) => Some(self.after_the_end(stop)),
                Some(pause) => Some(pause),
                None => {
                    let data = match &mut self.writer {
                        Some(writer) => writer.step(step)?,
                        None => self.script.frame(step, self.choice)?,
                    };
                    Some(self.paced(data, false))
                }
            },
        }
    }

    fn repeat(&mut self) -> Option<Part> {
        let repeating = self.repeating.as_mut()?;
        if repeating.left == Some(0) {
            self.repeating = None;
            return None;
        }
        repeating.left = repeating.left.map(|left| left - 1);
        let frame = match (&repeating.frame, &mut self.writer) {
            (Some(frame), _) => frame.clone(),
            (None, Some(writer)) => writer.step(&repeating.step)?,
            (None, None) => return None,
        };
        let batch = self.script.every.is_none();
        Some(self.paced(frame, batch))
    }

    /// Returns the events that end the reply, if they are due, and keeps what comes after them.
    fn after_the_end(&mut self, stop: Part) -> Part {
        let Some(data) = self.writer.as_mut().and_then(Writer::end) else {
            return stop;
        };
        let first = self.paced(data, false);
        self.delayed.push_back(stop);
        first
    }

    /// Returns the bytes, or the wait before them.
    fn paced(&mut self, data: Bytes, batch: bool) -> Part {
        self.frames += 1;
        let bytes = Part::Bytes { data, batch };
        match self.script.every {
            Some(every) if self.frames > 1 => {
                self.delayed.push_back(bytes);
                Part::Pause(Pause::For(every))
            }
            _ => bytes,
        }
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.script.dialect.bom && !std::mem::replace(&mut self.begun, true) {
            let data = Bytes::from_static(b"\xef\xbb\xbf");
            return Some(Part::Bytes { data, batch: true });
        }
        if let Some(part) = self.delayed.pop_front().or_else(|| self.repeat()) {
            return Some(part);
        }
        let script = Arc::clone(&self.script);
        while let Some(step) = script.steps.get(self.next) {
            self.next += 1;
            if let Some(part) = self.step(step) {
                return Some(part);
            }
        }
        let data = self.writer.as_mut().and_then(Writer::end)?;
        Some(self.paced(data, false))
    }
}

impl Step {
    /// Returns the pause or the stop that this step is, if it is one.
    pub(crate) fn flow(&self) -> Option<Part> {
        Some(match self {
            Self::Wait(duration) => Part::Pause(Pause::For(*duration)),
            Self::Gate(gate) => Part::Pause(Pause::At(gate.clone())),
            Self::Stall => Part::Stop(Stop::Stall),
            Self::Cut => Part::Stop(Stop::Cut),
            Self::Reset => Part::Stop(Stop::Reset),
            Self::End => Part::Stop(Stop::End),
            _ => return None,
        })
    }
}

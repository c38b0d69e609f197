use std::sync::{Arc, Mutex};

use mainstem_core::{Error, Message, Part, Role, Text, ToolResultPart};
use mainstem_structured::Schema;

use super::call::arguments_of;
use crate::memory::Memory;

/// A model's calls and their results.
///
/// They get into the conversation together, when this ends or is dropped: so no call stays without a
/// result, whatever becomes of the run. The next run of the session reads what had been done.
pub(crate) struct Exchange {
    memory: Memory,
    said: Message,
    /// The ids of the calls.
    calls: Vec<Text>,
    results: Results,
    has_begun: bool,
}

/// The results so far, of each call its own.
type Results = Arc<Mutex<Vec<Option<ToolResultPart>>>>;

/// Where the result of a call goes.
#[derive(Clone)]
pub(super) struct Place {
    results: Results,
    call: usize,
}

impl Place {
    /// The call has this result, whatever becomes of the run from here on.
    pub(super) fn note(&self, result: ToolResultPart) {
        let mut results = self
            .results
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        results[self.call] = Some(result);
    }
}

impl Exchange {
    /// What the model said, with its calls.
    pub(crate) fn new(memory: Memory, mut said: Message) -> Self {
        let mut calls = Vec::new();
        for part in &mut said.parts {
            if let Part::ToolCall(call) = part {
                calls.push(call.id.clone());
                // Servers read them again, and some fail at what isn't JSON. The result says what was wrong.
                let mut checker = Schema::any().checker();
                let read = checker.feed(arguments_of(call).as_bytes());
                if read.and_then(|()| checker.finish().map(drop)).is_err()
                    || call.arguments.is_empty()
                {
                    call.arguments = "{}".into();
                }
            }
        }
        Self {
            memory,
            said,
            results: Arc::new(Mutex::new(vec![None; calls.len()])),
            calls,
            has_begun: false,
        }
    }

    /// From here on the calls are made.
    pub(super) fn begin(&mut self) {
        self.has_begun = true;
    }

    /// Where the result of a call goes.
    pub(super) fn place(&self, call: usize) -> Place {
        let results = Arc::clone(&self.results);
        Place { results, call }
    }

    /// Ends with a result for each call; gives what the model is to read.
    pub(crate) fn end(self) -> [Message; 2] {
        self.messages()
    }

    fn messages(&self) -> [Message; 2] {
        let results = self
            .results
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        let results = self.calls.iter().zip(&*results).map(|(id, result)| {
            let result = result.clone().unwrap_or_else(|| self.missing(id));
            Part::ToolResult(result)
        });
        [self.said.clone(), Message::new(Role::Tool, results)]
    }

    /// The result of a call that ends the run.
    pub(super) fn failed(&self, call: usize, error: &Error) -> ToolResultPart {
        let words = format!("The call failed: {}", error.message());
        let mut result = ToolResultPart::new(self.calls[call].clone(), words);
        result.is_error = true;
        result
    }

    fn missing(&self, id: &Text) -> ToolResultPart {
        let words = match self.has_begun {
            true => "The call was cut off: nobody knows how far it got.",
            false => "The call wasn't made.",
        };
        let mut result = ToolResultPart::new(id.clone(), words);
        result.is_error = true;
        result
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for message in self.messages() {
            self.memory.add(message);
        }
    }
}

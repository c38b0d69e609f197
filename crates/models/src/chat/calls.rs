//! Which tool call a delta belongs to.

use mainstem_core::Text;

use super::delta::ToolCall;
use crate::nesting::Nesting;

/// The tool calls of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

/// A tool call, by what a server may refer to it with.
#[derive(Debug)]
struct Call {
    id: Text,
    name: Text,
    index: Option<u32>,
    arguments: Nesting,
}

impl Calls {
    /// The call that a delta goes on with; none, if it begins one.
    ///
    /// By its id, where that is known: some servers send none of the indexes, or 0 for every call.
    /// Else by its index, wherever the server begins to count; else it is the last one.
    pub(super) fn find(&self, delta: &ToolCall<'_>) -> Option<usize> {
        let same_id = |call: &Call| *call.id == *delta.id.0;
        if !delta.id.is_empty()
            && let Some(known) = self.0.iter().position(same_id)
        {
            return Some(known);
        }
        let same_index = |call: &Call| call.index.is_some() && call.index == delta.index;
        let known = self.0.iter().rposition(same_index);
        let is_nameless = delta.function.name.is_empty();
        match known {
            Some(known) if delta.id.is_empty() || is_nameless => Some(known),
            Some(known) => self.goes_on(known, delta).then_some(known),
            // A call begins with its name.
            None if is_nameless && (delta.id.is_empty() || delta.index.is_none()) => {
                self.0.len().checked_sub(1)
            }
            None => None,
        }
    }

    /// Whether a delta with an id of its own belongs to the call of its index all the same: some
    /// servers make up a new id for every delta.
    fn goes_on(&self, known: usize, delta: &ToolCall<'_>) -> bool {
        let call = &self.0[known];
        *call.name == *delta.function.name.0 && !call.arguments.is_whole()
    }

    /// Begins a call; gives its number, its id and its name.
    pub(super) fn begin(&mut self, delta: &ToolCall<'_>) -> (usize, Text, Text) {
        let number = self.0.len();
        let id = match &*delta.id.0 {
            // The id is what the result refers to; a server that sends none needs some.
            "" => format!("call_{number}").into(),
            id => Text::from(id),
        };
        let name = Text::from(&*delta.function.name.0);
        self.0.push(Call {
            id: id.clone(),
            name: name.clone(),
            index: delta.index,
            arguments: Nesting::default(),
        });
        (number, id, name)
    }

    /// Takes a piece of a call's arguments.
    pub(super) fn add(&mut self, number: usize, arguments: &str) {
        let nesting = &mut self.0[number].arguments;
        arguments.bytes().for_each(|byte| nesting.take(byte));
    }
}

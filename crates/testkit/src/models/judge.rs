use std::collections::BTreeMap;

use mainstem_core::ErrorKind;

use super::cases::Case;
use super::seen::{End, Piece, Seen, is_beginning};
use crate::fixture::Frame;
use crate::{Expected, Fixture};

/// Compares what an adapter made of each case with what it has to make of it.
pub(super) struct Judge {
    whole: Seen,
    /// The frame that says how the answer ends.
    terminal: Option<Frame>,
    /// What was delivered when the connection was cut, by the place of the cut.
    delivered: BTreeMap<usize, Vec<Piece>>,
}

impl Judge {
    /// Begins with what the adapter made of the whole fixture.
    pub(super) fn new(fixture: &Fixture, whole: Seen) -> Result<Self, String> {
        if let Some(expected) = fixture.expected() {
            compare(expected, &whole)?;
        }
        Ok(Self {
            whole,
            terminal: fixture.terminal().map(|(_, frame)| frame),
            delivered: BTreeMap::new(),
        })
    }

    pub(super) fn check(&mut self, case: &Case, seen: Seen) -> Result<(), String> {
        match case {
            Case::Cut(at) => {
                self.check_stop(*at, &seen)?;
                self.delivered.insert(*at, seen.pieces);
                Ok(())
            }
            Case::End(at) | Case::WrittenAndCut(_, _, at) => self.check_stop(*at, &seen),
            _ => self.check_whole(&seen),
        }
    }

    fn check_whole(&self, seen: &Seen) -> Result<(), String> {
        let whole = &self.whole;
        same("the pieces", &seen.pieces, &whole.pieces)?;
        same("the end", &seen.end, &whole.end)?;
        same("the usage", &seen.usage, &whole.usage)
    }

    fn check_stop(&self, at: usize, seen: &Seen) -> Result<(), String> {
        let whole = &self.whole;
        if !is_beginning(&seen.pieces, &whole.pieces) {
            return Err(format!(
                "what was delivered is no beginning of the whole answer: {:?} of {:?}",
                seen.pieces, whole.pieces
            ));
        }
        let cut = Some(End::Failed(ErrorKind::Truncated));
        let has_begun = self
            .terminal
            .as_ref()
            .is_some_and(|one| at >= one.content_end);
        match (self.is_over(at), has_begun) {
            (true, _) => {
                same("the end, once its signal had come,", &seen.end, &whole.end)?;
                let before = self.terminal.as_ref().map_or(0, |one| one.all.start);
                if is_beginning(self.delivered_at(before), &seen.pieces) {
                    return Ok(());
                }
                Err(format!("only {:?} was delivered", seen.pieces))
            }
            // All of it but its blank line has come: it may count, or not.
            (false, true) if seen.end == whole.end => Ok(()),
            _ => same("the end, before its signal had come,", &seen.end, &cut),
        }
    }

    /// Whether the signal of the end has come by this place.
    pub(super) fn is_over(&self, at: usize) -> bool {
        self.terminal.as_ref().is_some_and(|one| at >= one.all.end)
    }

    /// Returns what was delivered when the connection was cut here.
    pub(super) fn delivered_at(&self, at: usize) -> &[Piece] {
        self.delivered.get(&at).map_or(&[], Vec::as_slice)
    }

    /// Whether a frame had something delivered.
    pub(super) fn brings_data(&self, frame: &Frame) -> bool {
        self.delivered_at(frame.all.start) != self.delivered_at(frame.all.end)
    }

    /// Whether an answer may end like this.
    pub(super) fn is_its_end(&self, end: &End) -> bool {
        self.whole.end.as_ref() == Some(end)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what} should be {expected:?}, and is {seen:?}"))
}

/// Compares the whole answer with what stands beside its body.
fn compare(expected: &Expected, whole: &Seen) -> Result<(), String> {
    let (mut text, mut reasoning, mut refusal) = (String::new(), String::new(), String::new());
    let mut calls: Vec<[String; 3]> = Vec::new();
    for piece in &whole.pieces {
        match piece {
            Piece::Text(more) => text.push_str(more),
            Piece::Reasoning(more) => reasoning.push_str(more),
            Piece::Refusal(more) => refusal.push_str(more),
            Piece::Call(_, id, name) => calls.push([id.clone(), name.clone(), String::new()]),
            Piece::Arguments(index, more) => match calls.get_mut(*index as usize) {
                Some([_, _, arguments]) => arguments.push_str(more),
                None => return Err(format!("there are arguments of call {index} before it")),
            },
            Piece::Other(_) => {}
        }
    }
    same("the text", &text, &expected.text)?;
    same("the thoughts", &reasoning, &expected.reasoning)?;
    same("the refusal", &refusal, &expected.refusal)?;
    let wanted = expected.tool_calls.iter();
    let wanted: Vec<[String; 3]> = wanted
        .map(|call| [call.id.clone(), call.name.clone(), call.arguments.clone()])
        .collect();
    same("the tool calls", &calls, &wanted)?;
    let end = match &whole.end {
        Some(End::Finished(reason)) => (Some(reason.clone()), None),
        Some(End::Failed(kind)) => (None, Some(name(*kind))),
        None => (None, None),
    };
    let wanted = (expected.finish.clone(), expected.error.clone());
    same("finish reason and error", &end, &wanted)?;
    let usage = whole.usage.map(|usage| {
        let input = (usage.input_tokens, usage.cached_input_tokens);
        (input, (usage.output_tokens, usage.reasoning_tokens))
    });
    let wanted = expected.usage.map(|usage| {
        let input = (usage.input_tokens, usage.cached_input_tokens);
        (input, (usage.output_tokens, usage.reasoning_tokens))
    });
    same(
        "the usage (input, cached; output, thoughts)",
        &usage,
        &wanted,
    )
}

/// Returns the name of a kind of error on the wire.
fn name(kind: ErrorKind) -> String {
    let json = serde_json::to_value(kind).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

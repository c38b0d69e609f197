//! The Responses API: the same steps, in its words.

mod object;
mod shape;
mod writer;

use crate::completion::{Completion, body};
use crate::json::error_text;
use crate::script::{Part, Script, Stop};
use crate::step::Step;

pub(crate) use shape::{check, check_schemas};
pub(crate) use writer::Writer;

/// Adds the steps up to the response of a request that doesn't stream.
///
/// As with completions, a stall, a cut or a reset comes after the first half of the body.
pub(crate) fn assemble(script: &Script, encrypted: bool) -> Completion {
    let mut writer = Writer::new(&script.dialect, encrypted);
    let (mut parts, mut stop) = (Vec::new(), Stop::End);
    for step in &script.steps {
        if let Step::Error(message) = step {
            let text = error_text(message, "server_error", None, None);
            parts.extend(body(text, Stop::End));
            return Completion {
                status: Some(500),
                parts,
            };
        }
        match step.flow() {
            Some(Part::Stop(how)) => {
                stop = how;
                break;
            }
            Some(pause) => parts.push(pause),
            None => drop(writer.step(step)),
        }
    }
    parts.extend(body(writer.response().to_text(), stop));
    Completion {
        status: None,
        parts,
    }
}

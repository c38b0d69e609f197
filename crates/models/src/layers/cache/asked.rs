//! What of a request decides its answer.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    io,
};

use mainstem_core::{Message, ModelRequest, ModelSettings, Text, ToolSpec};
use serde::Serialize;
use serde_json::Value;

/// A hash of a request, 128 bits long. The request itself isn't kept: it may be long, and private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked(u64, u64);

/// Hashes with two keys that nobody knows.
pub(super) type Keys = [RandomState; 2];

/// In the order of the fields, and of their own: where an order may decide, another one is another
/// request.
#[derive(Serialize)]
struct Deciding<'a> {
    model: &'a str,
    instructions: Option<&'a Text>,
    messages: &'a [Message],
    tools: &'a [ToolSpec],
    output: Option<(&'a Value, Option<String>)>,
    settings: &'a ModelSettings,
    /// The settings keep them out of their own JSON.
    headers: &'a BTreeMap<String, String>,
}

impl Asked {
    /// `None` if the request can't be written down, and so can't be told from others.
    pub(super) fn of(model: &str, request: &ModelRequest, keys: &Keys) -> Option<Self> {
        let deciding = Deciding {
            model,
            instructions: request.instructions.as_ref(),
            messages: &request.messages,
            tools: &request.tools,
            output: request.output.as_ref().map(|output| {
                let mode = output.mode.map(|mode| format!("{mode:?}"));
                (output.schema.as_value(), mode)
            }),
            settings: &request.settings,
            headers: &request.settings.extra_headers,
        };
        let mut hashes = Hashes(keys.each_ref().map(RandomState::build_hasher));
        serde_json::to_writer(&mut hashes, &deciding).ok()?;
        let [first, second] = hashes.0.map(|hasher| hasher.finish());
        Some(Self(first, second))
    }
}

struct Hashes<H>([H; 2]);

impl<H: Hasher> io::Write for Hashes<H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for hasher in &mut self.0 {
            hasher.write(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mainstem_core::{OutputMode, OutputSpec, Recall};
    use mainstem_structured::Schema;
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_decides_makes_another_request() {
        let keys = Keys::default();
        let output = |mode| {
            let schema = Schema::from_value(json!({"type": "string"})).unwrap();
            let mut output = OutputSpec::new(schema);
            output.mode = mode;
            output
        };
        let changes: [&dyn Fn(&mut ModelRequest); 13] = [
            &|_| {},
            &|it| it.instructions = Some("jay".into()),
            &|it| it.messages.push(Message::user("jay")),
            &|it| it.messages.push(Message::assistant("jay")),
            &|it| it.messages[0].partial = true,
            &|it| it.messages[0].name = Some("jay".into()),
            &|it| it.tools.push(ToolSpec::new("jay", "", json!({}))),
            &|it| it.tools = vec![ToolSpec::new("jay", "", json!({"type": "object"}))],
            &|it| it.output = Some(output(None)),
            &|it| it.output = Some(output(Some(OutputMode::Prompt))),
            &|it| it.settings.temperature = Some(0.5),
            &|it| it.settings = ModelSettings::new().extra_header("x-team", "birds"),
            &|it| it.settings = ModelSettings::new().extra_body("top_k", 4),
        ];
        let mut all = Vec::new();
        for model in ["one", "two"] {
            for change in changes {
                let mut request = ModelRequest::new([Message::user("Name a bird.")]);
                change(&mut request);
                let asked = Asked::of(model, &request, &keys).unwrap();
                assert_eq!(Asked::of(model, &request, &keys), Some(asked));
                assert!(!all.contains(&asked));
                all.push(asked);
            }
        }
    }

    #[test]
    fn who_reads_the_answer_makes_no_difference() {
        let keys = Keys::default();
        let mut request = ModelRequest::new([Message::user("Name a bird.")]);
        let asked = Asked::of("one", &request, &keys);
        request.recall = Recall::always();
        assert_eq!(Asked::of("one", &request, &keys), asked);
    }
}

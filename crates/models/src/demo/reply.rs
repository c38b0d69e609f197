//! What the model says to a request, and what it costs.

use mainstem_core::{
    Error, ErrorKind, FinishReason, ModelEvent, ModelRequest, OutputSpec, Part, Result, Text, Usage,
};

use super::{
    answer::{answer, passage},
    asked::{Asked, asked, last_words},
    library::library,
    pace::pieces,
    schema,
    tools::{self, Call},
    words::Words,
};

/// How many characters count as a token.
const TOKEN: usize = 4;

/// A whole answer, before it is streamed.
pub(super) struct Reply {
    pub(super) events: Vec<ModelEvent>,
    pub(super) usage: Usage,
    pub(super) finish_reason: FinishReason,
}

impl Reply {
    /// The answer to a request: a tool call, a document or text.
    pub(super) fn to(request: &ModelRequest) -> Result<Self> {
        if let Some(call) = tools::choose(request)? {
            return Ok(Self::call(request, &call));
        }
        let text = match &request.output {
            Some(output) => document(request, output)?,
            None => answer(request),
        };
        Ok(Self::text(request, &text))
    }

    fn text(request: &ModelRequest, text: &str) -> Self {
        let (text, is_cut) = cut(request, until_stop(request, text));
        let events = pieces(text)
            .into_iter()
            .map(|piece| ModelEvent::Text(piece.into()));
        Self {
            events: events.collect(),
            usage: usage(request, text),
            finish_reason: if is_cut {
                FinishReason::Length
            } else {
                FinishReason::Stop
            },
        }
    }

    fn call(request: &ModelRequest, call: &Call) -> Self {
        let (arguments, is_cut) = cut(request, &call.arguments);
        let mut events = vec![ModelEvent::ToolCall {
            index: 0,
            id: call.id.clone(),
            name: call.name.clone(),
        }];
        events.extend(
            pieces(arguments)
                .into_iter()
                .map(|piece| ModelEvent::ToolArguments {
                    index: 0,
                    text: piece.into(),
                }),
        );
        Self {
            events,
            usage: usage(request, arguments),
            finish_reason: if is_cut {
                FinishReason::Length
            } else {
                FinishReason::ToolCalls
            },
        }
    }
}

/// A document of the output's schema, in words from the docs.
fn document(request: &ModelRequest, output: &OutputSpec) -> Result<String> {
    let section = match asked(request) {
        Asked::Question { words, before } => passage(library(), request, &words, before),
        Asked::Results(_) | Asked::Nothing => None,
    };
    let mut words = Words::of_docs(section, &last_words(request));
    let document = schema::document(output.schema.as_value(), &mut words)?;
    let text = document.to_string();
    let mut checker = output.schema.checker();
    let verdict = checker
        .feed(text.as_bytes())
        .and_then(|()| checker.finish().map(drop));
    match verdict {
        Ok(()) => Ok(text),
        Err(violation) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "the demo model can't follow the output's schema at `{}`: it needs `{}`",
                violation.pointer, violation.schema_pointer
            ),
        )),
    }
}

/// The text before the first of the texts at which it is to stop.
fn until_stop<'a>(request: &ModelRequest, text: &'a str) -> &'a str {
    let stops: &[Text] = request.settings.stop.as_deref().unwrap_or_default();
    let ends = stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(&**stop));
    &text[..ends.min().unwrap_or(text.len())]
}

/// As much as the limit of tokens allows, and whether that is less than all.
fn cut<'a>(request: &ModelRequest, text: &'a str) -> (&'a str, bool) {
    let Some(limit) = request.settings.max_output_tokens else {
        return (text, false);
    };
    let limit = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_mul(TOKEN);
    match text.char_indices().nth(limit) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

fn usage(request: &ModelRequest, output: &str) -> Usage {
    let instructions = request.instructions.as_deref().map_or(0, characters);
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let tools = request.tools.iter().map(|tool| {
        characters(&tool.name) + characters(&tool.description) + tool.parameters.to_string().len()
    });
    let schema = request
        .output
        .as_ref()
        .map_or(0, |output| output.schema.as_value().to_string().len());
    let input = instructions + parts.map(weight).sum::<usize>() + tools.sum::<usize>() + schema;

    let mut usage = Usage::new(tokens(input), tokens(characters(output)));
    usage.estimated = true;
    usage
}

fn weight(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::Refusal(text) => characters(&text.text),
        Part::Reasoning(reasoning) => characters(&reasoning.text),
        Part::ToolCall(call) => characters(&call.name) + characters(&call.arguments),
        Part::ToolResult(result) => characters(&result.output),
        // It doesn't look at pictures, files and sound.
        _ => 0,
    }
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

fn tokens(characters: usize) -> u64 {
    characters.div_ceil(TOKEN) as u64
}

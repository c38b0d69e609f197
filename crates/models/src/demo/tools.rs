//! Which tool is called, and with what.

use mainstem_core::{
    Error, ErrorKind, ModelRequest, Part, Result, Role, Text, ToolChoice, ToolSpec,
};
use mainstem_structured::Schema;

use super::{library::library, schema, words::Words};

/// A tool call, before it is streamed.
pub(super) struct Call {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) arguments: String,
}

/// The tool call that answers a request; none, if text answers it.
///
/// Only a user's message is answered so: after a tool's result it is time for text.
pub(super) fn choose(request: &ModelRequest) -> Result<Option<Call>> {
    let Some(last) = request
        .messages
        .last()
        .filter(|last| last.role == Role::User)
    else {
        return Ok(None);
    };
    let said = last.text();
    let tool = match request.settings.tool_choice.as_ref() {
        Some(ToolChoice::None) => None,
        Some(ToolChoice::Required) => {
            let tool = best(&request.tools, &said).or(request.tools.first());
            Some(tool.ok_or_else(|| config("a tool must be called, and the request has none"))?)
        }
        Some(ToolChoice::Tool(name)) => {
            let tool = request.tools.iter().find(|tool| tool.name == *name);
            Some(tool.ok_or_else(|| config(format!("the request has no tool `{name}`")))?)
        }
        _ => best(&request.tools, &said),
    };
    tool.map(|tool| call(request, tool, &said)).transpose()
}

/// The tool that has most words in common with what was said; none, if none has any.
fn best<'a>(tools: &'a [ToolSpec], said: &str) -> Option<&'a ToolSpec> {
    let library = library();
    let said = library.stems(said);
    let score = |tool: &ToolSpec| {
        let name = library.stems(&spaced(&tool.name));
        let description = library.stems(&tool.description);
        let common = |words: &[String]| words.iter().filter(|word| said.contains(word)).count();
        2 * common(&name) + common(&description)
    };
    let mut best = (0, None);
    for tool in tools {
        let score = score(tool);
        if score > best.0 {
            best = (score, Some(tool));
        }
    }
    best.1
}

/// `getWeather_now` in words of its own.
fn spaced(name: &str) -> String {
    let mut spaced = String::new();
    for char in name.chars() {
        if char.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if matches!(char, '_' | '-') { ' ' } else { char });
    }
    spaced
}

fn call(request: &ModelRequest, tool: &ToolSpec, said: &str) -> Result<Call> {
    let cannot = |error: &dyn std::fmt::Display| {
        config(format!(
            "the demo model can't call tool `{}`: {error}",
            tool.name
        ))
    };
    let mut words = Words::of_user(said);
    let arguments = schema::document(&tool.parameters, &mut words)
        .map_err(|error| cannot(&error.message()))?
        .to_string();

    let schema = Schema::from_value(tool.parameters.clone()).map_err(|error| cannot(&error))?;
    let mut checker = schema.checker();
    let verdict = checker
        .feed(arguments.as_bytes())
        .and_then(|()| checker.finish().map(drop));
    verdict.map_err(|violation| {
        cannot(&format!(
            "its parameters need `{}`",
            violation.schema_pointer
        ))
    })?;

    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let earlier = parts
        .filter(|part| matches!(part, Part::ToolCall(_)))
        .count();
    Ok(Call {
        id: format!("call_{}", earlier + 1).into(),
        name: tool.name.clone(),
        arguments,
    })
}

fn config(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_with_most_words_in_common_is_chosen() {
        let tools = [
            ToolSpec::new("addNumbers", "Adds numbers.", serde_json::json!({})),
            ToolSpec::new(
                "get_weather",
                "The weather of a city.",
                serde_json::json!({}),
            ),
        ];
        let name = |said| best(&tools, said).map(|tool| tool.name.to_string());
        assert_eq!(
            name("How is the weather in Oslo?").as_deref(),
            Some("get_weather")
        );
        assert_eq!(name("Add 3 and 4.").as_deref(), Some("addNumbers"));
        assert_eq!(name("Who are you?"), None);
    }
}

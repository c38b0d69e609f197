//! How a request holds the model to a schema, before it is put in the words of an API.

use mainstem_core::{ModelRequest, OutputMode, OutputSpec, Result, ToolChoice, ToolSpec};
use mainstem_structured::Schema;
use serde_json::Value;

use super::{Strict, wrap};

/// What an output mode means for a request.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Whether the output comes wrapped in an object.
    pub(crate) wrapped: bool,
    /// What the provider enforces.
    pub(crate) format: Option<Format>,
    /// The tool whose arguments are the output.
    pub(crate) tool: Option<ToolSpec>,
    /// Whether it may be called, and which calls are the output.
    pub(crate) output_tool: OutputTool,
    /// What the model is told.
    pub(crate) instructions: Option<String>,
}

/// Which tool calls of an answer are its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OutputTool {
    /// None.
    #[default]
    None,
    /// The only call, whatever it is called.
    Alone,
    /// The call of [`OutputMode::TOOL`]; others are calls.
    Among,
}

/// What a provider enforces.
#[derive(Debug)]
pub(crate) enum Format {
    JsonObject,
    Schema {
        name: String,
        schema: Value,
        strict: bool,
    },
}

impl Held {
    /// Holds a model to an output, by a mode; `asked` is the mode that somebody asked for by name.
    pub(crate) fn to(
        output: &OutputSpec,
        mode: OutputMode,
        asked: Option<OutputMode>,
    ) -> Result<Self> {
        let schema = output.schema.as_value();
        let mut held = Self::default();
        let plain = |schema: &Value| Format::Schema {
            name: schema_name(&output.schema),
            schema: schema.clone(),
            strict: false,
        };
        match mode {
            OutputMode::StrictSchema => match (Strict::of(schema), asked) {
                (Ok(strict), _) => {
                    held.wrapped = strict.wrapped;
                    held.format = Some(Format::Schema {
                        name: schema_name(&output.schema),
                        schema: strict.schema,
                        strict: true,
                    });
                }
                // Nobody asked for strict by name: the schema as it is will do.
                (Err(_), None) => held.format = Some(plain(schema)),
                (Err(error), Some(_)) => return Err(error),
            },
            OutputMode::Schema => held.format = Some(plain(schema)),
            OutputMode::JsonObject => {
                held.format = Some(Format::JsonObject);
                held.instructions = Some(in_words(schema));
            }
            OutputMode::ForcedTool => {
                held.wrapped = schema.get("type").and_then(|name| name.as_str()) != Some("object");
                held.tool = Some(output_tool(schema, held.wrapped));
            }
            _ => held.instructions = Some(in_words(schema)),
        }
        Ok(held)
    }

    /// Which tools the model has to choose of, where one of them may be its output.
    ///
    /// One that has other tools must call one of them, or give the output. One that must call another tool
    /// first can't give the output yet.
    pub(crate) fn choose(&mut self, request: &ModelRequest) -> Option<ToolChoice> {
        let choice = request.settings.tool_choice.as_ref();
        if self.tool.is_none() {
            return choice.cloned();
        }
        if request.tools.is_empty() || choice == Some(&ToolChoice::None) {
            self.output_tool = OutputTool::Alone;
            return Some(ToolChoice::Tool(OutputMode::TOOL.into()));
        }
        if let Some(ToolChoice::Required | ToolChoice::Tool(_)) = choice {
            (self.tool, self.wrapped) = (None, false);
            return choice.cloned();
        }
        self.output_tool = OutputTool::Among;
        Some(ToolChoice::Required)
    }
}

/// The schema's title, as far as the wire takes it: letters, digits, `_` and `-`, 64 at most.
fn schema_name(schema: &Schema) -> String {
    let title = schema.title().unwrap_or_default().chars();
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = title.map(fit).take(64).collect();
    if name.is_empty() {
        OutputMode::TOOL.to_owned()
    } else {
        name
    }
}

fn in_words(schema: &Value) -> String {
    format!(
        "Answer with one JSON document and nothing else: no other text, no code fence. It must be \
         valid against this JSON schema: {schema}"
    )
}

fn output_tool(schema: &Value, wrapped: bool) -> ToolSpec {
    let parameters = if wrapped {
        wrap(schema.clone())
    } else {
        schema.clone()
    };
    ToolSpec::new(OutputMode::TOOL, "Gives the output.", parameters)
}

//! From a model request to the body of a chat completion.

use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls, ChatCompletionNamedToolChoice,
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestAssistantMessageContent,
    ChatCompletionRequestMessage, ChatCompletionRequestMessageContentPartAudio,
    ChatCompletionRequestMessageContentPartFile, ChatCompletionRequestMessageContentPartImage,
    ChatCompletionRequestMessageContentPartText, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestToolMessage, ChatCompletionRequestToolMessageContent,
    ChatCompletionRequestUserMessage, ChatCompletionRequestUserMessageContent,
    ChatCompletionRequestUserMessageContentPart as UserPart, ChatCompletionStreamOptions,
    ChatCompletionTool, ChatCompletionToolChoiceOption, ChatCompletionTools,
    CreateChatCompletionRequest, FileObject, FunctionCall, FunctionName, FunctionObject, ImageUrl,
    InputAudio, InputAudioFormat, ReasoningEffort as WireEffort, ResponseFormat,
    ResponseFormatJsonSchema, StopConfiguration, ToolChoiceOptions,
};
use mainstem_core::{
    Error, ErrorKind, MediaPart, MediaSource, Message, ModelRequest, OutputMode, OutputSpec, Part,
    ReasoningEffort, Result, Role, Text, ToolChoice, ToolSpec,
};
use mainstem_structured::Schema;

use super::{Parts, provider_data::give_back};
use crate::output::{Strict, wrap};

/// The tool whose arguments are the output, where a model is held to it that way.
const OUTPUT_TOOL: &str = "output";

/// A request's body, and how its answer is to be read.
pub(super) struct Body {
    pub(super) json: Vec<u8>,
    /// Whether the output comes wrapped in an object.
    pub(super) wrapped: bool,
    /// Whether the output comes as the arguments of a tool call.
    pub(super) tool_is_output: bool,
}

pub(super) fn body(model: &Parts, request: &ModelRequest) -> Result<Body> {
    let mut wire = CreateChatCompletionRequest {
        model: model.model.clone(),
        stream: Some(model.streaming),
        ..Default::default()
    };
    if model.streaming && model.include_usage {
        wire.stream_options = Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        });
    }
    apply_settings(&mut wire, model, request);
    let tools: Vec<_> = request.tools.iter().map(tool).collect();
    wire.tools = (!tools.is_empty()).then_some(tools);

    let mut reading = Reading::default();
    if let Some(output) = &request.output {
        reading = hold_to(&mut wire, model, output)?;
    }
    let (messages, assistants) = messages(request, reading.instructions)?;
    wire.messages = messages;

    let mut json = serde_json::to_value(&wire).map_err(unwritable)?;
    for (at, message) in assistants {
        give_back(&mut json["messages"][at], message, model.data_origin());
    }
    if let Some(fields) = json.as_object_mut() {
        // Not by way of the wire's own type, `f32`, which would make 0.7 something else.
        let settings = &request.settings;
        let numbers = [
            ("temperature", settings.temperature),
            ("top_p", settings.top_p),
        ];
        for (name, number) in numbers {
            fields.extend(number.map(|number| (name.to_owned(), number.into())));
        }
        fields.extend(request.settings.extra_body.clone());
    }
    Ok(Body {
        json: serde_json::to_vec(&json).map_err(unwritable)?,
        wrapped: reading.wrapped,
        tool_is_output: reading.tool_is_output,
    })
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Value, "the request can't be written as JSON").with_source(error)
}

#[allow(deprecated)] // `seed` and `max_tokens`: most servers know nothing else
fn apply_settings(wire: &mut CreateChatCompletionRequest, model: &Parts, request: &ModelRequest) {
    let settings = &request.settings;
    wire.seed = settings.seed;
    if model.provider.wants_max_completion_tokens() {
        wire.max_completion_tokens = settings.max_output_tokens;
    } else {
        wire.max_tokens = settings.max_output_tokens;
    }
    wire.stop = settings.stop.as_ref().map(|texts| {
        StopConfiguration::StringArray(texts.iter().map(|text| text.to_string()).collect())
    });
    wire.reasoning_effort = settings.reasoning_effort.map(|effort| match effort {
        ReasoningEffort::None => WireEffort::None,
        ReasoningEffort::Minimal => WireEffort::Minimal,
        ReasoningEffort::Low => WireEffort::Low,
        ReasoningEffort::High => WireEffort::High,
        _ => WireEffort::Medium,
    });
    wire.tool_choice = settings.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::None => ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::None),
        ToolChoice::Required => ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Required),
        ToolChoice::Tool(name) => named_tool(name),
        _ => ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Auto),
    });
}

fn named_tool(name: &str) -> ChatCompletionToolChoiceOption {
    ChatCompletionToolChoiceOption::Function(ChatCompletionNamedToolChoice {
        function: FunctionName {
            name: name.to_owned(),
        },
    })
}

fn tool(spec: &ToolSpec) -> ChatCompletionTools {
    ChatCompletionTools::Function(ChatCompletionTool {
        function: FunctionObject {
            name: spec.name.to_string(),
            description: Some(spec.description.to_string()),
            parameters: Some(spec.parameters.clone()),
            strict: None,
        },
    })
}

/// What an output mode means for reading, and for the instructions.
#[derive(Default)]
struct Reading {
    wrapped: bool,
    tool_is_output: bool,
    instructions: Option<String>,
}

/// Holds the model to an output schema.
fn hold_to(
    wire: &mut CreateChatCompletionRequest,
    model: &Parts,
    output: &OutputSpec,
) -> Result<Reading> {
    let schema = output.schema.as_value();
    let asked = output.mode.or(model.output_mode);
    let mut reading = Reading::default();
    match model.output_mode(output) {
        OutputMode::StrictSchema => match (Strict::of(schema), asked) {
            (Ok(strict), _) => {
                reading.wrapped = strict.wrapped;
                wire.response_format = Some(json_schema(&output.schema, strict.schema, true));
            }
            // Nobody asked for strict by name: the schema as it is will do.
            (Err(_), None) => {
                wire.response_format = Some(json_schema(&output.schema, schema.clone(), false));
            }
            (Err(error), Some(_)) => return Err(error),
        },
        OutputMode::Schema => {
            wire.response_format = Some(json_schema(&output.schema, schema.clone(), false));
        }
        OutputMode::JsonObject => {
            wire.response_format = Some(ResponseFormat::JsonObject);
            reading.instructions = Some(in_words(&output.schema));
        }
        OutputMode::ForcedTool => {
            reading.tool_is_output = true;
            reading.wrapped = schema.get("type").and_then(|name| name.as_str()) != Some("object");
            wire.tools
                .get_or_insert_default()
                .push(output_tool(schema, reading.wrapped));
            wire.tool_choice = Some(named_tool(OUTPUT_TOOL));
        }
        _ => reading.instructions = Some(in_words(&output.schema)),
    }
    Ok(reading)
}

fn json_schema(named: &Schema, schema: serde_json::Value, strict: bool) -> ResponseFormat {
    ResponseFormat::JsonSchema {
        json_schema: ResponseFormatJsonSchema {
            description: None,
            name: schema_name(named),
            schema,
            strict: Some(strict),
        },
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
        OUTPUT_TOOL.to_owned()
    } else {
        name
    }
}

fn in_words(schema: &Schema) -> String {
    format!(
        "Answer with one JSON document and nothing else: no other text, no code fence. It must be \
         valid against this JSON schema: {}",
        schema.as_value()
    )
}

fn output_tool(schema: &serde_json::Value, wrapped: bool) -> ChatCompletionTools {
    let parameters = if wrapped {
        wrap(schema.clone())
    } else {
        schema.clone()
    };
    tool(&ToolSpec::new(OUTPUT_TOOL, "Gives the output.", parameters))
}

/// The messages, and which of them are the assistant's.
#[allow(clippy::type_complexity)] // two lists
fn messages(
    request: &ModelRequest,
    output: Option<String>,
) -> Result<(Vec<ChatCompletionRequestMessage>, Vec<(usize, &Message)>)> {
    let mut assistants = Vec::new();
    let mut wire = Vec::with_capacity(request.messages.len() + 1);
    let own = request.instructions.as_ref().map(Text::to_string);
    let instructions: Vec<_> = own.into_iter().chain(output).collect();
    if !instructions.is_empty() {
        wire.push(system(&instructions.join("\n\n"), None));
    }
    for message in &request.messages {
        match message.role {
            Role::User => wire.push(user(message)?),
            Role::Assistant => {
                if let Some(said) = assistant(message) {
                    assistants.push((wire.len(), message));
                    wire.push(said);
                }
            }
            Role::Tool => wire.extend(tool_results(message)),
            _ => wire.push(system(&message.text(), message.name.as_ref())),
        }
    }
    Ok((wire, assistants))
}

fn system(text: &str, name: Option<&Text>) -> ChatCompletionRequestMessage {
    ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage {
        content: text.to_owned().into(),
        name: name.map(Text::to_string),
    })
}

fn user(message: &Message) -> Result<ChatCompletionRequestMessage> {
    let content = if message
        .parts
        .iter()
        .all(|part| matches!(part, Part::Text(_)))
    {
        ChatCompletionRequestUserMessageContent::Text(message.text())
    } else {
        let parts: Result<Vec<_>> = message.parts.iter().map(user_part).collect();
        ChatCompletionRequestUserMessageContent::Array(parts?)
    };
    Ok(ChatCompletionRequestMessage::User(
        ChatCompletionRequestUserMessage {
            content,
            name: message.name.as_ref().map(Text::to_string),
        },
    ))
}

fn user_part(part: &Part) -> Result<UserPart> {
    match part {
        Part::Text(text) => Ok(UserPart::Text(
            ChatCompletionRequestMessageContentPartText {
                text: text.text.to_string(),
                ..Default::default()
            },
        )),
        Part::Image(image) => {
            let url = match &image.source {
                MediaSource::Url(url) => url.to_string(),
                MediaSource::Base64(data) => data_url(image, data, "image/png"),
                _ => return Err(unsupported("a picture by id")),
            };
            Ok(UserPart::ImageUrl(
                ChatCompletionRequestMessageContentPartImage {
                    image_url: ImageUrl { url, detail: None },
                    ..Default::default()
                },
            ))
        }
        Part::Audio(audio) => Ok(UserPart::InputAudio(
            ChatCompletionRequestMessageContentPartAudio {
                input_audio: input_audio(audio)?,
                ..Default::default()
            },
        )),
        Part::File(file) => Ok(UserPart::File(
            ChatCompletionRequestMessageContentPartFile {
                file: file_object(file)?,
                ..Default::default()
            },
        )),
        _ => Err(unsupported("a part of this kind in a user's message")),
    }
}

fn data_url(media: &MediaPart, data: &str, default: &str) -> String {
    let media_type = media.media_type.as_deref().unwrap_or(default);
    format!("data:{media_type};base64,{data}")
}

fn input_audio(audio: &MediaPart) -> Result<InputAudio> {
    let MediaSource::Base64(data) = &audio.source else {
        return Err(unsupported("sound that isn't given as base64"));
    };
    let format = match audio.media_type.as_deref() {
        Some("audio/wav" | "audio/x-wav" | "audio/wave") => InputAudioFormat::Wav,
        Some("audio/mpeg" | "audio/mp3") | None => InputAudioFormat::Mp3,
        Some(_) => return Err(unsupported("sound that is neither WAV nor MP3")),
    };
    Ok(InputAudio {
        data: data.to_string(),
        format,
    })
}

fn file_object(file: &MediaPart) -> Result<FileObject> {
    let filename = file.name.as_ref().map(Text::to_string);
    match &file.source {
        MediaSource::Base64(data) => Ok(FileObject {
            file_data: Some(data_url(file, data, "application/pdf")),
            file_id: None,
            filename,
        }),
        MediaSource::Id(id) => Ok(FileObject {
            file_data: None,
            file_id: Some(id.to_string()),
            filename,
        }),
        _ => Err(unsupported("a file by URL")),
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("chat completions can't take {what}"),
    )
}

/// An assistant's message; none, if nothing of it can be sent (it only thought).
#[allow(deprecated)] // the type has a field that is
fn assistant(message: &Message) -> Option<ChatCompletionRequestMessage> {
    let text = message.text();
    let refusal: String = message.parts.iter().filter_map(refusal).collect();
    let calls: Vec<_> = message.parts.iter().filter_map(tool_call).collect();
    if text.is_empty() && refusal.is_empty() && calls.is_empty() {
        return None;
    }
    Some(ChatCompletionRequestMessage::Assistant(
        ChatCompletionRequestAssistantMessage {
            content: (!text.is_empty())
                .then_some(ChatCompletionRequestAssistantMessageContent::Text(text)),
            refusal: (!refusal.is_empty()).then_some(refusal),
            name: message.name.as_ref().map(Text::to_string),
            tool_calls: (!calls.is_empty()).then_some(calls),
            ..Default::default()
        },
    ))
}

fn refusal(part: &Part) -> Option<&str> {
    match part {
        Part::Refusal(refusal) => Some(&refusal.text),
        _ => None,
    }
}

fn tool_call(part: &Part) -> Option<ChatCompletionMessageToolCalls> {
    match part {
        Part::ToolCall(call) => Some(ChatCompletionMessageToolCalls::Function(
            ChatCompletionMessageToolCall {
                id: call.id.to_string(),
                function: FunctionCall {
                    name: call.name.to_string(),
                    arguments: call.arguments.to_string(),
                },
            },
        )),
        _ => None,
    }
}

fn tool_results(message: &Message) -> impl Iterator<Item = ChatCompletionRequestMessage> {
    message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(ChatCompletionRequestMessage::Tool(
            ChatCompletionRequestToolMessage {
                content: ChatCompletionRequestToolMessageContent::Text(result.output.to_string()),
                tool_call_id: result.call_id.to_string(),
            },
        )),
        _ => None,
    })
}

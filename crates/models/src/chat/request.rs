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
    Error, ErrorKind, MediaPart, MediaSource, Message, ModelRequest, Part, ReasoningEffort, Result,
    Role, Text, ToolChoice, ToolSpec,
};

use super::{Parts, provider_data::give_back};
use crate::{
    http::{Body, Server, Sound, data_url, unwritable},
    output::{Format, Held},
};

pub(super) fn body(model: &Parts, request: &ModelRequest) -> Result<Body> {
    let server = &model.server;
    let mut wire = CreateChatCompletionRequest {
        model: server.model.clone(),
        stream: Some(server.streaming),
        ..Default::default()
    };
    if server.streaming && model.include_usage {
        wire.stream_options = Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        });
    }
    apply_settings(&mut wire, server, request);
    let mut held = match &request.output {
        Some(output) => server.hold_to(output)?,
        None => Held::default(),
    };
    wire.response_format = held.format.take().map(response_format);
    wire.tool_choice = held.choose(request).as_ref().map(tool_choice);
    let tools: Vec<_> = request.tools.iter().chain(&held.tool).map(tool).collect();
    wire.tools = (!tools.is_empty()).then_some(tools);
    let (messages, assistants) = messages(request, held.instructions.take())?;
    wire.messages = messages;

    let mut json = serde_json::to_value(&wire).map_err(unwritable)?;
    for (at, message) in assistants {
        give_back(&mut json["messages"][at], message, server.data_origin());
    }
    let fields = serde_json::from_value(json).map_err(unwritable)?;
    Body::of(fields, request, &held)
}

#[allow(deprecated)] // `seed` and `max_tokens`: most servers know nothing else
fn apply_settings(wire: &mut CreateChatCompletionRequest, server: &Server, request: &ModelRequest) {
    let settings = &request.settings;
    wire.seed = settings.seed;
    if server.provider.wants_max_completion_tokens() {
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
}

fn tool_choice(choice: &ToolChoice) -> ChatCompletionToolChoiceOption {
    match choice {
        ToolChoice::None => ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::None),
        ToolChoice::Required => ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Required),
        ToolChoice::Tool(name) => named_tool(name),
        _ => ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Auto),
    }
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

fn response_format(format: Format) -> ResponseFormat {
    match format {
        Format::JsonObject => ResponseFormat::JsonObject,
        Format::Schema {
            name,
            schema,
            strict,
        } => ResponseFormat::JsonSchema {
            json_schema: ResponseFormatJsonSchema {
                description: None,
                name,
                schema,
                strict: Some(strict),
            },
        },
    }
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

fn input_audio(audio: &MediaPart) -> Result<InputAudio> {
    let (sound, data) = Sound::of(audio).map_err(unsupported)?;
    let format = match sound {
        Sound::Wav => InputAudioFormat::Wav,
        Sound::Mp3 => InputAudioFormat::Mp3,
    };
    Ok(InputAudio {
        data: data.to_owned(),
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

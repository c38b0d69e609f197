//! What is said, as the JSON of OpenTelemetry's conventions: for traces that were asked to have it.

use mainstem_core::{FinishReason, MediaPart, MediaSource, Message, Part};
use serde_json::{Value, json};

/// The value of `gen_ai.system_instructions`.
pub(crate) fn instructions(instructions: &str) -> String {
    json!([text(instructions)]).to_string()
}

/// The value of `gen_ai.input.messages`.
pub(crate) fn input(messages: &[Message]) -> String {
    Value::from_iter(messages.iter().map(message)).to_string()
}

/// The value of `gen_ai.output.messages`.
pub(crate) fn output(said: &Message, reason: Option<&FinishReason>) -> String {
    let mut said = message(said);
    said["finish_reason"] = reason.map(FinishReason::as_str).into();
    json!([said]).to_string()
}

fn message(message: &Message) -> Value {
    let parts: Vec<_> = message.parts.iter().map(part).collect();
    json!({"role": message.role, "parts": parts})
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(part) | Part::Refusal(part) => text(&part.text),
        Part::Image(media) => medium("image", media),
        Part::File(media) => medium("file", media),
        Part::Audio(media) => medium("audio", media),
        Part::ToolCall(call) => json!({
            "type": "tool_call",
            "id": call.id,
            "name": call.name,
            "arguments": serde_json::from_str::<Value>(&call.arguments)
                .unwrap_or_else(|_| Value::from(&*call.arguments)),
        }),
        Part::ToolResult(result) => json!({
            "type": "tool_call_response",
            "id": result.call_id,
            "response": result.output,
        }),
        Part::Reasoning(part) => json!({"type": "reasoning", "content": part.text}),
        // What a later version adds.
        _ => json!({"type": "unknown"}),
    }
}

fn text(text: &str) -> Value {
    json!({"type": "text", "content": text})
}

/// Without its bytes, which no trace is the place for.
fn medium(modality: &str, media: &MediaPart) -> Value {
    let (kind, field, value) = match &media.source {
        MediaSource::Url(url) => ("uri", "uri", &**url),
        MediaSource::Id(id) => ("file", "file_id", &**id),
        _ => ("blob", "content", ""),
    };
    json!({"type": kind, "modality": modality, "mime_type": media.media_type, field: value})
}

#[cfg(test)]
mod tests {
    use mainstem_core::{ReasoningPart, Role, ToolCallPart, ToolResultPart};

    use super::*;

    #[test]
    fn messages_are_as_the_conventions_have_them() {
        assert_eq!(
            instructions("Be brief."),
            r#"[{"type":"text","content":"Be brief."}]"#
        );
        let call = ToolCallPart::new("c1", "weather", r#"{"city": "Oslo"}"#);
        let odd = ToolCallPart::new("c2", "weather", "{");
        let parts = vec![
            Part::Reasoning(ReasoningPart::new("hm")),
            Part::ToolCall(call),
            Part::ToolCall(odd),
        ];
        let called = Message::new(Role::Assistant, parts);
        assert_eq!(
            output(&called, Some(&FinishReason::ToolCalls)),
            concat!(
                r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},"#,
                r#"{"type":"tool_call","id":"c1","name":"weather","arguments":{"city":"Oslo"}},"#,
                r#"{"type":"tool_call","id":"c2","name":"weather","arguments":"{"}],"#,
                r#""finish_reason":"tool_calls"}]"#
            )
        );
        let answer = Part::ToolResult(ToolResultPart::new("c1", "rain"));
        let picture = MediaPart::new(MediaSource::Base64("QUJD".into())).media_type("image/png");
        let answered = Message::new(Role::Tool, vec![answer, Part::Image(picture)]);
        assert_eq!(
            input(&[Message::user("Oslo?"), answered]),
            concat!(
                r#"[{"role":"user","parts":[{"type":"text","content":"Oslo?"}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"rain"},"#,
                r#"{"type":"blob","modality":"image","mime_type":"image/png","content":""}]}]"#
            )
        );
    }
}

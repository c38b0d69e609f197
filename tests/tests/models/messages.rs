//! What a conversation becomes in the request.

use futures::StreamExt;
use mainstem::{
    Error, ErrorKind, MediaPart, MediaSource, Message, Model, ModelRequest, Part, Role,
    ToolCallPart, ToolSpec,
};
use mainstem_testkit::Reply;
use mainstem_tests::{model, server_with, within};
use serde_json::{Value, json};

async fn send(request: ModelRequest) -> Result<Value, Error> {
    let server = server_with([Reply::text(["Hello"])]).await;
    let mut stream = model(&server).stream(request);
    while let Some(item) = within(stream.next()).await {
        item?;
    }
    Ok(server.requests().remove(0).body)
}

async fn wire(message: Message) -> Value {
    let body = send(ModelRequest::new([message])).await.unwrap();
    body["messages"].clone()
}

fn media(part: fn(MediaPart) -> Part, source: MediaSource, media_type: &str) -> Part {
    part(MediaPart::new(source).media_type(media_type).name("a.bin"))
}

fn base64() -> MediaSource {
    MediaSource::Base64("AQID".into())
}

#[tokio::test]
async fn each_role_has_its_own_form() {
    for (message, expected) in [
        (
            Message::user("Hi"),
            json!([{"role": "user", "content": "Hi"}]),
        ),
        (
            Message::system("Be brief."),
            json!([{"role": "system", "content": "Be brief."}]),
        ),
        (
            Message::assistant("Yes."),
            json!([{"role": "assistant", "content": "Yes."}]),
        ),
        (
            Message::new(Role::User, [Part::text("a"), Part::text("b")]),
            json!([{"role": "user", "content": "ab"}]),
        ),
    ] {
        assert_eq!(wire(message).await, expected);
    }
    let mut named = Message::user("Hi");
    named.name = Some("ada".into());
    assert_eq!(
        wire(named).await,
        json!([{"role": "user", "content": "Hi", "name": "ada"}])
    );
}

#[tokio::test]
async fn each_part_of_a_users_message_has_its_own_form() {
    for (part, expected) in [
        (
            Part::text("Look:"),
            json!({"type": "text", "text": "Look:"}),
        ),
        (
            Part::image_url("https://a.example/b.png"),
            json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}),
        ),
        (
            media(Part::Image, base64(), "image/jpeg"),
            json!({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AQID"}}),
        ),
        (
            media(Part::Audio, base64(), "audio/wav"),
            json!({"type": "input_audio", "input_audio": {"data": "AQID", "format": "wav"}}),
        ),
        (
            media(Part::Audio, base64(), "audio/mpeg"),
            json!({"type": "input_audio", "input_audio": {"data": "AQID", "format": "mp3"}}),
        ),
        (
            media(Part::File, base64(), "application/pdf"),
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AQID", "filename": "a.bin"}}),
        ),
        (
            media(
                Part::File,
                MediaSource::Id("file-1".into()),
                "application/pdf",
            ),
            json!({"type": "file", "file": {"file_id": "file-1", "filename": "a.bin"}}),
        ),
    ] {
        let image = Part::image_url("https://a.example/");
        let messages = wire(Message::new(Role::User, [part, image])).await;
        assert_eq!(messages[0]["content"][0], expected);
    }
}

#[tokio::test]
async fn a_part_that_cannot_be_sent_is_an_error_before_any_request() {
    let call = Part::ToolCall(ToolCallPart::new("a", "f", "{}"));
    for part in [
        media(Part::Image, MediaSource::Id("file-1".into()), "image/png"),
        media(
            Part::Audio,
            MediaSource::Url("https://a.example".into()),
            "audio/wav",
        ),
        media(Part::Audio, base64(), "audio/flac"),
        media(
            Part::File,
            MediaSource::Url("https://a.example".into()),
            "text/plain",
        ),
        call,
    ] {
        let server = server_with([]).await;
        let request = ModelRequest::new([Message::new(Role::User, [part.clone()])]);
        let first = within(model(&server).stream(request).next()).await.unwrap();
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Input, "{part:?}");
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn instructions_are_the_first_message() {
    let mut request = ModelRequest::new([Message::system("Second."), Message::user("Hi")]);
    request.instructions = Some("First.".into());
    let body = send(request).await.unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "First."},
            {"role": "system", "content": "Second."},
            {"role": "user", "content": "Hi"},
        ])
    );
}

#[tokio::test]
async fn tools_and_their_calls_and_results_are_sent() {
    let calls = [
        Part::text("I'll look."),
        Part::ToolCall(ToolCallPart::new("a", "f", r#"{"x":1}"#)),
        Part::ToolCall(ToolCallPart::new("b", "g", "{}")),
    ];
    let mut results = Message::tool_result("a", "1");
    results.parts.extend(Message::tool_result("b", "2").parts);
    let mut request = ModelRequest::new([
        Message::user("Hi"),
        Message::new(Role::Assistant, calls),
        results,
    ]);
    request.tools = vec![ToolSpec::new("f", "Looks.", json!({"type": "object"}))];
    let body = send(request).await.unwrap();
    let function = |name, arguments| json!({"name": name, "arguments": arguments});
    assert_eq!(
        body["messages"].as_array().unwrap()[1..],
        [
            json!({"role": "assistant", "content": "I'll look.", "tool_calls": [
                {"id": "a", "type": "function", "function": function("f", r#"{"x":1}"#)},
                {"id": "b", "type": "function", "function": function("g", "{}")},
            ]}),
            json!({"role": "tool", "tool_call_id": "a", "content": "1"}),
            json!({"role": "tool", "tool_call_id": "b", "content": "2"}),
        ]
    );
    assert_eq!(
        body["tools"],
        json!([
            {"type": "function", "function": {"name": "f", "description": "Looks.", "parameters": {"type": "object"}}},
        ])
    );
}

#[tokio::test]
async fn a_model_is_not_told_its_own_thoughts_and_is_told_its_refusals() {
    let thought = Part::Reasoning(mainstem::ReasoningPart::new("Hm."));
    let refusal = Part::Refusal(mainstem::TextPart::new("No."));
    let messages = [
        Message::user("a"),
        Message::new(Role::Assistant, [thought.clone()]),
        Message::new(Role::Assistant, [thought, Part::text("b")]),
        Message::new(Role::Assistant, [refusal]),
        Message::user("c"),
    ];
    let body = send(ModelRequest::new(messages)).await.unwrap();
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "assistant", "refusal": "No."},
            {"role": "user", "content": "c"},
        ])
    );
}

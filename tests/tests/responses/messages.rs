//! What a conversation becomes in the request.

use futures::StreamExt;
use mainstem::{
    Error, ErrorKind, MediaPart, MediaSource, Message, Model, ModelRequest, Part, Role, TextPart,
    ToolCallPart, ToolSpec,
};
use mainstem_testkit::Reply;
use mainstem_tests::{golden, responses, server_with, within};
use serde_json::{Value, json};

async fn send(request: ModelRequest) -> Result<Value, Error> {
    let server = server_with([Reply::text(["Hello"])]).await;
    let mut stream = responses(&server).stream(request);
    while let Some(item) = within(stream.next()).await {
        item?;
    }
    Ok(server.requests().remove(0).body)
}

async fn input(message: Message) -> Value {
    let body = send(ModelRequest::new([Message::user("Hi"), message])).await;
    let mut items = body.unwrap()["input"].take();
    items.as_array_mut().unwrap().remove(0);
    items
}

fn media(part: fn(MediaPart) -> Part, source: MediaSource, media_type: &str) -> Part {
    part(MediaPart::new(source).media_type(media_type))
}

fn base64() -> MediaSource {
    MediaSource::Base64("AQID".into())
}

#[tokio::test]
async fn a_whole_conversation_is_what_its_golden_file_says() {
    let call = Part::ToolCall(ToolCallPart::new("call_a", "feed", r#"{"corn":5}"#));
    let mut request = ModelRequest::new([
        Message::system("Be brief."),
        Message::new(
            Role::User,
            [
                Part::text("Look:"),
                Part::image_url("https://a.example/b.png"),
            ],
        ),
        Message::new(Role::Assistant, [Part::text("A jay."), call]),
        Message::tool_result("call_a", "It ate."),
        Message::assistant("It ate 5."),
        Message::user("And now?"),
    ]);
    request.instructions = Some("Birds only.".into());
    let parameters = json!({"type": "object", "properties": {"corn": {"type": "integer"}}});
    request.tools = vec![ToolSpec::new("feed", "Feeds a bird.", parameters)];
    golden("responses_request", &send(request).await.unwrap());
}

#[tokio::test]
async fn each_role_has_its_own_form() {
    let refusal = Part::Refusal(TextPart::new("No."));
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
            json!([{"type": "message", "role": "assistant", "content": "Yes."}]),
        ),
        (
            Message::new(Role::Assistant, [Part::text("a"), Part::text("b")]),
            json!([{"type": "message", "role": "assistant", "content": "ab"}]),
        ),
        (
            Message::new(Role::Assistant, [Part::text("a"), refusal]),
            json!([{"type": "message", "role": "assistant", "content": "aNo."}]),
        ),
        (Message::new(Role::Assistant, []), json!([])),
    ] {
        assert_eq!(input(message).await, expected);
    }
}

#[tokio::test]
async fn each_part_of_a_users_message_has_its_own_form() {
    let id = || MediaSource::Id("file-1".into());
    let url = || MediaSource::Url("https://a.example/b".into());
    let named = Part::File(MediaPart::new(base64()).name("a.pdf"));
    let audio = |media_type| media(Part::Audio, base64(), media_type);
    let sound =
        |format| json!({"type": "input_audio", "input_audio": {"data": "AQID", "format": format}});
    for (part, expected) in [
        (
            Part::text("Look:"),
            json!({"type": "input_text", "text": "Look:"}),
        ),
        (
            Part::image_url("https://a.example/b"),
            json!({"type": "input_image", "image_url": "https://a.example/b", "detail": "auto"}),
        ),
        (
            media(Part::Image, base64(), "image/jpeg"),
            json!({"type": "input_image", "image_url": "data:image/jpeg;base64,AQID", "detail": "auto"}),
        ),
        (
            media(Part::Image, id(), "image/png"),
            json!({"type": "input_image", "file_id": "file-1", "detail": "auto"}),
        ),
        (
            named,
            json!({"type": "input_file", "file_data": "data:application/pdf;base64,AQID", "filename": "a.pdf"}),
        ),
        (
            media(Part::File, id(), "x/y"),
            json!({"type": "input_file", "file_id": "file-1"}),
        ),
        (
            media(Part::File, url(), "x/y"),
            json!({"type": "input_file", "file_url": "https://a.example/b"}),
        ),
        (audio("audio/wav"), sound("wav")),
        (audio("audio/mpeg"), sound("mp3")),
    ] {
        let message = Message::new(Role::User, [part, Part::image_url("https://a.example/c")]);
        assert_eq!(input(message).await[0]["content"][0], expected);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_it_is() {
    let url = MediaSource::Url("https://a.example/b".into());
    for part in [
        media(Part::Audio, url, "audio/wav"),
        media(Part::Audio, base64(), "audio/ogg"),
        Part::ToolCall(ToolCallPart::new("a", "b", "{}")),
    ] {
        let request = ModelRequest::new([Message::new(Role::User, [part])]);
        let error = send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(
            error.message().starts_with("the Responses API can't take"),
            "{error}"
        );
    }
}

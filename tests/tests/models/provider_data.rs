//! What a server wants back with the conversation: it is kept, and sent with the next request.

use futures::StreamExt;
use mainstem::{
    Agent, Context, Message, Model, ModelEvent, ModelRequest, Part, Role, ToolCallPart,
    models::{ChatCompletionsBuilder, Provider},
};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{model, model_builder, read, server_with, within};
use serde_json::{Value, json};

fn end(reply: Reply) -> Reply {
    reply.content("Yes.").finish("stop").usage(3, 2).done()
}

/// Two details in pieces, as OpenRouter streams them.
fn details() -> (Reply, Value) {
    let piece = |index: u32, fields: Value| {
        let mut piece = json!({"type": "reasoning.text", "index": index, "format": "f"});
        piece
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        json!({"reasoning": "Hm", "reasoning_details": [piece]})
    };
    let encrypted = json!({"type": "reasoning.encrypted", "data": "xyz", "index": 1});
    let reply = Reply::stream()
        .role()
        .delta(piece(0, json!({"text": "Let me ", "signature": null})))
        .delta(piece(0, json!({"text": "think."})))
        .delta(piece(0, json!({"signature": "s1"})))
        .delta(json!({"reasoning_details": [encrypted]}))
        .delta(json!({"reasoning_details": null}));
    let whole = json!([
        {"type": "reasoning.text", "index": 0, "format": "f", "text": "Let me think.", "signature": "s1"},
        {"type": "reasoning.encrypted", "data": "xyz", "index": 1},
    ]);
    (end(reply), whole)
}

/// The assistant's message in the second request of a conversation.
async fn second_request(
    reply: Reply,
    next: impl FnOnce(&ScriptedServer) -> ChatCompletionsBuilder,
) -> Value {
    let server = server_with([reply, Reply::text(["Bye."])]).await;
    let ctx = Context::new();
    let first = Agent::builder(model(&server)).build().unwrap();
    within(first.run("One").context(&ctx)).await.unwrap();
    let second = Agent::builder(next(&server).build().unwrap());
    let second = second.build().unwrap();
    within(second.run("Two").context(&ctx)).await.unwrap();
    server.requests()[1].body["messages"][1].clone()
}

#[tokio::test]
async fn reasoning_details_go_back_whole() {
    let (reply, whole) = details();
    let message = second_request(reply, model_builder).await;
    assert_eq!(message["content"], "Yes.");
    assert_eq!(message["reasoning_details"], whole);
    assert!(message.get("from").is_none());
}

#[tokio::test]
async fn the_details_of_a_whole_completion_go_back_as_they_came() {
    let (_, whole) = details();
    let completion = json!({"choices": [{"finish_reason": "stop", "message": {
        "role": "assistant", "content": "Yes.", "reasoning_details": whole,
    }}]});
    let message = second_request(Reply::status(200).json(&completion), model_builder).await;
    assert_eq!(message["reasoning_details"], whole);
}

#[tokio::test]
async fn the_signature_of_a_message_goes_back() {
    let extra = json!({"google": {"thought_signature": "s1"}});
    let reply = end(Reply::stream()
        .role()
        .delta(json!({"extra_content": extra})));
    let message = second_request(reply, model_builder).await;
    assert_eq!(message["extra_content"], extra);
}

#[tokio::test]
async fn another_provider_gets_nothing_of_it() {
    let (reply, _) = details();
    let next = |server: &ScriptedServer| {
        let model = model_builder(server).provider(Provider::Groq);
        model.api_key("k")
    };
    let message = second_request(reply, next).await;
    assert_eq!(message, json!({"role": "assistant", "content": "Yes."}));
}

#[tokio::test]
async fn the_signature_of_a_tool_call_goes_back() {
    let extra = json!({"google": {"thought_signature": "s1"}});
    let call = |index: u32, id: &str| json!({"index": index, "id": id, "function": {"name": "f", "arguments": "{}"}});
    let mut signed = call(1, "b");
    signed["extra_content"] = extra.clone();
    let reply = Reply::stream()
        .delta(json!({"tool_calls": [call(0, "a")]}))
        .delta(json!({"tool_calls": [signed]}))
        .finish("tool_calls")
        .done();
    let server = server_with([reply, Reply::text(["Bye."])]).await;
    let model = model(&server);
    let ask = |messages: Vec<Message>| {
        let stream = model.stream(ModelRequest::new(messages));
        within(stream.collect::<Vec<_>>())
    };
    let events = ask(vec![Message::user("One")]).await;
    let data = events.into_iter().find_map(|event| match event.unwrap() {
        ModelEvent::ToolCallData { index, data } => Some((index, data)),
        _ => None,
    });
    let (index, data) = data.unwrap();
    assert_eq!(index, 1);

    let first = ToolCallPart::new("a", "f", "{}");
    let mut second = ToolCallPart::new("b", "f", "{}");
    second.provider_data = Some(data);
    let said = Message::new(Role::Assistant, [first, second].map(Part::ToolCall));
    ask(vec![Message::user("One"), said]).await;
    let calls = &server.requests()[1].body["messages"][1]["tool_calls"];
    assert_eq!(calls[0].get("extra_content"), None);
    assert_eq!(calls[1]["extra_content"], extra);
}

#[tokio::test]
async fn what_is_no_list_of_details_is_skipped() {
    let odd = |details: Value| end(Reply::stream().delta(json!({"reasoning_details": details})));
    for details in [json!("odd"), json!({"a": 1}), json!(null), json!([])] {
        let seen = read(odd(details)).await;
        assert_eq!(seen.text, "Yes.");
        let has_data = |event: &ModelEvent| matches!(event, ModelEvent::ReasoningData(_));
        assert!(!seen.events.iter().any(has_data));
    }
}

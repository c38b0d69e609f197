//! What goes back with the conversation: the model's reasoning, as it came.

use mainstem::{
    Agent, Context, Message, Model, ModelEvent, ModelRequest, Part, ReasoningPart, Role,
    ToolCallPart,
    models::{Provider, ResponsesBuilder},
};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{Seen, model, responses, responses_builder, server_with, within};
use serde_json::{Value, json};

/// A thought as OpenAI sends it, with a field that nobody knows.
fn thought() -> Value {
    json!({
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "gAAAA+/=",
        "status": null,
        "novelty": {"a": [1, 2.5]},
    })
}

fn message() -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant",
        "content": [{"type": "output_text", "text": "Yes.", "annotations": []}]})
}

fn streamed(output: &[Value]) -> Reply {
    let done = |reply: Reply, (index, item): (usize, &Value)| {
        let event =
            json!({"type": "response.output_item.done", "output_index": index, "item": item});
        reply.chunk(event)
    };
    let reply = output.iter().enumerate().fold(Reply::stream(), done);
    let response = json!({"status": "completed", "output": output});
    reply.chunk(json!({"type": "response.completed", "response": response}))
}

fn whole(output: &[Value]) -> Reply {
    Reply::status(200).json(&json!({"status": "completed", "output": output}))
}

/// The input of the second request of a conversation, without the first user's words.
async fn second_input(
    reply: Reply,
    next: impl FnOnce(&ScriptedServer) -> ResponsesBuilder,
) -> Vec<Value> {
    let server = server_with([reply, Reply::text(["Bye."])]).await;
    let ctx = Context::new();
    let first = Agent::builder(responses(&server)).build().unwrap();
    within(first.run("One").context(&ctx)).await.unwrap();
    let second = Agent::builder(next(&server).build().unwrap());
    let second = second.build().unwrap();
    within(second.run("Two").context(&ctx)).await.unwrap();
    let input = server.requests()[1].body["input"]
        .as_array()
        .unwrap()
        .clone();
    input[1..input.len() - 1].to_vec()
}

fn said() -> Value {
    json!({"type": "message", "role": "assistant", "content": "Yes."})
}

#[tokio::test]
async fn a_thought_goes_back_as_it_came() {
    let output = [thought(), message()];
    for reply in [streamed(&output), whole(&output)] {
        let input = second_input(reply, responses_builder).await;
        assert_eq!(input, [thought(), said()]);
    }
}

#[tokio::test]
async fn several_thoughts_and_the_servers_own_tools_go_back_in_their_order() {
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let second =
        json!({"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "x"});
    let output = [thought(), search.clone(), second.clone(), message()];
    let input = second_input(streamed(&output), responses_builder).await;
    assert_eq!(input, [thought(), search, second, said()]);
}

#[tokio::test]
async fn what_a_server_that_keeps_nothing_would_not_know_stays_here() {
    let bare = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": null});
    let output = [bare.clone(), message()];
    let input = second_input(streamed(&output), responses_builder).await;
    assert_eq!(input, [said()]);
    // Open models send their thoughts as they are.
    let open = json!({"type": "reasoning", "id": "rs_1", "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm."}]});
    let server = server_with([streamed(&[open.clone(), message()])]).await;
    let seen = within(Seen::of(
        responses(&server).stream(ModelRequest::new([Message::user("Hi")])),
    ))
    .await;
    assert_eq!(seen.reasoning, "Hm.");
    let is_data = |event: &ModelEvent| matches!(event, ModelEvent::ReasoningData(_));
    assert!(seen.events.iter().any(is_data));
}

#[tokio::test]
async fn another_provider_gets_nothing_of_it() {
    let reply = streamed(&[thought(), message()]);
    let other = |server: &ScriptedServer| {
        responses_builder(server)
            .provider(Provider::OpenAi)
            .api_key("k")
    };
    assert_eq!(second_input(reply, other).await, [said()]);
    // And chat completions take no notice of it.
    let server = server_with([streamed(&[thought(), message()]), Reply::text(["Bye."])]).await;
    let ctx = Context::new();
    let first = Agent::builder(responses(&server)).build().unwrap();
    within(first.run("One").context(&ctx)).await.unwrap();
    let second = Agent::builder(model(&server)).build().unwrap();
    within(second.run("Two").context(&ctx)).await.unwrap();
    let body = &server.requests()[1].body;
    assert_eq!(
        body["messages"][1],
        json!({"role": "assistant", "content": "Yes."})
    );
}

#[tokio::test]
async fn thoughts_that_led_to_nothing_stay_here() {
    let thought = |server: &ScriptedServer| {
        let mut part = ReasoningPart::new("Hm.");
        let from = server.address().to_string();
        part.provider_data = Some(json!({"from": from, "item": thought()}).into());
        Part::Reasoning(part)
    };
    let server = server_with([Reply::text(["Bye."]), Reply::text(["Bye."])]).await;
    let request = |parts: Vec<Part>| {
        let cut = Message::new(Role::Assistant, parts);
        ModelRequest::new([Message::user("One"), cut, Message::user("Two")])
    };
    for parts in [
        vec![thought(&server)],
        vec![thought(&server), Part::text("Ye")],
    ] {
        within(Seen::of(responses(&server).stream(request(parts)))).await;
    }
    let lengths: Vec<_> = server
        .requests()
        .iter()
        .map(|sent| sent.messages().len())
        .collect();
    assert_eq!(lengths, [2, 4]);
}

/// The message that an answer is, as an agent with tools keeps it.
fn kept(seen: &Seen) -> Message {
    let mut parts = Vec::new();
    for event in &seen.events {
        match event {
            ModelEvent::ReasoningData(data) => {
                let mut part = ReasoningPart::new("");
                part.provider_data = Some(data.clone());
                parts.push(Part::Reasoning(part));
            }
            ModelEvent::ToolCall { id, name, .. } => {
                parts.push(Part::ToolCall(ToolCallPart::new(
                    id.clone(),
                    name.clone(),
                    "",
                )));
            }
            ModelEvent::ToolArguments { text, .. } => {
                let Some(Part::ToolCall(call)) = parts.last_mut() else {
                    panic!()
                };
                call.arguments = format!("{}{text}", call.arguments).into();
            }
            ModelEvent::ToolCallData { data, .. } => {
                let Some(Part::ToolCall(call)) = parts.last_mut() else {
                    panic!()
                };
                call.provider_data = Some(data.clone());
            }
            _ => {}
        }
    }
    Message::new(Role::Assistant, parts)
}

#[tokio::test]
async fn a_tool_call_goes_round_with_its_thought_and_what_else_it_has() {
    let call = json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_a",
        "name": "feed", "arguments": "{\"corn\":5}", "namespace": "birds"});
    let server = server_with([streamed(&[thought(), call]), Reply::text(["It ate."])]).await;
    let model = responses(&server);
    let mut messages = vec![Message::user("Feed it.")];
    let seen = within(Seen::of(model.stream(ModelRequest::new(messages.clone())))).await;
    messages.push(kept(&seen));
    // As it comes out of a store.
    let stored = serde_json::to_string(&messages).unwrap();
    let mut messages: Vec<Message> = serde_json::from_str(&stored).unwrap();
    messages.push(Message::tool_result("call_a", "ok"));
    let seen = within(Seen::of(model.stream(ModelRequest::new(messages)))).await;
    assert_eq!(seen.text, "It ate.");
    let expected = json!([
        {"role": "user", "content": "Feed it."},
        thought(),
        {"type": "function_call", "call_id": "call_a", "name": "feed",
            "arguments": "{\"corn\":5}", "namespace": "birds"},
        {"type": "function_call_output", "call_id": "call_a", "output": "ok"},
    ]);
    assert_eq!(server.requests()[1].body["input"], expected);
}

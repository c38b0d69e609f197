//! What goes back with the conversation: the model's reasoning, as it came.

use mainstem::{
    Agent, Context, Message, Model, ModelEvent, ModelRequest, Part, ReasoningPart, Role,
    models::{Provider, Responses, ResponsesBuilder},
    tool_fn,
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

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Feed {
    /// How many grains.
    corn: u8,
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "status": "completed", "call_id": id,
        "name": "feed", "arguments": arguments, "namespace": "birds"})
}

/// Asks an agent with a tool, which stores its conversation between two runs.
async fn feed(first: Reply, model: impl Fn(&ScriptedServer) -> Responses) -> Vec<Value> {
    let server = server_with([first, Reply::text(["It ate."]), Reply::text(["Bye."])]).await;
    let tool = tool_fn("feed", "Feeds a bird.", async |args: Feed| {
        Ok(format!("{} grains", args.corn))
    });
    let agent = Agent::builder(model(&server)).tool(tool).build().unwrap();
    let ctx = Context::new();
    let fed = within(agent.run("Feed it.").context(&ctx)).await.unwrap();
    assert_eq!(fed.output, "It ate.");
    let stored = serde_json::to_string(&ctx.snapshot()).unwrap();
    let ctx = Context::restore(serde_json::from_str(&stored).unwrap());
    within(agent.run("Bye.").context(&ctx)).await.unwrap();
    let input = |request: &mainstem_testkit::Recorded| request.body["input"].clone();
    server.requests().iter().skip(1).map(input).collect()
}

#[tokio::test]
async fn tool_calls_go_round_with_their_thought_and_what_else_they_have() {
    let output = [
        thought(),
        call("a", r#"{"corn":5}"#),
        call("b", r#"{"corn":7}"#),
    ];
    let back = |id: &str, arguments: &str| {
        json!({"type": "function_call", "call_id": id, "name": "feed", "arguments": arguments,
            "namespace": "birds"})
    };
    let result = |id: &str, output: &str| json!({"type": "function_call_output", "call_id": id, "output": output});
    let expected = [
        json!({"role": "user", "content": "Feed it."}),
        thought(),
        back("a", r#"{"corn":5}"#),
        back("b", r#"{"corn":7}"#),
        result("a", "5 grains"),
        result("b", "7 grains"),
    ];
    for streams in [true, false] {
        let first = if streams {
            streamed(&output)
        } else {
            whole(&output)
        };
        let inputs = feed(first, |server| match streams {
            true => responses(server),
            false => responses(server).without_streaming(),
        });
        let inputs = inputs.await;
        assert_eq!(inputs[0], json!(expected), "streams: {streams}");
        let again = &inputs[1].as_array().unwrap()[..expected.len()];
        assert_eq!(again, expected, "streams: {streams}");
    }
}

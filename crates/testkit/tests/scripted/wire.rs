//! What is on the wire, byte by byte.

use crate::client::{Client, ask, request};
use mainstem_testkit::{Field, Framing, Reply, ScriptedServer, UsageShape};
use serde_json::{Value, json};

const GOLDEN: &str = concat!(
    r#"data: {"id":"chatcmpl-testkit","object":"chat.completion.chunk","created":1700000000,"#,
    r#""model":"scripted","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-testkit","object":"chat.completion.chunk","created":1700000000,"#,
    r#""model":"scripted","choices":[{"index":0,"delta":{"content":"Hé"},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-testkit","object":"chat.completion.chunk","created":1700000000,"#,
    r#""model":"scripted","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-testkit","object":"chat.completion.chunk","created":1700000000,"#,
    r#""model":"scripted","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
    "\n\n",
    "data: [DONE]\n\n",
);

async fn server(reply: Reply) -> ScriptedServer {
    let server = ScriptedServer::start().await.unwrap();
    server.push(reply);
    server
}

#[tokio::test]
async fn a_text_reply_is_these_bytes() {
    let server = server(Reply::text(["Hé"])).await;
    let mut client = Client::connect(&server).await;
    client.send(&request(true)).await;
    let chunks: String = GOLDEN
        .split_inclusive("\n\n")
        .map(|frame| format!("{:x}\r\n{frame}\r\n", frame.len()))
        .collect();
    let expected = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req-testkit-0\r\n\
         transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    assert_eq!(client.until("0\r\n\r\n").await, expected);
    assert_eq!(Reply::text(["Hé"]).body_bytes(), GOLDEN.as_bytes());
    assert_eq!(server.bytes_written(), GOLDEN.len() as u64);
}

#[tokio::test]
async fn every_split_gives_the_same_body_in_two_chunks() {
    let server = ScriptedServer::start().await.unwrap();
    let mut client = Client::connect(&server).await;
    let whole = Reply::text(["Hé"]).body_bytes();
    for offset in 1..whole.len() {
        server.push(Reply::text(["Hé"]).split_at(offset as u64));
        client.send(&request(true)).await;
        let response = client.response().await;
        assert_eq!(response.body, whole);
        let lengths: Vec<usize> = response.chunks.iter().map(Vec::len).collect();
        assert_eq!(lengths, [offset, whole.len() - offset]);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn chunks_have_the_size_that_was_asked_for() {
    let server = server(Reply::text(["Hé"]).chunk_size(7)).await;
    let response = ask(&server, &request(true)).await;
    assert_eq!(response.text(), GOLDEN);
    let (last, others) = response.chunks.split_last().unwrap();
    assert!(others.iter().all(|chunk| chunk.len() == 7));
    assert!(last.len() <= 7);
}

#[tokio::test]
async fn a_cut_and_an_end_differ_on_the_wire_alone() {
    for offset in [0, 1, 200, GOLDEN.len() - 1, GOLDEN.len()] {
        let at = offset as u64;
        for framing in [Framing::Chunked, Framing::ContentLength] {
            let server = server(Reply::text(["Hé"]).framing(framing).cut_at(at)).await;
            server.push(Reply::text(["Hé"]).framing(framing).end_at(at));
            let cut = ask(&server, &request(true)).await;
            let end = ask(&server, &request(true)).await;
            assert_eq!(
                (&cut.body, &end.body),
                (&end.body, &GOLDEN.as_bytes()[..offset].to_vec())
            );
            assert!(end.complete);
            let all_there = framing == Framing::ContentLength && offset == GOLDEN.len();
            assert_eq!(cut.complete, all_there, "{framing:?} at {offset}");
        }
    }
}

#[tokio::test]
async fn steps_that_stop_are_where_they_were_put() {
    let server = server(Reply::stream().role().cut().content("never")).await;
    server.push(Reply::stream().role().end().content("never"));
    server.push(Reply::stream().role().cut().framing(Framing::ContentLength));
    let role = Reply::stream().role().body_bytes();
    for complete in [false, true, false] {
        let response = ask(&server, &request(true)).await;
        assert_eq!((response.body, response.complete), (role.clone(), complete));
    }
}

#[tokio::test]
async fn a_reset_is_an_error_to_the_client() {
    let server = server(Reply::stream().role().reset()).await;
    let mut client = Client::connect(&server).await;
    client.send(&request(true)).await;
    assert_eq!(
        client.read_error().await,
        Some(std::io::ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn hanging_up_sends_nothing() {
    let server = server(Reply::hang_up()).await;
    let mut client = Client::connect(&server).await;
    client.send(&request(true)).await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn bodies_may_be_delimited_by_the_close() {
    let server = server(Reply::text(["Hé"]).framing(Framing::CloseDelimited)).await;
    let response = ask(&server, &request(true)).await;
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.text(), GOLDEN);
}

#[tokio::test]
async fn an_old_client_gets_no_chunks() {
    let server = server(Reply::text(["Hé"]).prepared()).await;
    let mut client = Client::connect(&server).await;
    let body = request(true).to_string();
    let head = format!(
        "POST /chat/completions HTTP/1.0\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write((head + &body).as_bytes()).await;
    let all = client.rest().await;
    assert_eq!(all.split_once("\r\n\r\n").unwrap().1, GOLDEN);
}

#[tokio::test]
async fn prepared_and_repeated_replies_have_the_same_chunks() {
    let reply = Reply::stream().role().repeat("ab", 3000).done();
    let server = server(reply.clone()).await;
    server.push(reply.clone().prepared());
    let plain = ask(&server, &request(true)).await;
    let prepared = ask(&server, &request(true)).await;
    assert_eq!(plain.chunks.len(), 3002);
    assert_eq!(plain.chunks, prepared.chunks);
    assert_eq!(plain.body, reply.body_bytes());
    assert!(plain.complete && prepared.complete);
}

#[tokio::test]
async fn headers_of_the_reply_replace_those_of_the_server() {
    let reply = Reply::error_status(429, "slow down")
        .header("Retry-After", "2")
        .content_type("text/plain");
    let server = server(reply).await;
    let response = ask(&server, &request(true)).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.header("Retry-After"), Some("2"));
    assert_eq!(response.head.matches("content-type").count(), 1);
    assert_eq!(response.json()["error"]["type"], "rate_limit_error");
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body_bytes()).unwrap()
}

#[test]
fn line_ends_and_labels_change_and_the_json_does_not() {
    let crlf = text(&Reply::text(["a"]).crlf());
    assert_eq!(crlf.replace("\r\n", "\n"), text(&Reply::text(["a"])));
    assert!(crlf.ends_with("data: [DONE]\r\n\r\n"));
    assert!(text(&Reply::stream().done().no_space()).starts_with("data:[DONE]"));
    assert!(text(&Reply::text(["a"]).bom()).starts_with("\u{feff}data: {"));
    assert_eq!(
        text(&Reply::stream().comment("ping").data("a\nb")),
        ": ping\n\ndata: a\ndata: b\n\n"
    );
    let lines = text(&Reply::stream().content("a").multi_line());
    let joined: String = lines
        .lines()
        .map(|line| line.trim_start_matches("data: "))
        .collect();
    assert_eq!(
        format!("data: {joined}\n\n"),
        text(&Reply::stream().content("a"))
    );
}

/// Returns the JSON of the last frame.
fn last(reply: &Reply) -> Value {
    let body = text(reply);
    let frame = body.trim_end().rsplit("\n\n").next().unwrap();
    serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()
}

#[test]
fn omitted_fields_are_gone() {
    let stream = Reply::stream;
    let table = [
        (Field::Id, "/id", stream().content("a")),
        (Field::Object, "/object", stream().content("a")),
        (Field::Created, "/created", stream().content("a")),
        (Field::Model, "/model", stream().content("a")),
        (Field::Index, "/choices/0/index", stream().content("a")),
        (
            Field::FinishReason,
            "/choices/0/finish_reason",
            stream().content("a"),
        ),
        (
            Field::ToolIndex,
            "/choices/0/delta/tool_calls/0/index",
            stream().tool_start(0, "c", "f"),
        ),
        (
            Field::ToolType,
            "/choices/0/delta/tool_calls/0/type",
            stream().tool_start(0, "c", "f"),
        ),
    ];
    for (field, pointer, reply) in table {
        assert!(last(&reply).pointer(pointer).is_some(), "{pointer}");
        assert!(
            last(&reply.omit(field)).pointer(pointer).is_none(),
            "{pointer}"
        );
    }
    assert_eq!(text(&stream().role().omit(Field::Role)), "");
}

#[test]
fn dialects_of_chunks() {
    let stream = Reply::stream;
    let usage = |shape| last(&stream().usage(3, 2).usage_shape(shape));
    assert_eq!(usage(UsageShape::EmptyChoices)["choices"], json!([]));
    assert!(usage(UsageShape::NoChoices).get("choices").is_none());
    assert_eq!(
        usage(UsageShape::WithChoice)["choices"][0]["delta"],
        json!({})
    );
    let delta = |reply| last(&reply)["choices"][0]["delta"].clone();
    assert_eq!(delta(stream().null_delta()), Value::Null);
    assert_eq!(delta(stream().null_content()), json!({"content": null}));
    assert_eq!(
        delta(stream().reasoning("a")),
        json!({"reasoning_content": "a"})
    );
    assert_eq!(
        delta(stream().reasoning_field("reasoning").reasoning("a")),
        json!({"reasoning": "a"})
    );
    assert_eq!(delta(stream().refusal("no")), json!({"refusal": "no"}));
    assert_eq!(delta(stream().delta(json!({"x": 1}))), json!({"x": 1}));
    assert_eq!(
        delta(stream().content("a").delta_extra("x", json!(1)))["x"],
        1
    );
    assert_eq!(last(&stream().content("a").extra("x", json!(1)))["x"], 1);
    assert_eq!(
        last(&stream().choice(2).content("a"))["choices"][0]["index"],
        2
    );
    assert_eq!(
        last(&stream().finish("odd"))["choices"][0]["finish_reason"],
        "odd"
    );
    assert_eq!(last(&stream().error("boom"))["error"]["message"], "boom");
    assert_eq!(last(&stream().chunk(json!({"x": 1}))), json!({"x": 1}));
    let arguments = delta(stream().tool_arguments(1, "{"));
    assert_eq!(
        arguments,
        json!({"tool_calls": [{"index": 1, "function": {"arguments": "{"}}]})
    );
}

#[test]
fn an_endless_body_has_a_sample() {
    let body = Reply::endless("ab").body_bytes();
    assert_eq!(body.len(), 1 << 20);
    assert_eq!(Reply::endless("ab").end_at(5000).body_bytes(), body[..5000]);
}

//! What the server does over a connection, and what it sees.

use std::time::{Duration, Instant};

use crate::client::{Client, ask, request};
use mainstem_testkit::{Gate, Reply, ScriptedServer};
use serde_json::json;

#[tokio::test]
async fn keep_alive_uses_one_connection() {
    let server = ScriptedServer::start().await.unwrap();
    server.fallback(Reply::text(["a"]));
    let mut client = Client::connect(&server).await;
    for stream in [true, false, true] {
        client.send(&request(stream)).await;
        assert!(client.response().await.complete);
    }
    assert_eq!(server.connections(), 1);
    ask(&server, &request(true)).await;
    assert_eq!(server.connections(), 2);
    let connections: Vec<usize> = server.requests().iter().map(|one| one.connection).collect();
    assert_eq!(connections, [0, 0, 0, 1]);
}

#[tokio::test]
async fn requests_may_be_sent_ahead_and_in_chunks() {
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::text(["first"]));
    server.push(Reply::text(["second"]));
    let mut client = Client::connect(&server).await;
    client.send(&request(false)).await;
    let body = request(false).to_string();
    let (start, end) = body.split_at(10);
    let second = format!(
        "POST /openai/deployments/x/chat/completions?api-version=1 HTTP/1.1\r\nX-Key: k\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        start.len(),
        end.len(),
    );
    client.write(second.as_bytes()).await;
    for text in ["first", "second"] {
        let answer = client.response().await.json();
        assert_eq!(answer["choices"][0]["message"]["content"], text);
    }
    let recorded = server.requested(1).await;
    assert_eq!(recorded.path, "/openai/deployments/x/chat/completions");
    assert_eq!(recorded.query.as_deref(), Some("api-version=1"));
    assert_eq!(recorded.header("x-key"), Some("k"));
    assert_eq!(
        (recorded.raw, recorded.body),
        (body.into_bytes(), request(false))
    );
}

#[tokio::test]
async fn replies_come_from_the_queue_then_from_the_closure() {
    let server = ScriptedServer::start().await.unwrap();
    let nothing = ask(&server, &request(true)).await;
    assert_eq!(nothing.status(), 400);
    assert!(
        nothing
            .text()
            .contains("no reply is scripted for request 0")
    );
    server.respond_with(|request| Reply::text([request.user_text().unwrap_or_default()]));
    server.push(Reply::text(["queued"]));
    assert!(ask(&server, &request(true)).await.text().contains("queued"));
    assert!(ask(&server, &request(true)).await.text().contains("Why?"));
}

#[tokio::test]
async fn a_request_that_does_not_stream_gets_the_sum_of_the_steps() {
    let server = ScriptedServer::start().await.unwrap();
    server.push(
        Reply::stream()
            .role()
            .reasoning("h")
            .reasoning("m")
            .content("Hel")
            .repeat("l", 2)
            .finish("stop")
            .usage(3, 2),
    );
    server.push(Reply::tool_call("call_1", "f", &json!({"a": [1, 2]})));
    server.push(
        Reply::stream()
            .content("a")
            .choice(1)
            .refusal("no")
            .finish("stop"),
    );
    server.push(Reply::stream().content("a").error("boom"));
    let first = ask(&server, &request(false)).await.json();
    assert_eq!(first["object"], "chat.completion");
    let message = json!({"role": "assistant", "reasoning_content": "hm", "content": "Helll"});
    assert_eq!(
        first["choices"],
        json!([{"index": 0, "message": message, "finish_reason": "stop"}])
    );
    assert_eq!(first["usage"]["total_tokens"], 5);
    let call = ask(&server, &request(false)).await.json()["choices"][0].take();
    assert_eq!(call["finish_reason"], "tool_calls");
    assert_eq!(
        call["message"]["tool_calls"],
        json!([{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":[1,2]}"}}]),
    );
    let choices = ask(&server, &request(false)).await.json()["choices"].take();
    assert_eq!(
        choices[1]["message"],
        json!({"role": "assistant", "content": null, "refusal": "no"})
    );
    let failed = ask(&server, &request(false)).await;
    assert_eq!(
        (failed.status(), &failed.json()["error"]["message"]),
        (500, &json!("boom"))
    );
}

#[tokio::test]
async fn a_broken_completion_is_incomplete() {
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::stream().role().content("a").cut());
    server.push(Reply::text(["a"]).cut_at(20));
    assert!(!ask(&server, &request(false)).await.complete);
    let cut = ask(&server, &request(false)).await;
    assert_eq!((cut.complete, cut.body.len()), (false, 20));
}

#[tokio::test]
async fn usage_is_left_out_only_if_the_server_honours_the_option() {
    let mut asks = request(true);
    asks["stream_options"] = json!({"include_usage": true});
    for (honour, body, expected) in [
        (false, request(true), true),
        (true, request(true), false),
        (true, asks, true),
    ] {
        let server = ScriptedServer::builder()
            .honour_include_usage(honour)
            .start()
            .await
            .unwrap();
        server.push(Reply::text(["a"]));
        let text = ask(&server, &body).await.text();
        assert_eq!(text.contains("usage"), expected, "{honour} {body}");
    }
}

#[tokio::test]
async fn a_gate_holds_back_what_comes_after_it() {
    let server = ScriptedServer::start().await.unwrap();
    let (gate, head_gate) = (Gate::new(), Gate::new());
    server.push(
        Reply::stream()
            .content("before")
            .gate(&gate)
            .content("after")
            .gate_head(&head_gate),
    );
    let mut client = Client::connect(&server).await;
    client.send(&request(true)).await;
    head_gate.arrived(1).await;
    assert_eq!(server.bytes_written(), 0);
    head_gate.open();
    gate.arrived(1).await;
    let before = Reply::stream().content("before").body_bytes().len() as u64;
    assert_eq!((server.bytes_written(), server.active()), (before, 1));
    gate.open();
    assert!(client.response().await.text().contains("after"));
    server.until_active(0).await;
}

#[tokio::test]
async fn pauses_take_their_time() {
    let server = ScriptedServer::start().await.unwrap();
    let pause = Duration::from_millis(20);
    server.push(Reply::text(["a", "b"]).every(pause).delay_head(pause));
    server.push(Reply::stream().wait(pause).done());
    for (pauses, stream) in [(6, true), (1, true)] {
        let start = Instant::now();
        assert!(ask(&server, &request(stream)).await.complete);
        assert!(start.elapsed() >= pause * pauses);
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_at_once() {
    let server = ScriptedServer::start().await.unwrap();
    let gate = Gate::new();
    let hour = Duration::from_secs(3600);
    let waits = [
        Reply::stream().role().stall(),
        Reply::text(["a"]).stall(),
        Reply::stream().role().wait(hour),
        Reply::stream().role().gate(&gate),
    ];
    for (request_number, reply) in waits.into_iter().enumerate() {
        let sent = reply.body_bytes().len() as u64;
        server.push(reply);
        let mut client = Client::connect(&server).await;
        client.send(&request(true)).await;
        client.until("\n\n\r\n").await;
        let left = Instant::now();
        drop(client);
        let disconnect = server.disconnected(request_number).await;
        assert!(disconnect.at - left < Duration::from_millis(100));
        assert!(disconnect.body_bytes <= sent && disconnect.body_bytes > 0);
        assert_eq!(server.next_disconnect().await, disconnect);
        server.until_active(0).await;
    }
    assert_eq!(server.disconnects().len(), 4);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_noticed() {
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::silent());
    let mut client = Client::connect(&server).await;
    client.send(&request(true)).await;
    server.requested(0).await;
    assert_eq!(server.active(), 1);
    drop(client);
    assert_eq!(server.disconnected(0).await.body_bytes, 0);
}

#[tokio::test]
async fn a_client_that_got_everything_did_not_leave_early() {
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::text(["a"]));
    server.push(Reply::silent());
    ask(&server, &request(true)).await;
    let mut second = Client::connect(&server).await;
    second.send(&request(true)).await;
    server.requested(1).await;
    drop(second);
    assert_eq!(server.next_disconnect().await.request, 1);
}

/// Waits until the count stays the same for a while, and returns it.
async fn settled(server: &ScriptedServer) -> u64 {
    let (mut last, mut same) = (server.bytes_written(), 0);
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = server.bytes_written();
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_stops_the_reply() {
    let server = ScriptedServer::builder()
        .send_buffer(4096)
        .start()
        .await
        .unwrap();
    server.push(Reply::endless("some text that is repeated"));
    let mut client = Client::with_small_buffer(&server).await;
    client.send(&request(true)).await;
    // An endless reply would never settle if the buffers didn't fill.
    let stopped = tokio::time::timeout(Duration::from_secs(20), settled(&server))
        .await
        .unwrap();
    assert!(stopped < 1 << 20, "{stopped} bytes were taken");
    assert_eq!(server.active(), 1);
    while server.bytes_written() < stopped + 100_000 {
        assert!(client.fill().await);
    }
    drop(client);
    let disconnect = server.disconnected(0).await;
    assert_eq!(disconnect.body_bytes, server.bytes_written());
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    let server = ScriptedServer::start().await.unwrap();
    let address = server.address();
    server.push(Reply::stream().role().stall());
    let mut client = Client::connect(&server).await;
    client.send(&request(true)).await;
    client.until("\n\n\r\n").await;
    drop(server);
    assert_eq!(client.rest().await, "");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn requests_that_are_not_for_it_take_no_reply() {
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::text(["a"]));
    for (text, status) in [
        ("GET /v1/models HTTP/1.1\r\n\r\n", 404),
        ("GET /v1/chat/completions HTTP/1.1\r\n\r\n", 405),
        (
            "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 1\r\n\r\n{",
            400,
        ),
        ("nonsense\r\n\r\n", 400),
    ] {
        let mut client = Client::connect(&server).await;
        client.write(text.as_bytes()).await;
        assert_eq!(client.response().await.status(), status, "{text}");
    }
    assert_eq!((server.queued(), server.requests().len()), (1, 3));
}

#[tokio::test]
async fn the_responses_api_and_any_other_are_answered() {
    let post = |path: &str, body: &str| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let server = ScriptedServer::start().await.unwrap();
    server.push(Reply::status(200).body("frames"));
    let mut client = Client::connect(&server).await;
    client.write(post("/v1/responses", "{}").as_bytes()).await;
    assert_eq!(client.response().await.status(), 400, "there is no model");
    let asked = post("/v1/responses", r#"{"model":"m","input":"Why?"}"#);
    client.write(asked.as_bytes()).await;
    assert_eq!(client.response().await.text(), "frames");

    let any = ScriptedServer::builder().any_request(true).start();
    let any = any.await.unwrap();
    any.fallback(Reply::status(200).body("anything"));
    for text in [
        "GET /v1/models HTTP/1.1\r\n\r\n".to_owned(),
        post("/x", "no JSON"),
    ] {
        let mut client = Client::connect(&any).await;
        client.write(text.as_bytes()).await;
        assert_eq!(client.response().await.text(), "anything");
    }
}

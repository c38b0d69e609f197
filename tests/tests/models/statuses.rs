//! Answers that are no streams: failures with a status, and whole completions.

use std::time::{Duration, SystemTime};

use mainstem::{ErrorKind, FinishReason, ModelEvent, Usage};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{ask, model, read, server_with, within};
use serde_json::json;

#[tokio::test]
async fn every_shape_of_an_error_body_gives_its_message() {
    let inner = json!({"message": "no such model", "type": "invalid_request_error", "code": "model_not_found"});
    let status = || Reply::status(404);
    for (name, reply, words, code) in [
        (
            "OpenAI's",
            status().json(&json!({"error": inner})),
            Some("no such model"),
            Some("model_not_found"),
        ),
        (
            "without an envelope",
            status().json(&inner),
            Some("no such model"),
            Some("model_not_found"),
        ),
        (
            "a list, as Gemini has it",
            status().json(&json!([{"error": inner}])),
            Some("no such model"),
            Some("model_not_found"),
        ),
        (
            "Ollama's",
            status().json(&json!({"error": "no such model"})),
            Some("no such model"),
            None,
        ),
        (
            "FastAPI's",
            status().json(&json!({"detail": "no such model"})),
            Some("no such model"),
            None,
        ),
        (
            "details",
            status().json(&json!({"detail": [{"loc": 1}]})),
            Some(r#"[{"loc":1}]"#),
            None,
        ),
        (
            "plain text",
            status().body("no such model\n").content_type("text/plain"),
            Some("no such model"),
            None,
        ),
        (
            "a page",
            status()
                .body("<html>nginx</html>")
                .content_type("text/html"),
            None,
            None,
        ),
        ("nothing", status(), None, None),
        ("JSON of another kind", status().json(&json!(3)), None, None),
        (
            "a cut",
            status().json(&json!({"error": inner})).cut_at(9),
            Some(r#"{"error":"#),
            None,
        ),
    ] {
        let seen = within(read(reply)).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Model, "{name}");
        assert_eq!(error.status(), Some(404), "{name}");
        assert!(
            error.message().starts_with("`m` answered 404 Not Found; "),
            "{name}"
        );
        assert_eq!(
            error.upstream().map(|upstream| upstream.message()),
            words,
            "{name}"
        );
        assert_eq!(error.code(), code, "{name}");
        assert!(seen.events.is_empty(), "{name}: nothing has started");
    }
}

/// async-openai alone would send it four times.
#[tokio::test]
async fn a_429_goes_out_once_and_carries_what_a_retry_needs() {
    let body = json!({"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}});
    let server = server_with([Reply::status(429).header("retry-after", "7").json(&body)]).await;
    server.fallback(Reply::text(["a second request"]));
    let seen = within(ask(&model(&server))).await;
    let error = seen.failure();
    assert_eq!(error.status(), Some(429));
    assert_eq!(error.code(), Some("rate_limit_exceeded"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.upstream().unwrap().message(), "slow down");
    assert!(error.is_retryable());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nothing_is_tried_twice() {
    for reply in [
        Reply::error_status(500, "no"),
        Reply::error_status(503, "no"),
        Reply::error_status(408, "no"),
        Reply::hang_up(),
        Reply::stream().cut(),
        Reply::stream().error("no"),
    ] {
        let server = server_with([reply]).await;
        server.fallback(Reply::text(["a second request"]));
        let seen = within(ask(&model(&server))).await;
        assert!(seen.failure().is_retryable());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn the_status_says_whether_another_try_may_help() {
    for (status, retryable) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (422, false),
        (408, true),
        (409, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (529, true),
    ] {
        let seen = read(Reply::error_status(status, "no")).await;
        assert_eq!(seen.failure().is_retryable(), retryable, "{status}");
        assert_eq!(seen.failure().retry_after(), None, "{status}");
    }
}

#[tokio::test]
async fn the_wait_may_be_a_date_or_milliseconds() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    for (name, value, least, most) in [
        (
            "retry-after",
            date,
            Duration::from_secs(60),
            Duration::from_secs(100),
        ),
        (
            "retry-after-ms",
            "1500".to_owned(),
            Duration::from_millis(1500),
            Duration::from_millis(1500),
        ),
    ] {
        let seen = read(Reply::error_status(503, "no").header(name, value)).await;
        let wait = seen.failure().retry_after().unwrap();
        assert!(least <= wait && wait <= most, "{name}: {wait:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let server = ScriptedServer::start().await.unwrap();
    let model = model(&server);
    let address = server.address();
    drop(server);
    // The listener goes when its task is next polled.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let seen = within(ask(&model)).await;
    let error = seen.failure();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(
        error.message(),
        format!("can't connect to `m` at {address}; is the server running?")
    );
    assert!(error.is_retryable());
}

/// Some servers take no notice of `stream: true`.
#[tokio::test]
async fn a_whole_completion_is_read_as_an_answer() {
    let completion = json!({
        "id": "x",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Hello", "reasoning_content": "Hm.", "refusal": null,
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "[1]"}}],
        }}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    });
    let seen = read(Reply::status(200).json(&completion)).await;
    assert_eq!(
        (seen.text.as_str(), seen.reasoning.as_str()),
        ("Hello", "Hm.")
    );
    assert_eq!(
        seen.calls,
        [("a".to_owned(), "f".to_owned(), "[1]".to_owned())]
    );
    assert_eq!(seen.usage, Some(Usage::new(3, 2)));
    assert_eq!(seen.finish, Some(FinishReason::ToolCalls));
    assert!(
        matches!(&seen.events[0], ModelEvent::Started { request_id: Some(id) } if *id == "req-testkit-0")
    );
}

#[tokio::test]
async fn a_whole_completion_may_fail_too() {
    let completion =
        json!({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})
            .to_string();
    let json = |text: &str| Reply::status(200).body(text.to_owned());
    for (name, reply, kind) in [
        (
            "an error under status 200",
            json(r#"{"error": {"message": "no"}}"#),
            ErrorKind::Model,
        ),
        (
            "no finish reason",
            json(r#"{"choices": [{"message": {"content": "Hello"}}]}"#),
            ErrorKind::Truncated,
        ),
        ("no choices", json("{}"), ErrorKind::Truncated),
        ("a cut", json(&completion).cut_at(30), ErrorKind::Truncated),
        ("no JSON", json("sesame"), ErrorKind::Model),
        (
            "a page",
            json("<html>Log in</html>").content_type("text/html"),
            ErrorKind::Model,
        ),
    ] {
        let seen = read(reply).await;
        assert_eq!(seen.failure().kind(), kind, "{name}");
        assert!(!format!("{:?}", seen.failure()).contains("sesame"));
    }
}

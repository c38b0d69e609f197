//! Servers that fail before an answer, or in the middle of one.

use std::error::Error as _;

use mainstem::{ErrorKind, Model};
use mainstem_testkit::Reply;
use mainstem_tests::{ask, read_response, responses, responses_builder, server_with, within};
use serde_json::json;

const WORDS: &str = "the model is overloaded";

/// Each fails after some text.
fn failing_replies() -> Vec<(&'static str, Reply, Option<&'static str>, bool)> {
    let half = || Reply::stream().role().content("Half");
    let failed = |code: &str| {
        let error = json!({"code": code, "message": WORDS});
        json!({"type": "response.failed", "response": {"status": "failed", "error": error}})
    };
    vec![
        (
            "an error event",
            half().error(WORDS),
            Some("server_error"),
            true,
        ),
        (
            "without a code",
            half().chunk(json!({"type": "error", "code": null, "message": WORDS})),
            None,
            true,
        ),
        (
            "in an envelope",
            half()
                .chunk(json!({"type": "error", "error": {"message": WORDS, "code": "overloaded"}})),
            Some("overloaded"),
            true,
        ),
        (
            "an error without a type",
            half().chunk(json!({"error": {"message": WORDS, "type": "server_error"}})),
            Some("server_error"),
            true,
        ),
        (
            "an `error` event of another form",
            half().raw(format!(
                "event: error\ndata: {{\"detail\":\"{WORDS}\"}}\n\n"
            )),
            None,
            true,
        ),
        (
            "a failed response",
            half().chunk(failed("server_error")),
            Some("server_error"),
            true,
        ),
        (
            "for good",
            half().chunk(failed("invalid_prompt")),
            Some("invalid_prompt"),
            false,
        ),
        (
            "then a cut",
            half().chunk(failed("x")).cut(),
            Some("x"),
            true,
        ),
    ]
}

#[tokio::test]
async fn a_failure_in_the_middle_is_told_in_the_servers_words() {
    for (name, reply, code, retryable) in failing_replies() {
        let seen = read_response(reply).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Model, "{name}: {error:?}");
        assert_eq!(error.code(), code, "{name}");
        assert_eq!(error.is_retryable(), retryable, "{name}");
        assert_eq!(error.source().unwrap().to_string(), WORDS, "{name}");
        assert_eq!(seen.text, "Half", "{name}");
    }
}

#[tokio::test]
async fn a_failure_without_words_is_one_too() {
    let reply = Reply::stream()
        .content("Half")
        .chunk(json!({"type": "response.failed", "response": {"status": "failed", "error": null}}));
    let seen = read_response(reply).await;
    assert!(seen.finish.unwrap().is_failure());
}

#[tokio::test]
async fn what_was_used_by_a_failed_answer_is_told() {
    let usage = json!({"input_tokens": 3, "output_tokens": 2});
    let response = json!({"status": "failed", "error": {"message": WORDS}, "usage": usage});
    let reply = Reply::stream().chunk(json!({"type": "response.failed", "response": response}));
    assert_eq!(read_response(reply).await.usage.unwrap().total_tokens(), 5);
}

#[tokio::test]
async fn what_cannot_be_read_says_where_and_shows_nothing() {
    for reply in [
        Reply::stream().data(r#"{"type":"response.output_text.delta","delta":"sesame"#),
        Reply::stream().chunk(json!({"type": "response.output_item.done", "item": "sesame"})),
    ] {
        let seen = read_response(reply).await;
        let error = format!("{:?}", seen.failure());
        assert!(error.contains("JSON (line 1, column"), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    }
}

#[tokio::test]
async fn a_status_is_told_with_its_mend() {
    for (status, word) in [
        (401, "the one that `api_key` was given"),
        (404, "not every server has the Responses API"),
        (429, "a `Recovery` around the model"),
    ] {
        let server = server_with([Reply::error_status(status, WORDS)]).await;
        let model = responses_builder(&server).api_key("k").build().unwrap();
        let seen = within(ask(&model)).await;
        let error = seen.failure();
        assert_eq!(error.status(), Some(status));
        assert!(error.message().contains(word), "{error}");
        assert_eq!(server.requests()[0].path, "/v1/responses");
        assert_eq!(
            server.requests()[0].header("authorization"),
            Some("Bearer k")
        );
    }
}

#[tokio::test]
async fn a_model_that_does_not_reason_says_what_to_leave_out() {
    let words = "Encrypted content is not supported with this model.";
    let seen = read_response(Reply::error_status(400, words)).await;
    let error = seen.failure();
    assert!(
        error.message().contains("carries_reasoning(false)"),
        "{error}"
    );
    let seen = read_response(Reply::error_status(400, "no")).await;
    assert!(!seen.failure().message().contains("reason"));
}

#[tokio::test]
async fn a_key_that_the_server_repeats_is_taken_out() {
    const KEY: &str = "sk-sesame-123";
    let words = format!("bad key {KEY}");
    let failed = json!({"type": "response.failed", "response": {"error": {"message": words}}});
    for reply in [
        Reply::error_status(401, &words),
        Reply::stream().error(words.clone()),
        Reply::stream().chunk(failed),
        Reply::status(200).json(&json!({"error": {"message": words}})),
    ] {
        let server = server_with([reply]).await;
        let model = responses_builder(&server).api_key(KEY).build().unwrap();
        assert!(!format!("{model:?}").contains("sesame"));
        let seen = within(ask(&model)).await;
        let error = seen.failure();
        assert!(!format!("{error:?} {:?}", error.source()).contains("sesame"));
        assert!(error.source().unwrap().to_string().contains("[key]"));
    }
}

#[tokio::test]
async fn a_dropped_stream_closes_the_connection() {
    let server = server_with([Reply::endless("x")]).await;
    let mut stream =
        responses(&server).stream(mainstem::ModelRequest::new([mainstem::Message::user("Hi")]));
    for _ in 0..3 {
        within(futures::StreamExt::next(&mut stream))
            .await
            .unwrap()
            .unwrap();
    }
    drop(stream);
    within(server.disconnected(0)).await;
}

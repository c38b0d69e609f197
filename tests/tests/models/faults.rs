//! Servers that fail in the middle of an answer, or send what can't be read.

use std::error::Error as _;

use mainstem::{ErrorKind, FinishReason, ModelEvent, Usage};
use mainstem_testkit::Reply;
use mainstem_tests::read;
use serde_json::json;

fn half() -> Reply {
    Reply::stream().role().content("Half")
}

/// Each fails after some text, with the words "the model is overloaded".
fn failing_replies() -> Vec<(&'static str, Reply, Option<&'static str>)> {
    const WORDS: &str = "the model is overloaded";
    let error = json!({"error": {"message": WORDS, "type": "server_error", "code": "overloaded"}});
    let code = Some("overloaded");
    vec![
        ("an error frame", half().error(WORDS), Some("server_error")),
        ("with a code", half().chunk(error.clone()), code),
        ("then [DONE]", half().chunk(error.clone()).done(), code),
        (
            "after giving up",
            half().finish("error").chunk(error.clone()),
            code,
        ),
        (
            "together with giving up, as OpenRouter has it",
            half().chunk(json!({
                "error": error["error"],
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            })),
            code,
        ),
        ("then a cut", half().chunk(error.clone()).cut(), code),
        (
            "over several lines",
            half().chunk(error.clone()).multi_line(),
            code,
        ),
        (
            "beside empty choices",
            half().chunk(json!({"choices": [], "error": error["error"]})),
            code,
        ),
        ("a text", half().chunk(json!({"error": WORDS})), None),
        (
            "a number as code",
            half().chunk(json!({"error": {"message": WORDS, "code": 503}})),
            Some("503"),
        ),
        (
            "an `error` event",
            half().raw(format!("event: error\ndata: {error}\n\n")),
            code,
        ),
        (
            "an `error` event without an envelope",
            half().raw(format!("event: error\ndata: {}\n\n", error["error"])),
            code,
        ),
        (
            "an `error` event in words",
            half().raw(format!("event: error\ndata: {WORDS}\n\n")),
            None,
        ),
        ("bare JSON", half().raw(format!("{error}\n")), code),
        (
            "bare JSON without a line end",
            half().raw(error.to_string()),
            code,
        ),
    ]
}

#[tokio::test]
async fn an_error_in_mid_stream_is_told_in_the_servers_words() {
    for (name, reply, code) in failing_replies() {
        let seen = read(reply).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Model, "{name}: {error:?}");
        let words = error.upstream().map(|upstream| upstream.message());
        assert_eq!(words, Some("the model is overloaded"), "{name}");
        assert_eq!(error.code(), code, "{name}");
        assert_eq!(
            error.message(),
            "`m` failed in the middle of its answer",
            "{name}"
        );
        assert!(error.is_retryable(), "{name}");
        assert_eq!(seen.text, "Half", "{name}");
    }
}

#[tokio::test]
async fn an_error_that_another_try_would_meet_again_says_so() {
    for (code, retryable) in [
        (json!("server_error"), true),
        (json!(429), true),
        (json!(400), false),
        (json!("invalid_request_error"), false),
        (json!("content_filter"), false),
    ] {
        let seen = read(half().chunk(json!({"error": {"message": "no", "code": code}}))).await;
        assert_eq!(seen.failure().is_retryable(), retryable, "{code}");
    }
}

#[tokio::test]
async fn a_frame_that_cannot_be_read_is_an_error_without_its_payload() {
    for frame in [
        r#"{"choices": [{"delta": {"content": "sesame"}]}"#,
        r#"{"choices": "sesame"}"#,
        r#"{"choices": [{"delta": "sesame"}]}"#,
        r#"{"choices": [{"delta": {"tool_calls": "sesame"}}]}"#,
        "sesame",
        "\"sesame\"",
        "[DONE] sesame",
    ] {
        let seen = read(half().data(frame).content("NO").finish("stop").done()).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Model, "{frame}");
        assert_eq!(seen.text, "Half", "{frame}");
        let mut shown = format!("{error} {error:?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            shown += &format!("{error} {error:?}");
            cause = error.source();
        }
        assert!(!shown.contains("sesame"), "{shown}");
        assert!(error.message().contains("can't be read as JSON"), "{error}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_no_text() {
    let seen =
        read(half().raw(&b"data: {\"choices\":[{\"delta\":{\"content\":\"\xFF\"}}]}\n\n"[..]))
            .await;
    assert_eq!(seen.failure().kind(), ErrorKind::Model);
    assert_eq!(seen.text, "Half");
}

#[tokio::test]
async fn an_event_without_an_end_is_refused_before_it_fills_the_memory() {
    let line = "x".repeat(1 << 20);
    let reply = (0..18).fold(half().raw("data: "), |reply, _| reply.raw(line.clone()));
    let seen = read(reply).await;
    assert_eq!(seen.failure().kind(), ErrorKind::Limit);
    assert_eq!(seen.text, "Half");
}

#[tokio::test]
async fn what_goes_wrong_after_the_finish_reason_is_a_notice() {
    let finished = || half().finish("stop");
    for (name, reply) in [
        ("an error", finished().error("sesame")),
        (
            "an error after usage",
            finished().usage(3, 2).error("sesame"),
        ),
        ("no JSON", finished().data("sesame")),
        (
            "an `error` event",
            finished().raw("event: error\ndata: sesame\n\n"),
        ),
        (
            "bare JSON at the end",
            finished().raw("{\"error\": \"sesame\"}"),
        ),
    ] {
        let seen = read(reply).await;
        assert_eq!(seen.finish, Some(FinishReason::Stop), "{name}");
        let notice = seen.events.iter().find_map(|event| match event {
            ModelEvent::Notice(notice) => Some(notice),
            _ => None,
        });
        let notice = notice.unwrap_or_else(|| panic!("{name}: {seen:?}"));
        assert_eq!(notice.code, "late_error");
        assert!(!notice.message.contains("sesame"));
    }
}

#[tokio::test]
async fn usage_that_came_before_a_failure_is_told() {
    for reply in [
        half().usage(3, 1).error("no"),
        half().usage(3, 1).cut(),
        half().usage(3, 1),
        half().usage(3, 1).data("no JSON"),
    ] {
        let seen = read(reply).await;
        seen.failure();
        assert_eq!(seen.usage, Some(Usage::new(3, 1)));
    }
}

#[tokio::test]
async fn usage_that_goes_on_is_told_when_it_changes() {
    let reply = half().usage(3, 1).usage(3, 1).usage(3, 2).finish("stop");
    let seen = read(reply.usage(3, 2)).await;
    let usages: Vec<_> = seen
        .events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::Usage(usage) => Some(usage.output_tokens),
            _ => None,
        })
        .collect();
    assert_eq!(usages, [1, 2]);
}

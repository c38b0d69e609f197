//! An answer is complete by its finish reason alone; without one it was cut.

use mainstem::{ErrorKind, FinishReason};
use mainstem_testkit::{Framing, Reply};
use mainstem_tests::read;

fn half() -> Reply {
    Reply::stream().role().content("Half of ").content("it")
}

/// Each gives some text and no finish reason; beside it stands a word that the error has to say.
fn cut_replies() -> Vec<(&'static str, Reply, &'static str)> {
    let inside = r#"data: {"choices":[{"delta":{"content":"NO"#;
    vec![
        ("a clean end", half(), "without a finish reason"),
        (
            "a clean end after usage",
            half().usage(3, 2),
            "without a finish reason",
        ),
        (
            "[DONE] and no finish reason",
            half().usage(3, 2).done(),
            "`[DONE]`",
        ),
        (
            "an empty finish reason",
            half().finish("").done(),
            "`[DONE]`",
        ),
        (
            "a finish reason of another choice",
            half().choice(1).finish("stop").done(),
            "`[DONE]`",
        ),
        (
            "a clean end inside of a frame",
            half().raw(inside),
            "without a finish reason",
        ),
        (
            "a clean end inside of a word",
            half().raw("dat"),
            "without a finish reason",
        ),
        (
            "a clean end inside of a character",
            half().raw(&b"data: {\"a\":\"\xC3"[..]),
            "without a finish reason",
        ),
        ("a hard cut", half().cut(), "the connection broke"),
        (
            "a hard cut inside of a frame",
            half().raw(inside).cut(),
            "the connection broke",
        ),
        (
            "a frame without its blank line, and a cut",
            half()
                .raw("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n")
                .cut(),
            "the connection broke",
        ),
        (
            "less than the content-length",
            half().framing(Framing::ContentLength).cut(),
            "the connection broke",
        ),
        (
            "a closed connection",
            half().framing(Framing::CloseDelimited),
            "without a finish reason",
        ),
    ]
}

#[tokio::test]
async fn an_answer_without_a_finish_reason_was_truncated() {
    for (name, reply, word) in cut_replies() {
        let seen = read(reply).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{name}: {error:?}");
        assert!(error.message().contains(word), "{name}: {error}");
        assert!(error.is_retryable(), "{name}");
        assert_eq!(seen.text, "Half of it", "{name}");
    }
}

#[tokio::test]
async fn a_reset_is_a_cut() {
    // What the client had not read by then may be lost with it.
    let seen = read(half().reset()).await;
    assert_eq!(seen.failure().kind(), ErrorKind::Truncated);
    assert!("Half of it".starts_with(&seen.text), "{}", seen.text);
}

#[tokio::test]
async fn an_empty_body_is_a_cut() {
    for reply in [
        Reply::stream(),
        Reply::stream().done(),
        Reply::stream().cut(),
        Reply::stream().comment("hi"),
    ] {
        let seen = read(reply).await;
        assert_eq!(seen.failure().kind(), ErrorKind::Truncated);
        assert_eq!(seen.text, "");
    }
}

#[tokio::test]
async fn a_cut_after_the_finish_reason_takes_nothing_away() {
    let whole = || half().finish("stop");
    for (name, reply) in [
        ("a clean end", whole()),
        ("a hard cut", whole().cut()),
        ("a hard cut after usage", whole().usage(3, 2).cut()),
        (
            "a hard cut inside of the usage",
            whole().raw(r#"data: {"choices":[],"usage":{"pro"#).cut(),
        ),
        (
            "a clean end inside of the usage",
            whole().raw(r#"data: {"choices":[],"usage":{"pro"#),
        ),
        ("a hard cut after [DONE]", whole().done().cut()),
        ("a clean end inside of [DONE]", whole().raw("data: [DO")),
    ] {
        let seen = read(reply).await;
        assert!(seen.error.is_none(), "{name}: {:?}", seen.error);
        assert_eq!(seen.text, "Half of it", "{name}");
        assert_eq!(seen.finish, Some(FinishReason::Stop), "{name}");
    }
}

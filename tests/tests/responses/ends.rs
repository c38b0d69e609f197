//! An answer is complete by its last event alone; without one it was cut.

use mainstem::{ErrorKind, FinishReason};
use mainstem_testkit::{Framing, Reply};
use mainstem_tests::read_response;
use serde_json::json;

fn half() -> Reply {
    Reply::stream().role().content("Half of ").content("it")
}

/// Each gives some text and no end; beside it stands a word that the error has to say.
fn cut_replies() -> Vec<(&'static str, Reply, &'static str)> {
    let whole = "without `response.completed`";
    let done = json!({"type": "response.output_text.done", "text": "Half of it"});
    let inside = r#"data: {"type":"response.completed","response":{"status":"comp"#;
    vec![
        ("a clean end", half(), whole),
        ("a clean end after the text's", half().chunk(done), whole),
        ("[DONE] alone", half().done(), "`[DONE]`"),
        ("a clean end inside of an event", half().raw(inside), whole),
        ("a clean end inside of a word", half().raw("dat"), whole),
        ("a hard cut", half().cut(), "the connection broke"),
        (
            "a hard cut inside of an event",
            half().raw(inside).cut(),
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
            whole,
        ),
    ]
}

#[tokio::test]
async fn an_answer_without_its_last_event_was_truncated() {
    for (name, reply, word) in cut_replies() {
        let seen = read_response(reply).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{name}: {error:?}");
        assert!(error.message().contains(word), "{name}: {error}");
        assert!(error.is_retryable(), "{name}");
        assert_eq!(seen.text, "Half of it", "{name}");
    }
}

#[tokio::test]
async fn json_that_is_no_response_was_truncated() {
    for body in [
        json!({}),
        json!({"choices": []}),
        json!({"status": null, "output": []}),
    ] {
        let seen = read_response(Reply::status(200).json(&body)).await;
        assert_eq!(seen.failure().kind(), ErrorKind::Truncated, "{body}");
    }
}

#[tokio::test]
async fn an_answer_in_the_background_is_not_waited_for() {
    for status in ["queued", "in_progress"] {
        let body = json!({"status": status, "output": []});
        let seen = read_response(Reply::status(200).json(&body)).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(error.message().contains("background"), "{error}");
    }
}

#[tokio::test]
async fn a_cut_after_the_last_event_takes_nothing_away() {
    let whole = || half().finish("stop");
    for (name, reply) in [
        ("a clean end", whole()),
        ("a hard cut", whole().cut()),
        (
            "a hard cut after [DONE]",
            whole().done().data("[DONE]").cut(),
        ),
        ("an error", whole().done().error("too late")),
    ] {
        let seen = read_response(reply).await;
        assert!(seen.error.is_none(), "{name}: {:?}", seen.error);
        assert_eq!(seen.text, "Half of it", "{name}");
        assert_eq!(seen.finish, Some(FinishReason::Stop), "{name}");
    }
}

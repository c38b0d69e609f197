//! A body reads the same wherever it is split, and is complete wherever it holds its last event.

use mainstem::ErrorKind;
use mainstem_testkit::Reply;
use mainstem_tests::{Seen, ask, responses, server_with, within};

/// Text of one to four bytes a character, escapes, thoughts, a tool call and usage.
fn golden() -> Reply {
    Reply::stream()
        .role()
        .reasoning("Grübeln…")
        .content("Häher 🐦 und 鸟")
        .data(r#"{"type":"response.output_text.delta","delta":" \u00e9\ud83d\ude00 \"q\" \n"}"#)
        .comment("keep-alive")
        .tool_start(0, "call_a", "fütter")
        .tool_arguments(0, r#"{"körner":"#)
        .tool_arguments(0, "5}")
        .finish("tool_calls")
        .usage(3, 2)
        .done()
}

/// What a model makes of the golden reply, and of each of these.
async fn all(replies: impl IntoIterator<Item = (usize, Reply)>) -> (Seen, Vec<(usize, Seen)>) {
    let server = server_with([golden()]).await;
    let model = responses(&server);
    let whole = within(ask(&model)).await;
    let mut all = Vec::new();
    for (at, reply) in replies {
        server.push(reply);
        all.push((at, within(ask(&model)).await));
    }
    (whole, all)
}

#[tokio::test]
async fn the_golden_reply_is_read_in_full() {
    let (seen, _) = all([]).await;
    assert_eq!(seen.reasoning, "Grübeln…");
    assert_eq!(seen.text, "Häher 🐦 und 鸟 é😀 \"q\" \n");
    assert_eq!(seen.calls[0].2, r#"{"körner":5}"#);
}

#[tokio::test]
async fn chunks_of_any_size_give_the_same_events() {
    let sizes = [1, 2, 3, 7, 64, 1 << 20];
    let (whole, all) = all(sizes.map(|size| (size, golden().chunk_size(size)))).await;
    for (size, seen) in all {
        assert_eq!(seen.events[1..], whole.events[1..], "chunks of {size}");
    }
}

#[tokio::test]
async fn a_cut_anywhere_is_the_end_only_after_the_last_event() {
    let body = golden().response_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    let start = text.find("event: response.completed").unwrap();
    let end = start + text[start..].find("\n\n").unwrap();
    let places = (0..body.len()).step_by(7).chain(end - 2..body.len());
    let hard = places.clone().map(|at| (at, golden().cut_at(at as u64)));
    let clean = places.map(|at| (at, golden().end_at(at as u64)));
    // A broken body gives out what a blank line ended, no more.
    for (finished, (whole, seen)) in [(end + 2, all(hard).await), (end, all(clean).await)] {
        for (at, seen) in seen {
            assert_eq!(
                seen.finish.is_some(),
                at >= finished,
                "at {at} of {finished}"
            );
            match &seen.error {
                Some(error) => {
                    assert_eq!(error.kind(), ErrorKind::Truncated, "at {at}");
                    let events = seen.events.get(1..).unwrap_or_default();
                    assert_eq!(
                        events,
                        &whole.events[1..seen.events.len().max(1)],
                        "at {at}"
                    );
                }
                None => assert_eq!(seen.calls, whole.calls, "at {at}"),
            }
        }
    }
}

//! A body reads the same wherever it is split, and is complete wherever it holds a finish reason.

use mainstem::{ErrorKind, models::ChatCompletions};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{Seen, ask, model, server, together, within};

/// Text of one to four bytes a character, escapes, thoughts, two tool calls and usage.
fn golden() -> Reply {
    Reply::stream()
        .role()
        .reasoning("Grübeln…")
        .content("Häher 🐦 und 鸟")
        .data(r#"{"choices":[{"index":0,"delta":{"content":" \u00e9\ud83d\ude00 \"q\" \\ \/ \n\t"}}]}"#)
        .comment("keep-alive")
        .tool_start(0, "call_a", "fütter")
        .tool_arguments(0, r#"{"körner":"#)
        .tool_start(1, "call_b", "zähl")
        .tool_arguments(0, "5}")
        .tool_arguments(1, "[]")
        .finish("tool_calls")
        .usage(3, 2)
        .done()
}

/// Asks for each of these replies, some at a time.
async fn all<K: Copy>(replies: impl IntoIterator<Item = (K, Reply)>) -> Vec<(K, Seen)> {
    let mut pairs = Vec::new();
    for _ in 0..4 {
        let server = server().await;
        let model = model(&server);
        pairs.push((server, model));
    }
    let asks: Vec<_> = replies.into_iter().enumerate().collect();
    let mut lanes: Vec<Vec<_>> = (0..4).map(|_| Vec::new()).collect();
    for (n, ask) in asks {
        lanes[n % 4].push(ask);
    }
    let runs = pairs
        .iter()
        .zip(lanes)
        .map(|((server, model), lane)| in_turn(server, model, lane));
    within(together(4, runs))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn in_turn<K>(
    server: &ScriptedServer,
    model: &ChatCompletions,
    lane: Vec<(K, Reply)>,
) -> Vec<(K, Seen)> {
    let mut seen = Vec::new();
    for (key, reply) in lane {
        server.push(reply);
        seen.push((key, ask(model).await));
    }
    seen
}

async fn whole() -> Seen {
    all([((), golden())]).await.remove(0).1
}

#[tokio::test]
async fn the_golden_reply_is_read_in_full() {
    let seen = whole().await;
    assert_eq!(seen.reasoning, "Grübeln…");
    assert_eq!(seen.text, "Häher 🐦 und 鸟 é😀 \"q\" \\ / \n\t");
    let call = |id: &str, name: &str, arguments: &str| {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    };
    assert_eq!(
        seen.calls,
        [
            call("call_a", "fütter", r#"{"körner":5}"#),
            call("call_b", "zähl", "[]")
        ]
    );
    assert_eq!(seen.events.len(), 11, "{:?}", seen.events);
}

#[tokio::test]
async fn a_split_at_any_byte_gives_the_same_events() {
    let whole = whole().await;
    let length = golden().body_bytes().len();
    let replies = (1..length).map(|at| (at, golden().split_at(at as u64)));
    for (at, seen) in all(replies).await {
        assert_eq!(seen.events[1..], whole.events[1..], "split at {at}");
    }
}

#[tokio::test]
async fn chunks_of_any_size_give_the_same_events() {
    let whole = whole().await;
    for (size, seen) in
        all([1, 2, 3, 7, 64, 1 << 20].map(|size| (size, golden().chunk_size(size)))).await
    {
        assert_eq!(seen.events[1..], whole.events[1..], "chunks of {size}");
    }
}

/// Where the frame that holds this text ends: at its last byte, before its line end.
fn frame_end(text: &str) -> usize {
    let body = golden().body_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    let at = body.find(text).unwrap();
    at + body[at..].find("\n\n").unwrap()
}

#[tokio::test]
async fn a_hard_cut_at_any_byte_is_the_end_only_after_a_finish_reason() {
    // A broken body gives out what a blank line ended, no more.
    let finished = frame_end(r#""finish_reason":"tool_calls""#) + 2;
    check_cuts(finished, |at| golden().cut_at(at)).await;
}

#[tokio::test]
async fn a_clean_end_at_any_byte_is_the_end_only_after_a_finish_reason() {
    let finished = frame_end(r#""finish_reason":"tool_calls""#);
    check_cuts(finished, |at| golden().end_at(at)).await;
}

async fn check_cuts(finished: usize, cut: impl Fn(u64) -> Reply) {
    let whole = whole().await;
    let length = golden().body_bytes().len();
    for (at, seen) in all((0..length).map(|at| (at, cut(at as u64)))).await {
        assert_eq!(
            seen.finish.is_some(),
            at >= finished,
            "at {at} of {finished}: {:?}",
            seen.error
        );
        match &seen.error {
            Some(error) => {
                assert_eq!(error.kind(), ErrorKind::Truncated, "at {at}");
                assert_eq!(
                    seen.events.get(1..).unwrap_or_default(),
                    &whole.events[1..seen.events.len().max(1)],
                    "at {at}"
                );
            }
            None => assert_eq!(
                (&seen.text, &seen.calls),
                (&whole.text, &whole.calls),
                "at {at}"
            ),
        }
    }
}

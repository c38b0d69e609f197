//! Ordinary answers, streamed and whole.

use mainstem::{FinishReason, ModelEvent};
use mainstem_testkit::Reply;
use mainstem_tests::{Seen, ask, read_response, responses, server_with, within};
use serde_json::{Value, json};

/// Thoughts, text, two calls at the same time.
fn rich() -> Reply {
    Reply::stream()
        .role()
        .reasoning("Hm")
        .reasoning("m.")
        .content("Hel")
        .content("lo")
        .tool_start(0, "call_a", "feed")
        .tool_arguments(0, r#"{"corn":"#)
        .tool_start(1, "call_b", "count")
        .tool_arguments(0, "5}")
        .tool_arguments(1, "[]")
        .finish("tool_calls")
        .usage(3, 2)
        .done()
}

async fn whole(reply: Reply) -> Seen {
    let server = server_with([reply]).await;
    let seen = within(ask(&responses(&server).without_streaming())).await;
    assert_eq!(server.requests()[0].body["stream"], false);
    assert_eq!(
        server.requests()[0].header("accept"),
        Some("application/json")
    );
    seen
}

#[tokio::test]
async fn streamed_or_whole_the_answer_is_the_same() {
    let (streamed, whole) = (read_response(rich()).await, whole(rich()).await);
    for seen in [&streamed, &whole] {
        assert_eq!((&*seen.reasoning, &*seen.text), ("Hmm.", "Hello"));
        let call = |id: &str, name: &str, arguments: &str| {
            (id.to_owned(), name.to_owned(), arguments.to_owned())
        };
        let calls = [
            call("call_a", "feed", r#"{"corn":5}"#),
            call("call_b", "count", "[]"),
        ];
        assert_eq!(seen.calls, calls);
        assert_eq!(seen.finish, Some(FinishReason::ToolCalls));
        let usage = seen.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (3, 2));
        let data = |event: &&ModelEvent| matches!(event, ModelEvent::ReasoningData(_));
        assert_eq!(seen.events.iter().filter(data).count(), 1);
    }
    let data = |seen: &Seen| {
        let data = |event: &ModelEvent| match event {
            ModelEvent::ReasoningData(data) => Some(data.to::<Value>().unwrap()["item"].take()),
            _ => None,
        };
        seen.events.iter().find_map(data).unwrap()
    };
    assert_eq!(data(&streamed), data(&whole));
    let texts = |seen: &Seen| {
        let is_text = |event: &&ModelEvent| matches!(event, ModelEvent::Text(_));
        seen.events.iter().filter(is_text).count()
    };
    assert_eq!((texts(&streamed), texts(&whole)), (2, 1));
}

#[tokio::test]
async fn the_pieces_come_as_they_were_sent_and_in_order() {
    let seen = read_response(rich()).await;
    let events: Vec<_> = seen.events[1..]
        .iter()
        .map(|event| match event {
            ModelEvent::Reasoning(text) => format!("thought {text}"),
            ModelEvent::ReasoningData(_) => "data".to_owned(),
            ModelEvent::Text(text) => format!("text {text}"),
            ModelEvent::ToolCall { index, id, name } => format!("call {index} {id} {name}"),
            ModelEvent::ToolArguments { index, text } => format!("arguments {index} {text}"),
            ModelEvent::Usage(_) => "usage".to_owned(),
            ModelEvent::Finished(reason) => format!("finished {reason}"),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "thought Hm",
        "thought m.",
        "data",
        "text Hel",
        "text lo",
        "call 0 call_a feed",
        r#"arguments 0 {"corn":"#,
        "call 1 call_b count",
        "arguments 0 5}",
        "arguments 1 []",
        "usage",
        "finished tool_calls",
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn every_end_has_its_finish_reason() {
    for (word, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
    ] {
        let reply = || {
            Reply::stream()
                .content("Half")
                .finish(word)
                .usage(3, 2)
                .done()
        };
        for seen in [read_response(reply()).await, whole(reply()).await] {
            assert_eq!(seen.finish, Some(reason.clone()), "{word}");
            assert_eq!(
                (&*seen.text, seen.usage.unwrap().output_tokens),
                ("Half", 2)
            );
        }
    }
    let body = json!({"status": "incomplete", "output": [], "incomplete_details": null});
    let seen = read_response(Reply::status(200).json(&body)).await;
    assert_eq!(seen.finish, Some(FinishReason::from("incomplete")));
}

#[tokio::test]
async fn a_refusal_is_no_text() {
    let reply = || {
        Reply::stream()
            .refusal("I can't ")
            .refusal("do that.")
            .finish("stop")
            .done()
    };
    for seen in [read_response(reply()).await, whole(reply()).await] {
        assert_eq!((&*seen.refusal, &*seen.text), ("I can't do that.", ""));
        assert_eq!(seen.finish, Some(FinishReason::Stop));
    }
}

#[tokio::test]
async fn the_details_of_usage_are_read() {
    let usage = json!({
        "input_tokens": 30, "input_tokens_details": {"cached_tokens": 10},
        "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 15},
        "total_tokens": 50,
    });
    let response = json!({"status": "completed", "output": [], "usage": usage});
    let end = json!({"type": "response.completed", "response": response});
    for reply in [
        Reply::stream().chunk(end),
        Reply::status(200).json(&response),
    ] {
        let usage = read_response(reply).await.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.cached_input_tokens), (30, 10));
        assert_eq!((usage.output_tokens, usage.reasoning_tokens), (20, 15));
    }
}

#[tokio::test]
async fn parts_of_the_thoughts_are_set_apart() {
    let delta = |item: u32, part: u32, text: &str| {
        json!({"type": "response.reasoning_summary_text.delta", "output_index": item,
            "summary_index": part, "delta": text})
    };
    let end = json!({"type": "response.completed", "response": {"output": []}});
    let chunks = [
        delta(0, 0, "a"),
        delta(0, 0, "b"),
        delta(0, 1, "c"),
        delta(1, 0, "d"),
        end,
    ];
    let seen = read_response(chunks.into_iter().fold(Reply::stream(), Reply::chunk)).await;
    assert_eq!(seen.reasoning, "ab\n\nc\n\nd");
    let summary =
        json!([{"type": "summary_text", "text": "ab"}, {"type": "summary_text", "text": "c"}]);
    let body =
        json!({"status": "completed", "output": [{"type": "reasoning", "summary": summary}]});
    let seen = read_response(Reply::status(200).json(&body)).await;
    assert_eq!(seen.reasoning, "ab\n\nc");
}

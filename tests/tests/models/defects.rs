//! Replies of servers that aren't OpenAI: where the meaning is clear they are read to the end.

use mainstem::{FinishReason, Usage};
use mainstem_testkit::{Field, Framing, LineEnd, Reply, UsageShape};
use mainstem_tests::{read, together};
use serde_json::json;

/// All of these say "Hello", stop, and used 3 and 2 tokens.
fn odd_replies() -> Vec<(&'static str, Reply)> {
    let hello = || Reply::text(["Hel", "lo"]);
    let mut table = fields_left_out();
    table.extend([
        ("no [DONE]", parts().finish("stop").usage(3, 2)),
        ("CRLF", hello().crlf()),
        ("lone CR", hello().line_end(LineEnd::Cr)),
        ("data: without a space", hello().no_space()),
        ("JSON over several data lines", hello().multi_line()),
        ("a byte order mark", hello().bom()),
        (
            "text/plain",
            hello().content_type("text/plain; charset=utf-8"),
        ),
        ("no content type to speak of", hello().content_type("")),
        (
            "extra fields",
            hello()
                .extra("system_fingerprint", json!({"a": [1]}))
                .delta_extra("audio", json!(null)),
        ),
        (
            "delta null",
            parts().null_delta().finish("stop").usage(3, 2).done(),
        ),
        (
            "content null",
            parts().null_content().finish("stop").usage(3, 2).done(),
        ),
        (
            "usage without choices",
            hello().usage_shape(UsageShape::NoChoices),
        ),
        (
            "usage together with a choice",
            hello().usage_shape(UsageShape::WithChoice),
        ),
        ("chunks of one byte", hello().chunk_size(1)),
        ("content-length", hello().framing(Framing::ContentLength)),
        ("close-delimited", hello().framing(Framing::CloseDelimited)),
    ]);
    table.extend(frames_between());
    table.extend(usages());
    table
}

fn parts() -> Reply {
    Reply::stream().role().content("Hel").content("lo")
}

fn fields_left_out() -> Vec<(&'static str, Reply)> {
    use Field::{Created, FinishReason, Id, Index, Model, Object, Role};
    let all = [Id, Created, Model, Object, Index, Role, FinishReason];
    let nothing = all
        .into_iter()
        .fold(Reply::text(["Hel", "lo"]), Reply::omit);
    let mut table = vec![("none of the fields", nothing)];
    for (name, field) in [
        ("no id", Id),
        ("no created", Created),
        ("no model", Model),
        ("no object", Object),
        ("no choices[].index", Index),
        ("no role chunk", Role),
        ("no finish_reason in mid-stream", FinishReason),
    ] {
        table.push((name, Reply::text(["Hel", "lo"]).omit(field)));
    }
    table
}

/// What may stand between the frames, or around them.
fn frames_between() -> Vec<(&'static str, Reply)> {
    let end = |reply: Reply| reply.content("lo").finish("stop").usage(3, 2).done();
    let begin = || Reply::stream().comment("hello").role().content("Hel");
    vec![
        ("comments", end(begin().comment("keep-alive").comment(""))),
        ("a frame without data", end(begin().data(""))),
        ("empty choices", end(begin().chunk(json!({"choices": []})))),
        (
            "choices null",
            end(begin().chunk(json!({"choices": null, "error": null}))),
        ),
        ("an empty object", end(begin().chunk(json!({})))),
        (
            "other fields",
            end(begin().raw("id: 7\nretry: 10\nevent: message\n\n")),
        ),
        (
            "lines that are no fields",
            end(begin().raw(&b"garbage\n\x01\x02\xff\ndatax: 1\n:\n\n"[..])),
        ),
        ("blank lines", end(begin().raw("\n\n\r\n\r\n"))),
        (
            "many choices",
            end(begin().choice(1).content("NO").choice(0)),
        ),
        (
            "choices out of order",
            end(begin().chunk(json!({"choices": [
                {"index": 1, "delta": {"content": "NO"}, "finish_reason": "length"},
                {"index": 0, "delta": {"content": ""}},
            ]}))),
        ),
        (
            "content as a list of parts",
            Reply::stream()
                .delta(json!({"content": [{"type": "text", "text": "He"}, {"text": "l"}]}))
                .delta(json!({"content": [{"type": "text", "text": "lo"}]}))
                .finish("stop")
                .usage(3, 2)
                .done(),
        ),
        (
            "content as numbers and lists",
            end(Reply::stream().delta(json!({"content": ["He", {"text": "l"}]}))),
        ),
        (
            "the last frame without a blank line",
            parts()
                .usage(3, 2)
                .raw(r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
        ),
        (
            "text in the chunk with the finish reason",
            Reply::stream()
                .content("Hel")
                .chunk(json!({"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}))
                .usage(3, 2),
        ),
        ("a comment after [DONE]", end(begin()).comment("bye")),
        (
            "frames after [DONE]",
            end(begin()).raw("data: [DONE]\n\nevent: end\ndata:\n\n"),
        ),
    ]
}

fn usages() -> Vec<(&'static str, Reply)> {
    let end = |reply: Reply| reply.finish("stop").done();
    vec![
        ("usage with every chunk", Reply::stream()
            .chunk(json!({"choices": [{"delta": {"content": "Hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}))
            .chunk(json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}))),
        ("usage null until the last", Reply::stream()
            .chunk(json!({"choices": [{"delta": {"content": "Hello"}}], "usage": null}))
            .finish("stop").usage(3, 2).done()),
        ("usage before the text", end(Reply::stream().usage(3, 2).content("Hello"))),
        ("usage in other words", end(Reply::stream().content("Hello")
            .chunk(json!({"usage": {"input_tokens": 3, "output_tokens": 2, "cost": 0.1}})))),
    ]
}

#[tokio::test]
async fn what_has_a_clear_meaning_is_read_to_the_end() {
    let reads = odd_replies()
        .into_iter()
        .map(|(name, reply)| async move { (name, read(reply).await) });
    for (name, seen) in together(4, reads).await {
        assert!(seen.error.is_none(), "{name}: {:?}", seen.error);
        assert_eq!(seen.text, "Hello", "{name}");
        assert_eq!(seen.finish, Some(FinishReason::Stop), "{name}");
        assert_eq!(seen.usage, Some(Usage::new(3, 2)), "{name}");
        assert!(seen.calls.is_empty() && seen.refusal.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn an_answer_without_usage_is_complete() {
    let seen = read(parts().finish("stop").done()).await;
    assert_eq!((seen.text.as_str(), seen.usage), ("Hello", None));
    assert_eq!(seen.finish, Some(FinishReason::Stop));
}

#[tokio::test]
async fn the_details_of_usage_are_read() {
    let usage = json!({"usage": {
        "prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": null},
        "completion_tokens_details": {"reasoning_tokens": 15},
    }});
    let usage = read(Reply::stream().finish("stop").chunk(usage))
        .await
        .usage
        .unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (30, 10));
    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (20, 15));
    assert_eq!(usage.requests, 1);
}

#[tokio::test]
async fn every_finish_reason_is_kept_as_it_came() {
    for (word, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
        ("content_filter", FinishReason::ContentFilter),
        ("eos", FinishReason::Other("eos".into())),
        ("MAX TOKENS", FinishReason::Other("MAX TOKENS".into())),
    ] {
        let seen = read(parts().finish(word).done()).await;
        assert_eq!(seen.finish, Some(reason), "{word}");
        assert_eq!(seen.text, "Hello", "{word}");
    }
}

#[tokio::test]
async fn thoughts_are_read_from_either_field_and_once_if_both_are_there() {
    let end = |reply: Reply| reply.content("Hello").finish("stop").done();
    for reply in [
        Reply::stream().reasoning("Hm. ").reasoning("So."),
        Reply::stream()
            .reasoning_field("reasoning")
            .reasoning("Hm. ")
            .reasoning("So."),
        Reply::stream().delta(json!({"reasoning": "Hm. So.", "reasoning_content": "Hm. So."})),
    ] {
        let seen = read(end(reply)).await;
        assert_eq!(
            (seen.reasoning.as_str(), seen.text.as_str()),
            ("Hm. So.", "Hello")
        );
    }
}

#[tokio::test]
async fn a_refusal_is_no_text() {
    let seen = read(
        Reply::stream()
            .role()
            .refusal("I can't ")
            .refusal("do that.")
            .finish("stop"),
    )
    .await;
    assert_eq!(
        (seen.refusal.as_str(), seen.text.as_str()),
        ("I can't do that.", "")
    );
}

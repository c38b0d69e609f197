//! Servers that aren't OpenAI: where the meaning is clear they are read to the end.

use mainstem::{FinishReason, Usage};
use mainstem_testkit::{Field, Framing, LineEnd, Reply};
use mainstem_tests::{read_response, together};
use serde_json::{Value, json};

fn of(events: impl IntoIterator<Item = Value>) -> Reply {
    events.into_iter().fold(Reply::stream(), Reply::chunk)
}

#[allow(clippy::needless_pass_by_value)] // a value made on the spot
fn completed(output: Value) -> Value {
    let usage = json!({"input_tokens": 3, "output_tokens": 2});
    json!({"type": "response.completed", "response": {"output": output, "usage": usage}})
}

fn message(text: &str) -> Value {
    json!({"type": "message", "id": "msg", "content": [{"type": "output_text", "text": text}]})
}

fn delta(text: &str) -> Value {
    json!({"type": "response.output_text.delta", "delta": text})
}

/// All of these say "Hello", stop, and used 3 and 2 tokens.
fn odd_replies() -> Vec<(&'static str, Reply)> {
    let hello = || Reply::text(["Hel", "lo"]).usage(3, 2);
    let fields = [
        Field::Id,
        Field::Object,
        Field::Created,
        Field::Model,
        Field::Index,
        Field::Sequence,
    ];
    let mut table = vec![
        (
            "none of the fields",
            fields.into_iter().fold(hello(), Reply::omit),
        ),
        ("[DONE]", hello().data("[DONE]")),
        ("CRLF", hello().crlf()),
        ("lone CR", hello().line_end(LineEnd::Cr)),
        ("data: without a space", hello().no_space()),
        ("JSON over several data lines", hello().multi_line()),
        ("a byte order mark", hello().bom()),
        ("text/plain", hello().content_type("text/plain")),
        (
            "extra fields",
            hello()
                .extra("x", json!({"a": [1]}))
                .delta_extra("obfuscation", json!("aB3")),
        ),
        ("chunks of one byte", hello().chunk_size(1)),
        ("close-delimited", hello().framing(Framing::CloseDelimited)),
        (
            "comments",
            Reply::stream()
                .comment("hi")
                .role()
                .content("Hello")
                .comment("")
                .finish("stop")
                .usage(3, 2),
        ),
    ];
    for field in fields {
        table.push(("a field left out", hello().omit(field)));
    }
    table.extend(without_deltas());
    table.extend(twice_told());
    table
}

/// What comes as a whole, at one of four places.
fn without_deltas() -> Vec<(&'static str, Reply)> {
    let part = json!({"type": "output_text", "text": "Hello"});
    let item = |kind: &str, item: Value| json!({"type": kind, "output_index": 0, "item": item});
    vec![
        (
            "nothing but deltas",
            of([delta("Hel"), delta("lo"), completed(json!(null))]),
        ),
        (
            "text at its end alone",
            of([
                json!({"type": "response.output_text.done", "text": "Hello"}),
                completed(json!([])),
            ]),
        ),
        (
            "text in the part alone",
            of([
                json!({"type": "response.content_part.done", "part": part}),
                completed(json!([])),
            ]),
        ),
        (
            "text in the item alone",
            of([
                item("response.output_item.done", message("Hello")),
                completed(json!([])),
            ]),
        ),
        (
            "content that is a text",
            of([completed(json!([{"type": "message", "content": "Hello"}]))]),
        ),
        (
            "text in the response alone",
            of([completed(json!([message("Hello")]))]),
        ),
        (
            "unknown events and items",
            of([
                json!({"type": "response.mystery", "delta": "NO"}),
                json!({"type": "response.web_search_call.searching", "item_id": "ws"}),
                json!({}),
                delta("Hello"),
                json!({"type": "response.output_item.added", "item": null}),
                json!({"type": "response.output_item.done", "item": {"type": null}}),
                completed(json!([{"type": "mystery", "text": "NO"}])),
            ]),
        ),
        (
            "a whole response instead of a stream",
            Reply::status(200).json(&completed(json!([message("Hello")]))["response"]),
        ),
        (
            "an end without a word on the status",
            of([delta("Hello"), completed(json!([message("Hello")]))]),
        ),
    ]
}

/// What comes in pieces and as a whole, under other names.
fn twice_told() -> Vec<(&'static str, Reply)> {
    let piece = |id: &str, text: &str| json!({"type": "response.output_text.delta", "item_id": id, "output_index": 0, "delta": text});
    let whole = |id: &str| json!({"type": "response.output_text.done", "item_id": id, "output_index": 0, "text": "Hello"});
    let other = json!({"type": "message", "id": "other", "content": [{"type": "output_text", "text": "Hello"}]});
    vec![
        (
            "a new id for each event",
            of([
                piece("a", "Hel"),
                piece("b", "lo"),
                whole("c"),
                completed(json!([other])),
            ]),
        ),
        (
            "another id at the end",
            of([
                piece("a", "Hel"),
                piece("a", "lo"),
                whole("a"),
                completed(json!([other])),
            ]),
        ),
        (
            "an index in some events",
            of([
                delta("Hel"),
                piece("", "lo"),
                whole(""),
                completed(json!([other])),
            ]),
        ),
    ]
}

#[tokio::test]
async fn what_has_a_clear_meaning_is_read_to_the_end() {
    let reads = odd_replies()
        .into_iter()
        .map(|(name, reply)| async move { (name, read_response(reply).await) });
    for (name, seen) in together(4, reads).await {
        assert!(seen.error.is_none(), "{name}: {:?}", seen.error);
        assert_eq!(seen.text, "Hello", "{name}");
        assert_eq!(seen.finish, Some(FinishReason::Stop), "{name}");
        assert_eq!(seen.usage, Some(Usage::new(3, 2)), "{name}");
        assert!(seen.calls.is_empty() && seen.refusal.is_empty(), "{name}");
    }
}

fn call(id: &str, call_id: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": id, "call_id": call_id, "name": "feed", "arguments": arguments})
}

/// All of these call `feed` as `call_a` with `{"corn":5}`.
fn odd_calls() -> Vec<(&'static str, Reply)> {
    const ARGUMENTS: &str = r#"{"corn":5}"#;
    let added = || json!({"type": "response.output_item.added", "output_index": 0, "item": call("fc", "call_a", "")});
    let done = |id: &str| json!({"type": "response.output_item.done", "output_index": 0, "item": call(id, "call_a", ARGUMENTS)});
    let piece = |id: &str, text: &str| json!({"type": "response.function_call_arguments.delta", "item_id": id, "output_index": 0, "delta": text});
    let whole = json!({"type": "response.function_call_arguments.done", "item_id": "fc", "output_index": 0,
        "name": "feed", "arguments": ARGUMENTS});
    let end = || completed(json!([]));
    let all = || completed(json!([call("fc", "call_a", ARGUMENTS)]));
    vec![
        (
            "arguments at their end alone",
            of([added(), whole, done("fc"), all()]),
        ),
        (
            "arguments in the item alone",
            of([added(), done("fc"), end()]),
        ),
        ("the item alone", of([done("fc"), end()])),
        ("the response alone", of([all()])),
        ("arguments in the response alone", of([added(), all()])),
        (
            "no item at its beginning",
            of([
                piece("fc", r#"{"corn""#),
                piece("fc", ":5}"),
                done("fc"),
                all(),
            ]),
        ),
        (
            "a new id for each event",
            of([
                added(),
                piece("x", r#"{"corn""#),
                piece("y", ":5}"),
                done("z"),
                all(),
            ]),
        ),
        (
            "another call's id at the end",
            of([
                added(),
                done("fc"),
                completed(json!([call("q", "call_q", ARGUMENTS)])),
            ]),
        ),
        (
            "arguments as a value",
            of([completed(
                json!([{"type": "function_call", "call_id": "call_a", "name": "feed", "arguments": {"corn": 5}}]),
            )]),
        ),
        (
            "no ids and no indexes",
            of([
                json!({"type": "response.output_item.added", "item": call("", "call_a", "")}),
                json!({"type": "response.function_call_arguments.delta", "delta": r#"{"corn":"#}),
                json!({"type": "response.function_call_arguments.delta", "delta": "5}"}),
                json!({"type": "response.output_item.done", "item": call("", "call_a", ARGUMENTS)}),
                end(),
            ]),
        ),
    ]
}

#[tokio::test]
async fn a_call_is_one_call_however_it_comes() {
    for (name, reply) in odd_calls() {
        let seen = read_response(reply).await;
        assert!(seen.error.is_none(), "{name}: {:?}", seen.error);
        let expected = (
            "call_a".to_owned(),
            "feed".to_owned(),
            r#"{"corn":5}"#.to_owned(),
        );
        assert_eq!(seen.calls, [expected], "{name}");
        assert_eq!(seen.finish, Some(FinishReason::ToolCalls), "{name}");
    }
}

#[tokio::test]
async fn a_call_that_the_stream_left_out_is_in_the_response() {
    let first = call("fc_1", "call_a", "{}");
    let all = json!([first, call("fc_2", "call_b", "[1]")]);
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": first});
    let seen = read_response(of([done, completed(all)])).await;
    let ids: Vec<_> = seen
        .calls
        .iter()
        .map(|(id, _, text)| (&**id, &**text))
        .collect();
    assert_eq!(ids, [("call_a", "{}"), ("call_b", "[1]")]);
}

#[tokio::test]
async fn calls_without_ids_get_some() {
    let nameless = json!({"type": "function_call", "name": "feed", "arguments": "{}"});
    let item = json!({"type": "function_call", "id": "fc_7", "name": "feed", "arguments": "{}"});
    let seen = read_response(of([completed(json!([nameless, item]))])).await;
    let ids: Vec<_> = seen.calls.iter().map(|(id, ..)| &**id).collect();
    assert_eq!(ids, ["call_0", "fc_7"]);
}

#[tokio::test]
async fn arguments_without_a_name_are_a_failure() {
    let piece = json!({"type": "response.function_call_arguments.delta", "delta": "{}"});
    let seen = read_response(of([piece, completed(json!([]))])).await;
    assert!(
        seen.failure().message().contains("without its name"),
        "{:?}",
        seen.error
    );
    assert!(seen.calls.is_empty());
}

#[tokio::test]
async fn thoughts_are_read_once_from_wherever_they_are() {
    let delta = |kind: &str, text: &str| json!({"type": kind, "item_id": "rs", "delta": text});
    let summary = |text: &str| delta("response.reasoning_summary_text.delta", text);
    let thought = |text: &str| delta("response.reasoning_text.delta", text);
    let part = json!({"type": "reasoning_text", "text": "Hm. So."});
    let item = |item: Value| json!({"type": "response.output_item.done", "item": item});
    let end = || completed(json!([]));
    for events in [
        vec![summary("Hm. "), summary("So."), end()],
        vec![thought("Hm. "), thought("So."), end()],
        vec![
            summary("Hm. "),
            thought("NO"),
            summary("So."),
            thought("NO"),
            end(),
        ],
        vec![
            json!({"type": "response.reasoning_summary_text.done", "text": "Hm. So."}),
            end(),
        ],
        vec![
            json!({"type": "response.content_part.done", "part": part}),
            end(),
        ],
        vec![
            item(json!({"type": "reasoning", "summary": [], "content": [part]})),
            end(),
        ],
        vec![
            thought("Hm. So."),
            item(json!({"type": "reasoning", "content": [part]})),
            end(),
        ],
        vec![completed(
            json!([{"type": "reasoning", "id": "x", "summary": [{"text": "Hm. So."}]}]),
        )],
        vec![
            summary("Hm. So."),
            completed(json!([{"type": "reasoning", "id": "x", "summary": [{"text": "NO"}]}])),
        ],
    ] {
        let seen = read_response(of(events.clone())).await;
        assert_eq!(
            (&*seen.reasoning, &*seen.text),
            ("Hm. So.", ""),
            "{events:?}"
        );
    }
}

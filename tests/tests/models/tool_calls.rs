//! Tool calls, however a server writes their deltas.

use mainstem::FinishReason;
use mainstem_testkit::{Field, Reply};
use mainstem_tests::read;
use serde_json::{Value, json};

fn end(reply: Reply) -> Reply {
    reply.finish("tool_calls").usage(3, 2).done()
}

fn calls(deltas: impl IntoIterator<Item = Value>) -> Reply {
    let add = |reply: Reply, call| reply.delta(json!({"tool_calls": [call]}));
    end(deltas.into_iter().fold(Reply::stream().role(), add))
}

/// Each calls `weather` for Bern, under the id `a`.
fn one_call() -> Vec<(&'static str, Reply)> {
    let reply = || Reply::tool_call("a", "weather", &json!({"at": "Bern"}));
    let arguments = r#"{"at":"Bern"}"#;
    vec![
        ("as OpenAI has it", reply()),
        ("without an index", reply().omit(Field::ToolIndex)),
        ("without a type", reply().omit(Field::ToolType)),
        (
            "without either",
            reply().omit(Field::ToolIndex).omit(Field::ToolType),
        ),
        ("byte by byte", reply().chunk_size(1)),
        (
            "in one delta",
            calls([
                json!({"index": 0, "id": "a", "function": {"name": "weather", "arguments": arguments}}),
            ]),
        ),
        (
            "the id with every delta",
            calls([
                json!({"id": "a", "function": {"name": "weather", "arguments": "{\"at\":"}}),
                json!({"id": "a", "function": {"arguments": "\"Bern\"}"}}),
            ]),
        ),
        (
            "a new id with every delta",
            calls([
                json!({"index": 0, "id": "a", "function": {"name": "weather", "arguments": ""}}),
                json!({"index": 0, "id": "b", "function": {"arguments": "{\"at\":"}}),
                json!({"index": 0, "id": "c", "function": {"arguments": "\"Bern\"}"}}),
                json!({"index": 0, "id": "d", "function": {"arguments": ""}}),
            ]),
        ),
        (
            "a new id and the name with every delta",
            calls([
                json!({"index": 0, "id": "a", "function": {"name": "weather", "arguments": "{\"at\":"}}),
                json!({"index": 0, "id": "b", "function": {"name": "weather", "arguments": "\"Be"}}),
                json!({"index": 0, "id": "c", "function": {"name": "weather", "arguments": "rn\"}"}}),
            ]),
        ),
        (
            "a new id with every delta, without an index",
            calls([
                json!({"id": "a", "function": {"name": "weather", "arguments": "{\"at\":"}}),
                json!({"id": "b", "function": {"arguments": "\"Bern\"}"}}),
            ]),
        ),
        (
            "empty texts and nulls",
            calls([
                json!({"index": 0, "id": "a", "type": "function", "function": {"name": "weather", "arguments": null}}),
                json!({"index": 0, "id": "", "type": null, "function": {"name": "", "arguments": arguments}}),
                json!({"index": 0, "id": null, "function": {"name": null, "arguments": ""}}),
            ]),
        ),
        (
            "the arguments as an object",
            calls([
                json!({"index": 0, "id": "a", "function": {"name": "weather", "arguments": {"at": "Bern"}}}),
            ]),
        ),
        (
            "the index from 1",
            calls([
                json!({"index": 1, "id": "a", "function": {"name": "weather", "arguments": ""}}),
                json!({"index": 1, "function": {"arguments": arguments}}),
            ]),
        ),
    ]
}

#[tokio::test]
async fn one_call_is_one_call() {
    for (name, reply) in one_call() {
        let seen = read(reply).await;
        let call = (
            "a".to_owned(),
            "weather".to_owned(),
            r#"{"at":"Bern"}"#.to_owned(),
        );
        assert_eq!(seen.calls, [call], "{name}: {:?}", seen.error);
        assert_eq!(seen.finish, Some(FinishReason::ToolCalls), "{name}");
    }
}

/// Each calls `f` with 1 and `g` with 2.
fn two_calls() -> Vec<(&'static str, Reply)> {
    let start = |index: Option<u32>, id: &str, name: &str, arguments: &str| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
    let more = |index: Option<u32>, arguments: &str| json!({"index": index, "function": {"arguments": arguments}});
    vec![
        (
            "one after the other",
            calls([
                start(Some(0), "a", "f", ""),
                more(Some(0), "[1]"),
                start(Some(1), "b", "g", ""),
                more(Some(1), "[2]"),
            ]),
        ),
        (
            "in turns",
            calls([
                start(Some(0), "a", "f", ""),
                start(Some(1), "b", "g", ""),
                more(Some(1), "[2"),
                more(Some(0), "[1"),
                more(Some(1), "]"),
                more(Some(0), "]"),
            ]),
        ),
        (
            "without indexes",
            calls([
                start(None, "a", "f", "["),
                more(None, "1]"),
                start(None, "b", "g", "["),
                more(None, "2]"),
            ]),
        ),
        (
            "index 0 for both",
            calls([
                start(Some(0), "a", "f", "[1]"),
                start(Some(0), "b", "g", "[2]"),
            ]),
        ),
        (
            "new ids with every delta",
            calls([
                start(Some(0), "a", "f", ""),
                start(Some(0), "c", "", "[1]"),
                start(Some(1), "b", "g", ""),
                start(Some(1), "d", "g", "[2]"),
            ]),
        ),
        (
            "in one delta",
            end(Reply::stream().delta(json!({"tool_calls": [
                start(Some(0), "a", "f", "[1]"), start(Some(1), "b", "g", "[2]"),
            ]}))),
        ),
    ]
}

#[tokio::test]
async fn two_calls_are_kept_apart() {
    for (name, reply) in two_calls() {
        let seen = read(reply).await;
        let call = |id: &str, name: &str, arguments: &str| {
            (id.to_owned(), name.to_owned(), arguments.to_owned())
        };
        let expected = [call("a", "f", "[1]"), call("b", "g", "[2]")];
        assert_eq!(seen.calls, expected, "{name}");
    }
}

#[tokio::test]
async fn calls_without_ids_get_some_of_their_own() {
    let call = |index, name| json!({"index": index, "function": {"name": name, "arguments": "{}"}});
    let seen = read(calls([call(0, "f"), call(1, "g")])).await;
    assert_eq!(seen.calls.len(), 2, "{seen:?}");
    assert_ne!(seen.calls[0].0, seen.calls[1].0);
    assert!(seen.calls.iter().all(|call| !call.0.is_empty()));
}

/// Their ids and whole arguments tell them apart, though name and index are the same.
#[tokio::test]
async fn the_same_tool_twice_is_two_calls() {
    let call = |id: &str| json!({"index": 0, "id": id, "function": {"name": "f", "arguments": "{\"a\": \"}\"}"}});
    let seen = read(calls([call("a"), call("b")])).await;
    let ids: Vec<_> = seen.calls.iter().map(|call| &*call.0).collect();
    assert_eq!(ids, ["a", "b"]);
}

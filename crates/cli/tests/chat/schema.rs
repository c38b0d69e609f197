//! `--json-schema`.

use mainstem_testkit::{Gate, Reply};

use crate::harness::{Done, TempFile, chat, gated, read, server};

fn bird(name: &str) -> TempFile {
    let schema = serde_json::json!({
        "title": "Bird",
        "type": "object",
        "properties": {"name": {"type": "string"}, "eggs": {"type": "integer"}},
        "required": ["name", "eggs"],
    });
    TempFile::new(name, &schema.to_string())
}

#[tokio::test]
async fn the_json_streams_and_is_checked() {
    let schema = bird("streams");
    let gate = Gate::new();
    let server = server([gated(r#"{"name": "jay", "#, &gate, r#""eggs": 5}"#)]).await;
    let mut command = chat(&server, &["--json-schema", schema.path(), "x"]);
    let mut child = command.spawn().unwrap();
    read(child.stdout.as_mut().unwrap(), r#"{"name": "jay", "#).await;
    gate.open();
    let done = Done::after(child).await;
    done.is(0, "\"eggs\": 5}\n");
    assert_eq!(done.stderr, "");
    let format = &server.requests()[0].body["response_format"];
    assert_eq!(format["type"], "json_schema");
}

#[tokio::test]
async fn what_does_not_fit_is_printed_and_is_3() {
    let schema = bird("misfits");
    for answer in [
        r#"{"name": "jay"}"#,
        r#"{"name": "jay", "eggs": "five"}"#,
        "Sure! Here is a bird: {}",
        r#"{"name": "jay", "eggs"#,
    ] {
        let server = server([Reply::text([answer])]).await;
        let done = Done::of(chat(&server, &["--json-schema", schema.path(), "x"])).await;
        let chain = "error: the output doesn't fit its schema\n  caused by: ";
        done.tells(3, &format!("{answer}\n"), &[chain]);
    }
}

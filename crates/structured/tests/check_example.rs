//! The example `check`, as a user runs it.
#![cfg(feature = "jsonschema")]
#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

/// Cargo builds the examples with the tests, unless it is asked for this one test.
fn program() -> Command {
    let tests = env::current_exe().unwrap();
    let directory = tests.parent().unwrap().parent().unwrap();
    let name = format!("check{}", env::consts::EXE_SUFFIX);
    let program = directory.join("examples").join(name);
    assert!(
        program.is_file(),
        "build it first: cargo build --example check"
    );
    Command::new(program)
}

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut command = program();
    command.args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have refused before it read all.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn schema_file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const BIRD: &str = r#"{"type": "object", "properties": {"eggs": {"type": "integer"}}}"#;

#[test]
fn a_document() {
    let path = schema_file("check_bird.json", BIRD);
    let args = ["--schema", path.to_str().unwrap()];
    let valid = run(&args, br#"{"eggs": 5}"#);
    assert_eq!(valid.status.code(), Some(0));
    let nothing = json!({
        "valid": true, "offset": null, "pointer": null, "schema_pointer": null, "message": null,
    });
    assert_eq!(lines(&valid), [nothing]);
    for chunk in ["1", "3", "64"] {
        let args = [&args[..], &["--chunk", chunk]].concat();
        let refused = run(&args, br#"{"eggs": "many"}"#);
        assert_eq!(refused.status.code(), Some(1));
        let [verdict] = &lines(&refused)[..] else {
            panic!("one object: {refused:?}");
        };
        assert_eq!(verdict["valid"], false);
        assert_eq!(verdict["offset"], 9);
        assert_eq!(verdict["pointer"], "/eggs");
        assert_eq!(verdict["schema_pointer"], "/properties/eggs/type");
        assert!(!verdict["message"].as_str().unwrap().contains("many"));
    }
}

#[test]
fn formats_are_asserted_when_asked() {
    let path = schema_file("check_day.json", r#"{"format": "date"}"#);
    let args = ["--schema", path.to_str().unwrap(), "--formats"];
    assert_eq!(run(&args[..2], b"\"today\"").status.code(), Some(0));
    assert_eq!(run(&args, b"\"today\"").status.code(), Some(1));
}

#[test]
fn what_cannot_be_used_is_named() {
    let none = run(&[], b"");
    let missing = run(&["--schema", "no-such-file.json"], b"");
    let path = schema_file("check_bad.json", r#"{"type": "bird"}"#);
    let bad = run(&["--schema", path.to_str().unwrap()], b"1");
    let zero = run(&["--jsonl", "--chunk", "0"], b"");
    for (output, said) in [
        (none, "--schema"),
        (missing, "no-such-file.json"),
        (bad, "check_bad.json: the JSON schema can't be used"),
        (zero, "--chunk"),
    ] {
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said), "{error}");
        assert!(output.stdout.is_empty());
    }
    let help = run(&["--help"], b"");
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("--jsonl"));
}

#[test]
fn lines_are_judged_one_by_one() {
    let input = r#"
{"id": 1, "schema": {"type": "string"}, "text": "\"a\""}
{"id": "two", "schema": {"items": {"maxLength": 1}}, "text": "[\"a\",\"bcd\"]"}
{"id": 3, "schema": true, "text": "[1"}
{"id": 4, "schema": {"type": 7}, "text": "1"}
not a line
{"id": 5, "schema": true}
{"schema": true, "text": "1 1"}
"#;
    let output = run(&["--jsonl", "--chunk", "1"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1), "one line is malformed");
    let answers = lines(&output);
    let short = |answer: &Value| {
        let parts = ["id", "valid", "rejected_at", "pointer"];
        Value::from_iter(parts.map(|part| answer[part].clone()))
    };
    assert_eq!(short(&answers[0]), json!([1, true, null, null]));
    assert_eq!(answers[0]["error"], Value::Null);
    assert_eq!(short(&answers[1]), json!(["two", false, 7, "/1"]));
    assert_eq!(short(&answers[2]), json!([3, false, 2, "/0"]));
    assert_eq!(answers[3]["id"], 4);
    assert!(answers[3]["unsupported"].is_string());
    assert!(answers[3].get("valid").is_none());
    assert_eq!(answers[4]["id"], Value::Null);
    assert!(answers[4]["error"].as_str().unwrap().contains("not JSON"));
    assert_eq!(answers[5]["id"], 5);
    assert!(answers[5]["error"].as_str().unwrap().contains("`text`"));
    assert_eq!(short(&answers[6]), json!([null, false, 2, ""]));
    assert_eq!(answers.len(), 7);
}

#[test]
fn each_answer_comes_before_the_next_line_is_asked_for() {
    let mut command = program();
    command.arg("--jsonl");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for id in 0..3 {
        let line = json!({"id": id, "schema": true, "text": "[]"});
        writeln!(input, "{line}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["id"], id);
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

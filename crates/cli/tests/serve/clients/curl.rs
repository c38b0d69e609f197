//! curl, with every wire.

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::program::{Program, said, soon};

/// `POST /runs`, as a user of curl does it.
async fn curl(program: &Program, body: &Value, more: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command
        .args(["-sSN", "--noproxy", "*"])
        .arg(format!("{}/runs", program.url))
        .args(["-H", "content-type: application/json", "-d"])
        .arg(body.to_string())
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    soon(command.output()).await.unwrap()
}

async fn read(program: &Program, body: &Value, more: &[&str]) -> Vec<u8> {
    let output = curl(program, body, more).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    output.stdout
}

const TEXT: &str = "Eine Möwe und ein Häher: \"data: {}\"\r\n\n[1] ☃";

fn echo(wire: &str) -> Value {
    json!({"run": "echo", "input": {"text": TEXT, "chunk": 3}, "wire": wire})
}

#[tokio::test]
async fn text_is_the_text() {
    let program = Program::start(&[]).await;
    assert_eq!(read(&program, &echo("text"), &[]).await, TEXT.as_bytes());
    for coding in ["gzip", "br", "zstd"] {
        let header = format!("accept-encoding: {coding}");
        let packed = ["--compressed", "-H", &header];
        let unpacked = read(&program, &echo("text"), &packed).await;
        assert_eq!(unpacked, TEXT.as_bytes(), "{coding}");
    }
}

#[tokio::test]
async fn lines_and_arrays_are_json() {
    let program = Program::start(&[]).await;
    let lines = String::from_utf8(read(&program, &echo("ndjson"), &[]).await).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said(&lines), TEXT);
    let array = read(&program, &echo("json"), &[]).await;
    let array: Vec<Value> = serde_json::from_slice(&array).unwrap();
    assert!(!array.is_empty());
}

#[tokio::test]
async fn bytes_are_the_bytes() {
    let program = Program::start(&[]).await;
    // All bytes, four times.
    let input = json!({"bytes_base64": ALL_BYTES, "chunk": 7, "repeat": 4});
    let body = json!({"run": "echo", "input": input, "wire": "binary"});
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(read(&program, &body, &[]).await, all.repeat(4));
}

const ALL_BYTES: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==";

#[tokio::test]
async fn other_wires_come_whole() {
    let program = Program::start(&[]).await;
    for wire in ["sse", "frames", "envelope"] {
        let bytes = read(&program, &echo(wire), &[]).await;
        let whole = String::from_utf8_lossy(&bytes);
        assert!(whole.contains("Ein"), "{wire}: {whole}");
    }
}

#[tokio::test]
async fn a_failure_is_no_whole_text() {
    let program = Program::start(&[]).await;
    let input = json!({"text": "jays and robins", "chunk": 5, "fault": "fail"});
    let fails = json!({"run": "echo", "input": input, "wire": "text"});
    let output = curl(&program, &fails, &[]).await;
    // "Transferred a partial file."
    assert_eq!(output.status.code(), Some(18));
    assert_eq!(output.stdout, b"jays ");
}

#[tokio::test]
async fn an_unknown_wire_is_refused_with_those_there_are() {
    let program = Program::start(&[]).await;
    let body = read(&program, &echo("smoke"), &["-w", "\n%{http_code}"]).await;
    let body = String::from_utf8(body).unwrap();
    assert!(body.ends_with("\n406") && body.contains("ndjson"), "{body}");
}

//! The recorder between a client and a server, and what it writes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::{Client, Response, request};
use mainstem_testkit::{
    Ending, Fixture, Framing, Recorder, Recording, Replay, Reply, ScriptedServer, Secrets,
};
use serde_json::{Value, json};

/// A file of its own for each test, gone when it is over.
struct TempFile(PathBuf);

impl TempFile {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("testkit-recording-{}-{number}.jsonl", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends a body with these headers to a base URL, and reads the answer.
async fn post(base_url: &str, target: &str, headers: &str, body: &Value) -> Response {
    let mut client = connect(base_url).await;
    let body = body.to_string();
    let length = body.len();
    let text = format!("POST {target} HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}");
    client.write(text.as_bytes()).await;
    client.response().await
}

async fn connect(base_url: &str) -> Client {
    let address = base_url.strip_prefix("http://").unwrap();
    let address = address.split('/').next().unwrap();
    Client::connect_to(address.parse().unwrap()).await
}

async fn upstream(replies: impl IntoIterator<Item = Reply>) -> ScriptedServer {
    let server = ScriptedServer::builder().any_request(true).start().await;
    let server = server.unwrap();
    replies.into_iter().for_each(|reply| server.push(reply));
    server
}

const KEY: &str = "sesame-0123456789-open";
const COOKIE: &str = "crumbs+of/cookies";
const ORGANISATION: &str = "orchard-of-ann-77";
const TOKEN: &str = "given-by-the-server";
const CUSTOMER: &str = "Ann \"the\" Owner";

/// An answer that says all the secrets, in every way.
fn indiscreet() -> Reply {
    let plain = json!({"echo": [KEY, CUSTOMER, "password: hunter2-hunter2"], "api_key": "x1", "access_token": TOKEN});
    let pieces = KEY.as_bytes().chunks(3);
    let mut reply = Reply::stream()
        .header("set-cookie", format!("session={COOKIE}; Path=/"))
        .header("openai-organization", ORGANISATION)
        .header("x-ratelimit-remaining-requests", "59")
        .data(plain.to_string())
        // `key:` and the key, and the customer, in base64.
        .content("a2V5OnNlc2FtZS0wMTIzNDU2Nzg5LW9wZW4=")
        .content("QW5uICJ0aGUiIE93bmVy")
        .content(format!("{ORGANISATION} {COOKIE} crumbs%2Bof%2Fcookies"))
        .content("another key: sk-proj-abcdefgh0123456789")
        .content(format!(" {TOKEN} is short for {CUSTOMER}, said the bird"));
    for piece in pieces {
        reply = reply.content(str::from_utf8(piece).unwrap());
    }
    reply.content("the end").finish("stop").done()
}

/// The text of a stream.
fn said(body: &str) -> String {
    let frames = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let frames = frames.filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
    let text = |frame: Value| {
        let text = &frame["choices"][0]["delta"]["content"];
        text.as_str().unwrap_or_default().to_owned()
    };
    frames.map(text).collect()
}

#[tokio::test]
async fn no_planted_secret_is_in_the_file() {
    for size in [1, 5, 1 << 20] {
        let server = upstream([indiscreet().chunk_size(size)]).await;
        let file = TempFile::new();
        let recorder = Recorder::to(server.base_url())
            .secrets(
                Secrets::new()
                    .value(CUSTOMER)
                    .value("hunter2-hunter2")
                    .field("ward"),
            )
            .start(&file.0)
            .await
            .unwrap();
        let headers = format!(
            "authorization: Bearer {KEY}\r\ncookie: session={COOKIE}; b=2\r\n\
             openai-organization: {ORGANISATION}\r\naccept: text/event-stream\r\n"
        );
        let target = format!("/v1/chat/completions?key={KEY}&sig=q7&top=3");
        let body = json!({
            "model": "m", "stream": true, "ward": "w5",
            "messages": [{"role": "user", "content": format!("{CUSTOMER} asks with {KEY}")}],
        });
        let answer = post(&recorder.base_url(), &target, &headers, &body).await;

        // The client and the server notice nothing of it.
        assert_eq!(answer.body, indiscreet().body_bytes());
        assert!(answer.header("set-cookie").unwrap().contains(COOKIE));
        let came = server.requested(0).await;
        let authorization = format!("Bearer {KEY}");
        assert_eq!(came.header("authorization"), Some(&*authorization));
        assert_eq!(
            (came.body, came.query.unwrap().len()),
            (body, target.len() - 21)
        );

        assert_eq!(recorder.finish().await.unwrap(), 1);
        let text = file.text();
        let recording = Recording::read(&file.0).unwrap();
        let body = String::from_utf8(recording.exchanges[0].response_body()).unwrap();
        for secret in [
            KEY,
            COOKIE,
            ORGANISATION,
            TOKEN,
            "the\\\\\\\" Owner",
            "the\\\" Owner",
            "hunter2",
            "x1",
            "w5",
            "=q7",
            "c2VzYW1l",
            "zZXNhbW",
            "QW5uICJ0",
            "crumbs",
            "sk-proj",
            "0123",
        ] {
            // In the file, in what is read of it, and in what a reader of the stream puts together.
            for text in [&text, &body, &said(&body)] {
                let what = format!("{secret} with chunks of {size}");
                assert!(!text.contains(secret), "{what} is in:\n{text}");
            }
        }
        for kept in ["x-ratelimit-remaining", "top=3", " asks with "] {
            assert!(text.contains(kept), "{kept} isn't in:\n{text}");
        }
        assert!(body.contains("[removed], said the bird"), "{body}");
        assert!(
            body.contains("the end") && body.ends_with("data: [DONE]\n\n"),
            "{body}"
        );
        for frame in body.lines().filter_map(|line| line.strip_prefix("data: {")) {
            let json = format!("{{{frame}");
            assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
        }
        assert_eq!(recording.exchanges[0].json()["ward"], "[removed]");
    }
}

#[tokio::test]
async fn what_was_recorded_is_replayed_with_its_borders() {
    let fixture = Fixture::named("deepseek-reasoning").unwrap();
    let server = upstream([
        fixture.reply(),
        Reply::error_status(429, "slow down").header("retry-after", "2"),
        Reply::text(["whole"]),
    ])
    .await;
    let file = TempFile::new();
    let recorder = Recorder::to(server.base_url())
        .start(&file.0)
        .await
        .unwrap();
    let (first, other) = (request(true), request(false));
    let base_url = recorder.base_url();
    assert!(base_url.ends_with("/v1"), "{base_url}");
    for body in [&first, &first, &other] {
        post(&base_url, "/v1/chat/completions", "", body).await;
    }
    assert_eq!(recorder.finish().await.unwrap(), 3);

    let recording = Recording::read(&file.0).unwrap();
    assert_eq!(recording.to_string(), file.text());
    let again = recording.exchanges[0].fixture("mine").unwrap();
    assert_eq!(again.body(), fixture.body());
    assert!(recording.exchanges[1].fixture("none").is_none());

    let replay = Replay::of(recording).start().await.unwrap();
    assert!(replay.base_url().ends_with("/v1"));
    let url = replay.base_url();
    let stream = post(&url, "/v1/chat/completions", "", &first).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.chunks.len(), fixture.reply_chunks());
    assert_eq!(stream.body, fixture.body()[..]);
    let limited = post(&url, "/v1/chat/completions", "", &first).await;
    assert_eq!(
        (limited.status(), limited.header("retry-after")),
        (429, Some("2"))
    );
    let whole = post(&url, "/v1/chat/completions", "", &other).await;
    assert_eq!(whole.json()["choices"][0]["message"]["content"], "whole");
    assert_eq!((replay.left(), replay.mismatches().len()), (0, 0));
}

trait Chunks {
    fn reply_chunks(&self) -> usize;
}

impl Chunks for Fixture {
    /// One for each event or comment.
    fn reply_chunks(&self) -> usize {
        let body = str::from_utf8(self.body()).unwrap();
        body.matches("\n\n").count()
    }
}

#[tokio::test]
async fn how_an_answer_ended_is_recorded_and_replayed() {
    let half = || Reply::stream().role().content("Half of ");
    let server = upstream([
        half().cut(),
        half().framing(Framing::ContentLength).cut(),
        half().stall(),
        Reply::status(204),
    ])
    .await;
    let file = TempFile::new();
    let recorder = Recorder::to(server.base_url())
        .start(&file.0)
        .await
        .unwrap();
    let url = recorder.base_url();
    for _ in 0..2 {
        let cut = post(&url, "/v1/chat/completions", "", &request(true)).await;
        assert!(!cut.complete && cut.text().contains("Half of "));
    }
    let mut client = connect(&url).await;
    client.send(&request(true)).await;
    client
        .until("Half of \"},\"finish_reason\":null}]}\n\n\r\n")
        .await;
    drop(client);
    server.disconnected(2).await;
    let empty = post(&url, "/v1/nothing", "", &request(true)).await;
    assert_eq!(
        (empty.status(), empty.complete, empty.body.len()),
        (204, true, 0)
    );
    assert_eq!(recorder.finish().await.unwrap(), 4);

    let recording = Recording::read(&file.0).unwrap();
    let endings: Vec<Ending> = recording.exchanges.iter().map(|one| one.ending).collect();
    assert!(endings.contains(&Ending::Left), "{endings:?}");
    assert_eq!(endings[..2], [Ending::Cut, Ending::Cut]);
    let replay = Replay::of(recording).start().await.unwrap();
    for _ in 0..2 {
        let cut = post(
            &replay.base_url(),
            "/v1/chat/completions",
            "",
            &request(true),
        )
        .await;
        assert!(!cut.complete && cut.text().contains("Half of "));
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused() {
    let file = TempFile::new();
    let nobody = {
        let server = upstream([]).await;
        server.base_url()
    };
    let recorder = Recorder::to(nobody).start(&file.0).await.unwrap();
    let url = recorder.base_url();
    let query = format!("/v1/chat/completions?key={KEY}");
    let unreachable = post(&url, &query, "", &request(true)).await;
    assert_eq!(unreachable.status(), 502);
    let why = "the server couldn't be reached: error sending request: ";
    assert!(unreachable.text().contains(why), "{}", unreachable.text());
    assert!(!unreachable.text().contains(KEY), "{}", unreachable.text());
    let elsewhere = post(&url, "/v2/chat/completions", "", &request(true)).await;
    assert!(
        elsewhere.text().contains("begin with `/v1/`"),
        "{}",
        elsewhere.text()
    );
    let error = Recorder::to(&url).start(&file.0).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(recorder.exchanges(), 0);
    assert_eq!(recorder.finish().await.unwrap(), 0);

    let compressed = Reply::text(["a"]).header("content-encoding", "gzip");
    let server = upstream([compressed]).await;
    let file = TempFile::new();
    let recorder = Recorder::to(server.base_url())
        .start(&file.0)
        .await
        .unwrap();
    let wish = "accept-encoding: gzip\r\n";
    let refused = post(&recorder.base_url(), "/v1/x", wish, &request(true)).await;
    assert!(refused.text().contains("compressed"), "{}", refused.text());
    assert_eq!(server.requested(0).await.header("accept-encoding"), None);
    assert_eq!(recorder.finish().await.unwrap(), 0);
}

#[tokio::test]
async fn the_time_of_each_chunk_is_recorded() {
    let pause = Duration::from_millis(40);
    let slow = Reply::stream().content("a").wait(pause).content("b").done();
    let server = upstream([slow.delay_head(pause)]).await;
    let file = TempFile::new();
    let recorder = Recorder::to(server.base_url())
        .start(&file.0)
        .await
        .unwrap();
    post(
        &recorder.base_url(),
        "/v1/chat/completions",
        "",
        &request(true),
    )
    .await;
    recorder.finish().await.unwrap();
    let recording = Recording::read(&file.0).unwrap();
    let exchange = &recording.exchanges[0];
    assert!(exchange.head_at >= pause, "{exchange:?}");
    let at: Vec<Duration> = exchange.chunks.iter().map(|chunk| chunk.at).collect();
    assert!(at[1] - at[0] >= pause / 2, "{exchange:?}");
    assert!(exchange.ended_at >= at[1]);
}

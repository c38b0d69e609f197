//! A recording, served again.

use std::time::{Duration, Instant};

use crate::client::{Client, Response};
use mainstem_testkit::{Matching, Recording, Replay, ReplayBuilder};
use serde_json::{Value, json};

/// Two questions, of which the second holds a secret that was taken out.
fn recording() -> Recording {
    let exchange = |question: &str, answer: &str| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": question}]});
        format!(
            "{{\"request\":\"POST /v1/chat/completions\",\"headers\":[],\"json\":{body}}}\n\
             {{\"response\":200,\"at_ms\":20,\"framing\":\"chunked\",\"headers\":[]}}\n\
             {{\"chunk\":\"{answer}\",\"at_ms\":40}}\n\
             {{\"end\":\"whole\",\"at_ms\":60}}\n"
        )
    };
    let header = "{\"recording\":1,\"base\":\"/v1\"}\n".to_owned();
    let text = header + &exchange("Why?", "Because.") + &exchange("I am [removed].", "Hello.");
    text.parse().unwrap()
}

async fn start(replay: ReplayBuilder) -> Replay {
    replay.start().await.unwrap()
}

async fn ask(replay: &Replay, target: &str, question: &str) -> Response {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": question}]});
    let body = body.to_string();
    let length = body.len();
    let mut client = Client::connect_to(replay.server().address()).await;
    let text = format!("POST {target} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
    client.write(text.as_bytes()).await;
    client.response().await
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn in_order_a_request_that_differs_is_told_how() {
    let replay = start(Replay::of(recording())).await;
    let wrong = ask(&replay, CHAT, "How?").await;
    assert_eq!(wrong.status(), 400);
    let json: Value = wrong.json();
    let message = json["error"]["message"].as_str().unwrap();
    let told = "request 0 (POST /v1/chat/completions) isn't exchange 0 of the recording, which has \
                \"Why?\" in `body.messages[0].content`, not \"How?\"";
    assert_eq!(message, format!("testkit: {told}"));
    assert_eq!(replay.mismatches(), [told]);
    assert_eq!(replay.left(), 2, "it took nothing");
    let elsewhere = ask(&replay, "/v1/other?a=1", "Why?").await.text();
    assert!(
        elsewhere.contains("the target `/v1/chat/completions`"),
        "{elsewhere}"
    );

    assert_eq!(ask(&replay, CHAT, "Why?").await.text(), "Because.");
    assert_eq!(ask(&replay, CHAT, "I am Ann.").await.text(), "Hello.");
    let more = ask(&replay, CHAT, "Why?").await.text();
    assert!(
        more.contains("after the end of the recording, which has 2"),
        "{more}"
    );
}

#[tokio::test]
async fn by_body_the_order_is_free() {
    let replay = start(Replay::of(recording()).matching(Matching::ByBody)).await;
    assert_eq!(ask(&replay, CHAT, "I am Ben.").await.text(), "Hello.");
    let unknown = ask(&replay, CHAT, "How?").await.text();
    assert!(
        unknown.contains("is none of the 1 that are left"),
        "{unknown}"
    );
    assert_eq!(ask(&replay, CHAT, "Why?").await.text(), "Because.");
    assert_eq!(replay.left(), 0);
}

#[tokio::test]
async fn with_any_body_the_order_alone_counts_and_it_may_begin_anew() {
    let builder = Replay::of(recording()).matching(Matching::AnyBody);
    let replay = start(builder.repeated(true)).await;
    for expected in ["Because.", "Hello.", "Because."] {
        assert_eq!(ask(&replay, CHAT, "whatever").await.text(), expected);
    }
    assert_eq!(ask(&replay, "/v1/models", "").await.status(), 400);
}

#[tokio::test]
async fn paced_an_answer_takes_its_time() {
    let replay = start(Replay::of(recording()).paced(true)).await;
    let begin = Instant::now();
    assert_eq!(ask(&replay, CHAT, "Why?").await.text(), "Because.");
    assert!(begin.elapsed() >= Duration::from_millis(60));
}

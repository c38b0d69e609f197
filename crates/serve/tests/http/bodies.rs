//! Bodies that are too long, too deep, too slow, or no JSON.

use std::time::Duration;

use mainstem_serve::{Limits, SessionLimits};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{Raw, Serving, json as read, refused, server, within};

fn small() -> Limits {
    Limits::default()
        .body(1000)
        .body_time(Duration::from_millis(300))
        .depth(8)
}

#[tokio::test]
async fn bodies_are_bounded() {
    let serving = Serving::start(server().limits(small())).await;
    let long = json!({"run": "shout", "input": "x".repeat(2000)});
    let deep = format!(
        r#"{{"run": "shout", "input": {}1{}}}"#,
        "[".repeat(9),
        "]".repeat(9)
    );
    for (body, refusal) in [
        (long.to_string(), (413, "body_too_long")),
        (deep, (400, "body_too_deep")),
        ("{\"run\": \"shout\"".to_owned(), (400, "body_not_json")),
        (String::new(), (400, "body_not_json")),
        ("[]".to_owned(), (400, "body_misfit")),
        (r#"{"input": "x"}"#.to_owned(), (400, "body_misfit")),
        (r#"{"run": 7}"#.to_owned(), (400, "body_misfit")),
        (
            r#"{"run": "shout", "run": "shout"}"#.to_owned(),
            (400, "body_misfit"),
        ),
        (
            r#"{"run": "shout", "imput": "x"}"#.to_owned(),
            (400, "body_misfit"),
        ),
        (r#"{"run": "nothing"}"#.to_owned(), (404, "not_served")),
        (r#"{"run": "shout", "input": 7}"#.to_owned(), (422, "input")),
    ] {
        let (status, code) = refused(serving.post("/runs", &body)).await;
        assert_eq!((status, &*code), refusal, "{body:.60}");
    }
}

#[tokio::test]
async fn what_doesnt_fit_is_named_and_never_quoted() {
    let serving = Serving::start(server()).await;
    for (body, told) in [
        (
            r#"{"run": "shout", "imput": "a secret"}"#,
            "unknown field `imput`, expected one of `run`, `input`, `wire`, `detach`, `metadata`",
        ),
        (r#"{"input": "a secret"}"#, "missing field `run`"),
        (
            r#"{"run": "shout", "detach": "a secret"}"#,
            "at `/detach`, expected a boolean",
        ),
        ("[]", "expected an object"),
        (r#" ["shout", "a secret"]"#, "expected an object"),
        (
            r#"{"run": "shout", "run": "a secret"}"#,
            "duplicate field `run`",
        ),
        (
            r#"{"run": "shout"}"#,
            "`input` is null or was left out: expected a string",
        ),
        (
            r#"{"run": "pay", "input": "a secret"}"#,
            "expected a whole number that isn't negative",
        ),
    ] {
        let answer = within(serving.post("/runs", body).send()).await.unwrap();
        assert!(matches!(answer.status().as_u16(), 400 | 422), "{body}");
        let error = &read(answer).await["error"]["message"];
        let message = error.as_str().unwrap();
        assert!(message.contains(told), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit() {
    let serving = Serving::start(server().limits(small())).await;
    let frame = json!({"run": "shout", "input": "", "wire": "json"}).to_string();
    let input = "x".repeat(1000 - frame.len());
    let body = json!({"run": "shout", "input": input, "wire": "json"}).to_string();
    assert_eq!(body.len(), 1000);
    let answer = within(serving.post("/runs", &body).send()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let (status, _) = refused(serving.post("/runs", format!("{body} "))).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_body_far_beyond_the_limit_is_refused_before_it_is_sent_whole() {
    let serving = Serving::start(server().limits(small())).await;
    for _ in 0..5 {
        let (status, code) = refused(serving.post("/runs", "x".repeat(8 << 20))).await;
        assert_eq!((status, &*code), (413, "body_too_long"));
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let serving = Serving::start(server().limits(small())).await;
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    let request = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n{}0\r\n\r\n",
        serving.address,
        chunk.repeat(3)
    );
    let answer = serving.raw(request).await;
    assert_eq!((answer.status(), &*answer.code()), (413, "body_too_long"));
}

#[tokio::test]
async fn invalid_utf8_is_told_by_its_place() {
    let serving = Serving::start(server()).await;
    let mut body = br#"{"run": "shout", "input": "a secret "#.to_vec();
    body.extend(b"\xff\"}");
    let mut request = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        serving.address,
        body.len()
    )
    .into_bytes();
    request.extend(&body);
    let answer = serving.raw(request).await;
    assert_eq!((answer.status(), &*answer.code()), (400, "body_not_utf8"));
    assert!(answer.body().contains("byte 36") && !answer.body().contains("secret"));
}

#[tokio::test]
async fn bodies_together_are_bounded_by_what_has_come_of_them() {
    let limits = Limits::default().bodies(1000);
    let serving = Serving::start(server().limits(limits)).await;
    let body = json!({"run": "shout", "input": "x".repeat(600), "wire": "json"}).to_string();
    let head = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        serving.address,
        body.len()
    );
    // What is only said to come takes no room.
    let mut silent = serving.connect().await;
    silent.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(
        serving.post("/runs", &body).send().await.unwrap().status(),
        200
    );

    let mut slow = serving.connect().await;
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body.as_bytes()[..600]).await.unwrap();
    // Once that was read.
    let refused = within(async {
        loop {
            let answer = serving.post("/runs", &body).send().await.unwrap();
            if answer.status() != 200 {
                return answer;
            }
        }
    });
    let refused = refused.await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(read(refused).await["error"]["code"], "too_many_bodies");
    // Smaller ones go on, and so does that one; then there is room again.
    let small = json!({"run": "shout", "input": "x", "wire": "json"});
    assert_eq!(
        serving.post("/runs", &small).send().await.unwrap().status(),
        200
    );
    slow.write_all(&body.as_bytes()[600..]).await.unwrap();
    assert_eq!(Raw::read(&mut slow).await.status(), 200);
    assert_eq!(
        serving.post("/runs", &body).send().await.unwrap().status(),
        200
    );
    // Who goes without having sent all takes nothing along.
    for _ in 0..3 {
        let mut gone = serving.connect().await;
        gone.write_all(head.as_bytes()).await.unwrap();
        gone.write_all(&body.as_bytes()[..600]).await.unwrap();
    }
    within(async {
        while serving.post("/runs", &body).send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_of_tiny_chunks_with_trailers_is_read() {
    let serving = Serving::start(server()).await;
    let body = json!({"run": "shout", "input": "jay", "wire": "text"}).to_string();
    let chunks: String = body
        .chars()
        .map(|it| format!("1;a=b\r\n{it}\r\n"))
        .collect();
    let request = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunks}0\r\nx-sum: 7\r\n\r\n",
        serving.address
    );
    assert_eq!(serving.raw(request).await.status(), 200);
}

#[tokio::test]
async fn a_body_that_dribbles_is_given_up() {
    let serving = Serving::start(server().limits(small())).await;
    let mut socket = serving.connect().await;
    let head = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: 500\r\n\r\n{{",
        serving.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let answer = Raw::read(&mut socket).await;
    assert_eq!((answer.status(), &*answer.code()), (408, "body_slow"));
}

#[tokio::test]
async fn a_body_that_is_cut_is_no_request() {
    let serving = Serving::start(server()).await;
    let mut socket = serving.connect().await;
    let head = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: 40\r\n\r\n{{\"run\": \"endless\"}}",
        serving.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let answer = Raw::read(&mut socket).await;
    assert!(matches!(answer.status(), 0 | 400), "{answer:?}");
}

#[tokio::test]
async fn a_response_that_gets_too_long_is_cut() {
    let serving = Serving::start(server().limits(small().output(2000))).await;
    let words = "word ".repeat(100);
    let body = json!({"run": "say", "input": words, "wire": "ndjson"});
    // The cut may come before the head has left.
    if let Ok(answer) = within(serving.post("/runs", &body).send()).await {
        assert_eq!(answer.status(), 200);
        assert!(within(answer.bytes()).await.is_err());
    }
    let short = json!({"run": "say", "input": "word", "wire": "text"});
    let answer = within(serving.post("/runs", &short).send()).await.unwrap();
    assert_eq!(within(answer.text()).await.unwrap(), "word");
}

#[tokio::test]
async fn runs_are_bounded() {
    let few = SessionLimits::new().runs(3).runs_per_owner(2);
    let serving = Serving::start(server().sessions(|sessions| sessions.limits(few))).await;
    for _ in 0..2 {
        serving.detached("endless", "x".into()).await;
    }
    let body = json!({"run": "endless", "input": "x", "detach": true});
    let answer = within(serving.post("/runs", &body).send()).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");

    let one = SessionLimits::new().runs(1);
    let serving = Serving::start(server().sessions(|sessions| sessions.limits(one))).await;
    let id = serving.detached("endless", "x".into()).await;
    let (status, code) = refused(serving.post("/runs", &body)).await;
    assert_eq!((status, &*code), (503, "too_many_runs"));
    // One that is cancelled makes room.
    within(serving.delete(&format!("/runs/{id}")).send())
        .await
        .unwrap();
    serving.detached("endless", "x".into()).await;
}

#[tokio::test]
async fn requests_are_bounded() {
    let serving = Serving::start(server().limits(Limits::default().requests(1))).await;
    let body = json!({"run": "endless", "input": "x", "wire": "ndjson"});
    let mut first = within(serving.post("/runs", &body).send()).await.unwrap();
    first.chunk().await.unwrap();
    let answer = within(serving.get("/health").send()).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    drop(first);
    within(async {
        while serving.get("/health").send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

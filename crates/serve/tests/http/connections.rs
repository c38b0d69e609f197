//! Connections that are slow, idle or too many, and the end of the server.

use std::time::Duration;

use mainstem_serve::{Limits, Right};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::support::{Raw, Serving, json, refused, server, within};

/// How long a connection lives after what was sent on it.
async fn lives(serving: &Serving, sent: &str) -> (Duration, Raw) {
    let mut socket = serving.connect().await;
    let began = Instant::now();
    socket.write_all(sent.as_bytes()).await.unwrap();
    let answer = Raw::read(&mut socket).await;
    (began.elapsed(), answer)
}

#[tokio::test]
async fn heads_and_idleness_have_limits_of_their_own() {
    let limits = Limits::default()
        .header_time(Duration::from_millis(200))
        .idle(Duration::from_millis(2000));
    let serving = Serving::start(server().limits(limits)).await;
    let host = format!("host: {}\r\n", serving.address);
    let (head, answer) = lives(&serving, &format!("GET /health HTTP/1.1\r\n{host}x-slow: ")).await;
    assert_eq!(answer.status(), 0);
    assert!((150..1900).contains(&head.as_millis()), "{head:?}");
    let (silent, _) = lives(&serving, "").await;
    assert!(silent.as_millis() > 1900, "{silent:?}");
    let (idle, answer) = lives(&serving, &format!("GET /health HTTP/1.1\r\n{host}\r\n")).await;
    assert_eq!(answer.status(), 200);
    assert!(idle.as_millis() > 1900, "{idle:?}");
    // A stream is no idleness.
    let body = json!({"run": "endless", "input": "x", "wire": "ndjson"});
    let mut answer = within(serving.post("/runs", &body).send()).await.unwrap();
    while !String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()).contains("so far") {}
    let more = tokio::time::timeout(Duration::from_millis(4500), answer.chunk()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let limits = Limits::default().stall(Duration::from_millis(300));
    let serving = Serving::start(server().limits(limits).allow(Right::List)).await;
    let words = "word ".repeat(150_000);
    let body = json!({"run": "say", "input": words, "wire": "ndjson"}).to_string();
    let mut socket = serving.connect().await;
    let head = format!(
        "POST /runs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        serving.address,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    // Its reader is gone with the connection.
    within(async {
        loop {
            let list = json(serving.get("/runs").send().await.unwrap()).await;
            match list["runs"][0]["status"].as_str() {
                None | Some("running") => tokio::time::sleep(Duration::from_millis(20)).await,
                Some(status) => break assert_eq!(status, "cancelled"),
            }
        }
    })
    .await;
    let mut rest = Vec::new();
    let _ = within(socket.read_to_end(&mut rest)).await;
    let text = String::from_utf8_lossy(&rest);
    assert!(text.contains("run_started") && !text.contains("run_finished"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let serving = Serving::start(server().limits(Limits::default().connections(1))).await;
    let request = format!(
        "GET /health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        serving.address
    );
    let first = serving.connect().await;
    let waits = serving.raw(&request);
    tokio::pin!(waits);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waits).await;
    assert!(early.is_err());
    drop(first);
    assert_eq!(waits.await.status(), 200);
}

#[tokio::test]
async fn a_shutdown_lets_runs_end_and_starts_none() {
    let mut serving = Serving::start(server()).await;
    let id = serving.detached("pay", 7.into()).await;
    let body = json!({"run": "shout", "input": "x", "wire": "json"});
    assert_eq!(
        serving.post("/runs", &body).send().await.unwrap().status(),
        200
    );
    assert_eq!(
        json(serving.get(&format!("/runs/{id}")).send().await.unwrap()).await["name"],
        "pay"
    );
    serving.say_shutdown();
    within(async {
        // It stops listening; what is still open is told.
        while let Ok(answer) = serving.post("/runs", &body).send().await {
            assert!(matches!(answer.status().as_u16(), 200 | 503));
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_cancels_what_doesnt_end_and_its_reader_is_told() {
    let limits = Limits::default().shutdown(Duration::from_millis(300));
    let serving = Serving::start(server().limits(limits)).await;
    let body = json!({"run": "endless", "input": "x", "wire": "ndjson"});
    let answer = within(serving.post("/runs", &body).send()).await.unwrap();
    let reading = tokio::spawn(answer.text());
    let began = Instant::now();
    serving.shut_down().await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    let text = within(reading).await.unwrap().unwrap();
    let last = text.lines().last().unwrap();
    assert!(
        last.contains("run_cancelled") && last.contains("shutdown"),
        "{last}"
    );
}

#[tokio::test]
async fn http2_is_spoken_without_tls() {
    let serving = Serving::start(server()).await;
    let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    let client = builder.http2_prior_knowledge().build().unwrap();
    let answer = within(client.get(serving.url("/health")).send())
        .await
        .unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let start = client
        .post(serving.url("/runs"))
        .header("content-type", "application/json")
        .body(json!({"run": "shout", "input": "jay", "wire": "text"}).to_string());
    let answer = within(start.send()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let evil = client
        .get(serving.url("/health"))
        .header("host", "evil.example");
    assert!(matches!(refused(evil).await.0, 400 | 403));
}

//! Requests that are odd, and not wrong enough to be cut: each has an answer that says what to do.

use std::{sync::Arc, time::Duration};

use mainstem::Json;
use mainstem_core::MemoryStore;
use mainstem_serve::{Served, Sessions, StartOptions};
use reqwest::header::HeaderMap;
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::{
    support::{Serving, hang, json as read, refused, server, within},
    ws::Client,
};

#[tokio::test]
async fn a_path_that_names_no_run_is_refused_as_others_are() {
    let serving = Serving::start(server()).await;
    for id in ["%ff", "%00", "abc%zz", "..%2fruns", "%E2%80%AE"] {
        for more in ["", "/events", "/output", "/progress"] {
            let refusal = refused(serving.get(&format!("/runs/{id}{more}"))).await;
            assert_eq!(refusal, (404, "run_not_found".into()), "{id}{more}");
        }
    }
    let input = serving.post("/runs/%ff/input", json!({"answers": []}));
    assert_eq!(refused(input).await, (404, "run_not_found".into()));
    let cancel = serving.delete("/runs/%ff");
    assert_eq!(refused(cancel).await, (404, "run_not_found".into()));
    for path in ["/runs/", "/runs/x/events/"] {
        let answer = within(serving.get(path).send()).await.unwrap();
        assert_eq!(answer.status(), 404);
        let told = read(answer).await["error"]["message"].clone();
        assert!(told.as_str().unwrap().contains("no slash"), "{path} {told}");
    }
}

#[tokio::test]
async fn a_body_that_is_compressed_or_empty_is_told_so() {
    let serving = Serving::start(server()).await;
    let body = json!({"run": "shout", "input": "jay", "wire": "json"});
    for (encoding, status) in [
        ("gzip", 415),
        ("br", 415),
        ("identity", 200),
        ("Identity", 200),
    ] {
        let post = serving
            .post("/runs", &body)
            .header("content-encoding", encoding);
        let answer = within(post.send()).await.unwrap();
        assert_eq!(answer.status(), status, "{encoding}");
        if status == 415 {
            assert_eq!(answer.headers()["accept-encoding"], "identity");
            assert_eq!(read(answer).await["error"]["code"], "body_encoded");
        }
    }
    let answer = within(serving.post("/runs", " \n").send()).await.unwrap();
    let error = read(answer).await["error"].clone();
    assert_eq!(error["code"], "body_not_json");
    assert!(
        error["message"].as_str().unwrap().contains("is empty"),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_reader_says_of_itself_says_one_thing() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("say", "a b".into()).await;
    let events = format!("/runs/{id}/events");
    let all = within(serving.get(&events).send()).await.unwrap();
    within(all.text()).await.unwrap();
    let mut twice = HeaderMap::new();
    twice.append("last-event-id", "1-2".parse().unwrap());
    twice.append("last-event-id", "1-3".parse().unwrap());
    let refusal = refused(serving.get(&events).headers(twice)).await;
    assert_eq!(refusal, (400, "no_place".into()));
    for accept in ["*/*;q=0", "text/event-stream;q=0"] {
        let refusal = refused(serving.get(&events).header("accept", accept)).await;
        assert_eq!(refusal, (406, "no_such_wire".into()), "{accept}");
    }
    for (accept, kind) in [
        ("text/event-stream;q=0", "application/json"),
        (
            "application/json, TEXT/event-stream;q=0.1",
            "text/event-stream",
        ),
        ("text/*", "application/json"),
    ] {
        let progress = serving.get(&format!("/runs/{id}/progress"));
        let answer = within(progress.header("accept", accept).send())
            .await
            .unwrap();
        assert_eq!(answer.headers()["content-type"], kind, "{accept}");
    }
}

#[tokio::test]
async fn who_asks_for_the_head_alone_comes_back_to_no_run() {
    // A run that its process left waits a minute for its reader, and then ends with it.
    let store = Arc::new(MemoryStore::new());
    let before = Sessions::builder()
        .store(store.clone())
        .served(Served::new::<String, _>(hang()))
        .build()
        .unwrap();
    let (input, options) = (Json::new("x").unwrap(), StartOptions::new());
    let run = before.start("hang", input, options).await.unwrap();
    assert_eq!(before.shutdown_and_leave(Duration::ZERO).await, 1);
    let next = server().store(store).resume_interrupted(Duration::ZERO);
    let serving = Serving::start(next).await;
    let path = format!("/runs/{}", run.id());
    let status = async || {
        let state = serving.get(&path).send();
        read(within(state).await.unwrap()).await["status"].clone()
    };

    let events = format!("{path}/events?after=1-1");
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    let head = client.build().unwrap().head(serving.url(&events)).send();
    let answer = within(head).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    for _ in 0..20 {
        assert_eq!(status().await, "running");
    }
    // Who reads comes back, and goes.
    let mut reading = within(serving.get(&events).send()).await.unwrap();
    within(reading.chunk()).await.unwrap().unwrap();
    drop(reading);
    within(async {
        while status().await != "cancelled" {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_socket_that_there_isn_t_is_refused_with_those_there_are() {
    let serving = Serving::start(server()).await;
    for (protocols, taken) in [
        ("graphql-ws", None),
        ("graphql-ws, mainstem.v2", None),
        ("graphql-ws, mainstem.v1", Some("mainstem.v1")),
    ] {
        let headers = [("sec-websocket-protocol", protocols)];
        match (Client::try_connect(&serving, "/ws", &headers).await, taken) {
            (Ok(_), Some(_)) => {}
            (Err(Error::Http(answer)), None) => {
                assert_eq!(answer.status(), 400);
                let body = answer.body().clone().unwrap_or_default();
                let body = String::from_utf8(body).unwrap();
                assert!(body.contains("no_such_protocol"), "{body}");
                assert!(body.contains("`mainstem.v1`"), "{body}");
            }
            (other, _) => panic!("{protocols}: {:?}", other.err()),
        }
    }
    let old = serving.raw(format!(
        "GET /ws HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\
         sec-websocket-version: 8\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        serving.address
    ));
    let answer = old.await;
    assert_eq!((answer.status(), &*answer.code()), (426, "no_upgrade"));
    assert!(
        answer.0.contains("sec-websocket-version: 13\r\n"),
        "{}",
        answer.0
    );
}

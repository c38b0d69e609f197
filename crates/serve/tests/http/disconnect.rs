//! A client that goes away: its run ends, and so does the model's answer.

use std::time::Duration;

use mainstem::{Agent, models::ChatCompletions};
use mainstem_serve::{Right, Server};
use mainstem_testkit::{Reply, ScriptedServer};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{Serving, json, server, within};

fn agent(model: &ScriptedServer) -> Agent {
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    let model = ChatCompletions::builder("m")
        .base_url(model.base_url())
        .client(client.build().unwrap());
    Agent::builder(model.build().unwrap())
        .name("assistant")
        .build()
        .unwrap()
}

async fn state(serving: &Serving, id: &str) -> serde_json::Value {
    json(serving.get(&format!("/runs/{id}")).send().await.unwrap()).await
}

#[tokio::test]
async fn a_reader_that_goes_takes_its_run_and_the_models_answer_along_within_a_second() {
    let model = ScriptedServer::start().await.unwrap();
    model.push(Reply::stream().role().content("Half of the ").stall());
    let serving = Serving::start(Server::new().agent(agent(&model)).allow(Right::List)).await;
    for wire in ["sse", "text"] {
        if wire == "text" {
            model.push(Reply::stream().role().content("Half of the ").stall());
        }
        let body = json!({"run": "assistant", "input": "Why?", "wire": wire});
        let mut answer = within(serving.post("/runs", &body).send()).await.unwrap();
        let id = answer.headers()["mainstem-run"]
            .to_str()
            .unwrap()
            .to_owned();
        let mut seen = String::new();
        while !seen.contains("Half of the ") {
            let chunk = within(answer.chunk()).await.unwrap().unwrap();
            seen += std::str::from_utf8(&chunk).unwrap();
        }
        let request = model.requests().len() - 1;
        let gone = Instant::now();
        drop(answer);
        within(model.disconnected(request)).await;
        let socket = gone.elapsed();
        within(async {
            while state(&serving, &id).await["status"] != "cancelled" {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let progress = serving.get(&format!("/runs/{id}/progress")).send();
        let progress = json(within(progress).await.unwrap()).await;
        assert_eq!(progress["nodes"][0]["state"], "cancelled", "{progress}");
        let run = gone.elapsed();
        assert!(
            socket < Duration::from_secs(1),
            "{wire}: the model's socket took {socket:?}"
        );
        assert!(run < Duration::from_secs(1), "{wire}: the run took {run:?}");
        let log = serving
            .get(&format!("/runs/{id}/events?wire=ndjson"))
            .send();
        let log = within(log).await.unwrap().text().await.unwrap();
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!(last["type"], "run_cancelled");
        assert_eq!(last["data"]["by"], "disconnect");
        assert_eq!(last["data"]["partial"]["text"], "Half of the ");
    }
}

#[tokio::test]
async fn a_detached_run_needs_no_reader() {
    let model = ScriptedServer::start().await.unwrap();
    let gate = mainstem_testkit::Gate::new();
    model.push(
        Reply::stream()
            .role()
            .content("Half")
            .gate(&gate)
            .content(" and half")
            .finish("stop")
            .done(),
    );
    let serving = Serving::start(Server::new().agent(agent(&model))).await;
    let id = serving.detached("assistant", "Why?".into()).await;
    let events = format!("/runs/{id}/events");
    let mut reader = within(serving.get(&events).send()).await.unwrap();
    reader.chunk().await.unwrap();
    drop(reader);
    gate.open();
    let log = within(serving.get(&events).send()).await.unwrap();
    let log = within(log.text()).await.unwrap();
    assert!(log.contains("run_finished"), "{log}");
    let output = within(serving.get(&format!("/runs/{id}/output")).send())
        .await
        .unwrap();
    assert_eq!(json(output).await, "Half and half");
}

/// The newest run, once there is one.
async fn newest(serving: &Serving) -> serde_json::Value {
    loop {
        let list = within(serving.get("/runs?limit=1").send()).await.unwrap();
        let mut list = json(list).await;
        match list["runs"][0].take() {
            serde_json::Value::Null => tokio::task::yield_now().await,
            run => return run,
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_before_the_first_byte_takes_its_run_along() {
    for wire in ["binary", "text"] {
        let serving = Serving::start(server().allow(Right::List)).await;
        let body = json!({"run": "hang", "input": "x", "wire": wire});
        let request = serving.post("/runs", &body).send();
        let asking = tokio::spawn(request);
        while newest(&serving).await["status"] != "running" {}
        let gone = Instant::now();
        asking.abort();
        drop(asking);
        while newest(&serving).await["status"] != "cancelled" {
            assert!(gone.elapsed() < Duration::from_secs(1), "{wire}");
        }
    }
}

#[tokio::test]
async fn a_stream_of_http2_that_is_reset_takes_its_run_along() {
    let serving = Serving::start(server().allow(Right::List)).await;
    let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    let client = builder.http2_prior_knowledge().build().unwrap();
    let start = client
        .post(serving.url("/runs"))
        .header("content-type", "application/json")
        .body(json!({"run": "endless", "input": "x", "wire": "ndjson"}).to_string());
    let mut answer = within(start.send()).await.unwrap();
    within(answer.chunk()).await.unwrap();
    assert_eq!(newest(&serving).await["status"], "running");
    let gone = Instant::now();
    drop(answer);
    while newest(&serving).await["status"] != "cancelled" {
        assert!(gone.elapsed() < Duration::from_secs(1));
    }
    // The connection goes on.
    let health = client.get(serving.url("/health")).send();
    assert_eq!(within(health).await.unwrap().status(), 200);
}

//! Readers over HTTP: of another server, of bytes, compressed, and those that come back.

use std::time::Duration;

use mainstem::{Flow, RunContext, SqliteStore, StepResult};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Serving, json, server, within};

/// Reads NDJSON until an event of this type.
async fn until(answer: &mut Response, kind: &str) -> Value {
    let mut text = String::new();
    loop {
        let chunk = within(answer.chunk()).await.unwrap().unwrap();
        text += std::str::from_utf8(&chunk).unwrap();
        let (whole, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
        for line in whole.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            if event["type"] == kind {
                return event;
            }
        }
        text = rest.to_owned();
    }
}

async fn status(serving: &Serving, id: &str) -> Value {
    let state = serving.get(&format!("/runs/{id}")).send();
    json(within(state).await.unwrap()).await["status"].clone()
}

#[tokio::test]
async fn two_servers_share_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let one = Serving::start(server().store(SqliteStore::open(&file).await.unwrap())).await;
    let two = Serving::start(server().store(SqliteStore::open(&file).await.unwrap())).await;
    // One runs it, the other one is read: what was, and what comes.
    let id = one.detached("endless", "x".into()).await;
    let path = format!("/runs/{id}/events?wire=ndjson");
    let mut there = within(two.get(&path).send()).await.unwrap();
    let delta = until(&mut there, "text_delta").await;
    let place = delta["place"].as_str().unwrap();
    let mut here = within(one.get(&format!("{path}&after={place}")).send())
        .await
        .unwrap();
    within(one.delete(&format!("/runs/{id}")).send())
        .await
        .unwrap();
    let ends = (
        until(&mut here, "run_cancelled").await,
        until(&mut there, "run_cancelled").await,
    );
    assert_eq!(ends.0, ends.1);
    // A question that one asked is answered on the other.
    let id = one.detached("pay", 7.into()).await;
    within(one.get(&format!("/runs/{id}/events")).send())
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let yes = json!({"answers": [{"id": "approve", "value": true}], "wire": "ndjson"});
    let mut rest = within(two.post(&format!("/runs/{id}/input"), yes).send())
        .await
        .unwrap();
    assert_eq!(
        until(&mut rest, "run_finished").await["data"]["output"],
        "paid 7 €"
    );
    let output = within(one.get(&format!("/runs/{id}/output")).send())
        .await
        .unwrap();
    assert_eq!(json(output).await, "paid 7 €");
}

#[tokio::test]
async fn a_reader_that_comes_back_in_time_keeps_its_run() {
    let linger = Duration::from_secs(2);
    let patient = server().sessions(|sessions| sessions.linger(linger));
    let serving = Serving::start(patient).await;
    let body = json!({"run": "endless", "input": "x", "wire": "ndjson"});
    let mut first = within(serving.post("/runs", &body).send()).await.unwrap();
    let id = first.headers()["mainstem-run"].to_str().unwrap().to_owned();
    let delta = until(&mut first, "text_delta").await;
    drop(first);
    let after = format!(
        "/runs/{id}/events?wire=ndjson&after={}",
        delta["place"].as_str().unwrap()
    );
    let again = within(serving.get(&after).send()).await.unwrap();
    tokio::time::sleep(linger * 2).await;
    assert_eq!(status(&serving, &id).await, "running");
    // Who looks in from the beginning doesn't keep it.
    let mut guest = within(
        serving
            .get(&format!("/runs/{id}/events?wire=ndjson"))
            .send(),
    )
    .await
    .unwrap();
    drop(again);
    assert_eq!(
        until(&mut guest, "run_cancelled").await["data"]["by"],
        "disconnect"
    );
}

#[tokio::test]
async fn bytes_are_called_what_they_are() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    async fn draw(ctx: RunContext, _: String) -> StepResult<String> {
        ctx.emit(mainstem::Bytes::new(PNG.into())).await;
        Ok("drawn".to_owned())
    }
    let serving = Serving::start(server().flow(Flow::new("draw").step("pen", draw))).await;
    let body = json!({"run": "draw", "input": "x", "wire": "binary"});
    let answer = within(serving.post("/runs", &body).send()).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(within(answer.bytes()).await.unwrap(), PNG);
}

#[cfg(feature = "compression")]
#[tokio::test]
async fn answers_are_compressed_as_their_client_asks() {
    let serving = Serving::start(server()).await;
    let body = json!({"run": "say", "input": "word ".repeat(100), "wire": "text"});
    for (asked, given) in [
        ("gzip", Some("gzip")),
        ("br;q=0.5, zstd", Some("zstd")),
        ("identity", None),
        ("x-odd", None),
    ] {
        let request = serving
            .post("/runs", &body)
            .header("accept-encoding", asked);
        let answer = within(request.send()).await.unwrap();
        let encoding = answer.headers().get("content-encoding").cloned();
        assert_eq!(
            encoding.as_ref().map(|it| it.to_str().unwrap()),
            given,
            "{asked}"
        );
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        let bytes = within(answer.bytes()).await.unwrap();
        assert_eq!(
            bytes.len() < 300,
            given.is_some(),
            "{asked}: {} bytes",
            bytes.len()
        );
    }
}

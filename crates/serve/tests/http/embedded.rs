//! The router in a server of the application's own.

use std::sync::Arc;

use mainstem::Json;
use mainstem_core::MemoryStore;
use mainstem_serve::{
    Served, Sessions, StartOptions,
    wire::ws::{CHUNKS_SUBPROTOCOL, SUBPROTOCOL},
};
use serde_json::json;

use crate::{
    support::{Serving, hang, server, within},
    ws::Client,
};

#[tokio::test]
async fn at_its_end_sockets_and_readers_are_told() {
    let store = Arc::new(MemoryStore::new());
    let elsewhere = Sessions::builder()
        .store(store.clone())
        .served(Served::new::<String, _>(hang()))
        .build()
        .unwrap();
    let input = Json::new("x").unwrap();
    let options = StartOptions::new().detached();
    let foreign = elsewhere.start("hang", input, options).await.unwrap();

    let serving = Serving::embedded(server().store(store), true);
    let v1 = [("protocol", SUBPROTOCOL)];
    let chunks = [("protocol", CHUNKS_SUBPROTOCOL)];
    let mut idle = Client::connect(&serving, "/ws", &v1).await;
    let mut idle_chunks = Client::connect(&serving, "/ws?run=say", &chunks).await;
    let mut busy = Client::connect(&serving, "/ws", &v1).await;
    busy.say(json!({"type": "start", "name": "hang", "input": "x"}))
        .await;
    assert_eq!(busy.hear().await.unwrap()["type"], "started");
    let mut far = Client::connect(&serving, "/ws", &v1).await;
    far.say(json!({"type": "resume", "run": foreign.id()}))
        .await;
    assert_eq!(far.hear().await.unwrap()["type"], "started");
    let events = serving.get(&format!("/runs/{}/events?wire=ndjson", foreign.id()));
    let mut events = within(events.send()).await.unwrap();
    let mut read = within(events.chunk()).await.unwrap().unwrap().to_vec();

    let reading = async {
        while let Ok(Some(more)) = within(events.chunk()).await {
            read.extend_from_slice(&more);
        }
        String::from_utf8(read).unwrap()
    };
    let (_, idle, idle_chunks, busy, far, read) = tokio::join!(
        serving.shut_down(),
        idle.closed(),
        idle_chunks.closed(),
        busy.closed(),
        far.closed(),
        reading
    );
    assert_eq!((idle, idle_chunks, busy, far), (1001, 1001, 4002, 1001));
    let last = read.lines().last().unwrap();
    assert!(
        last.contains(r#""type":"broken""#) && last.contains("shutting_down"),
        "{last}"
    );
    // Where it is at home, it goes on.
    assert!(foreign.is_under_way());
}

//! A run over a WebSocket, with its reader's pace: `-- 127.0.0.1:8765` serves `GET /ws`, without it asks itself.
use std::time::Duration;

use anyhow::Context as _;
use futures::{SinkExt, StreamExt};
use mainstem::{Custom, Json, prelude::*, serve::Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{ClientRequestBuilder, Message},
};

async fn count(ctx: RunContext, to: u64) -> StepResult<u64> {
    for id in 0..to {
        let item = json!({"id": id, "message": format!("WebSocket message {id}")});
        ctx.emit(Custom::new("item", Json::new(&item)?)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(to)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flow = Flow::<u64>::new("items").step("count", count);
    let server = Server::new().flow(flow);
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let url = format!("ws://{}/ws", listener.local_addr()?);
    println!("{url}");
    let serving = server.serve(listener, std::future::pending());
    if address.is_some() {
        return Ok(serving.await?);
    }
    tokio::spawn(serving);

    let request = ClientRequestBuilder::new(url.parse()?).with_sub_protocol("mainstem.v1");
    let (mut socket, _) = connect_async(request).await?;
    // No more than four events are on their way that weren't acknowledged.
    let start = json!({"type": "start", "name": "items", "input": 20, "window": 4});
    socket.send(Message::text(start.to_string())).await?;
    while let Some(message) = socket.next().await {
        let text = match message? {
            Message::Text(text) => text,
            Message::Close(close) => {
                println!("closed with {}", close.context("without a code")?.code);
                break;
            }
            _ => continue,
        };
        println!("{text}");
        let message: Value = serde_json::from_str(&text)?;
        if let Some(seq) = message["seq"].as_u64() {
            let ack = json!({"type": "ack", "seq": seq});
            socket.send(Message::text(ack.to_string())).await?;
        }
    }
    Ok(())
}

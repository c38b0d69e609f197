//! Chunks over a WebSocket, then `[COMPLETE]`: `-- 127.0.0.1:8765` serves, without it asks itself.
use axum::{
    Router,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    routing::get,
};
use futures::{SinkExt, StreamExt};
use mainstem::prelude::*;
use tokio::net::TcpListener;
use tokio_tungstenite::{connect_async, tungstenite::Message as Frame};

async fn chat(agent: Agent, mut socket: WebSocket) -> anyhow::Result<()> {
    let ctx = Context::new();
    while let Some(Ok(Message::Text(question))) = socket.recv().await {
        let mut run = agent.run(question.as_str()).context(&ctx).stream();
        // A client that leaves makes `send` fail: the run is dropped, and the model stops.
        loop {
            match run.next_text().await {
                Ok(Some(chunk)) => socket.send(Message::text(chunk.as_str())).await?,
                Ok(None) => break socket.send(Message::text("[COMPLETE]")).await?,
                Err(error) => {
                    break socket
                        .send(Message::text(format!("[ERROR] {error}")))
                        .await?;
                }
            }
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let upgrade = |State(agent): State<Agent>, upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(async |socket| {
            if let Err(error) = chat(agent, socket).await {
                eprintln!("the client left: {error}");
            }
        })
    };
    let app = Router::new().route("/chat", get(upgrade)).with_state(agent);

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let url = format!("ws://{}/chat", listener.local_addr()?);
    let server = axum::serve(listener, app);
    if address.is_some() {
        println!("{url}");
        return Ok(server.await?);
    }
    tokio::spawn(server.into_future());

    let (mut socket, _) = connect_async(url).await?;
    socket.send(Frame::text("How do I stop a run?")).await?;
    while let Some(frame) = socket.next().await {
        let text = frame?.into_text()?;
        println!("{:?}", text.as_str());
        if text == "[COMPLETE]" {
            break;
        }
    }
    Ok(socket.close(None).await?)
}

//! Chunks as server-sent events: `-- 127.0.0.1:8000` serves `POST /stream`, without it asks itself.
use axum::{Json, Router, body::Body, extract::State, http::header, response::IntoResponse};
use axum::{response::Response, routing::post};
use futures::{StreamExt, future, stream};
use mainstem::{models::reqwest, prelude::*};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Request {
    message: String,
}

async fn answer(State(agent): State<Agent>, Json(request): Json<Request>) -> Response {
    // The body owns the run: a client that leaves drops it, and the model stops.
    let chunks = agent.run_streamed(request.message).text();
    let frames = chunks.map(|chunk| match chunk {
        Ok(chunk) => json!({ "chunk": chunk }),
        Err(error) => json!({ "error": error.to_string() }),
    });
    let end = stream::once(future::ready(json!({ "complete": true })));
    let frames = frames.chain(end).scan(false, |failed, frame| {
        // After an error nothing follows, no `complete` either.
        let over = std::mem::replace(failed, *failed || frame.get("error").is_some());
        future::ready((!over).then_some(frame))
    });
    let body = frames.map(|frame| Ok::<_, std::convert::Infallible>(format!("data: {frame}\n\n")));
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(body),
    )
        .into_response()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let app = Router::new()
        .route("/stream", post(answer))
        .with_state(agent);

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let url = format!("http://{}/stream", listener.local_addr()?);
    let server = axum::serve(listener, app);
    if address.is_some() {
        println!("{url}");
        return Ok(server.await?);
    }
    tokio::spawn(server.into_future());

    let request = reqwest::Client::builder().no_proxy().build()?.post(url);
    let body = json!({ "message": "How do I stop a run?" }).to_string();
    let request = request
        .header("content-type", "application/json")
        .body(body);
    let mut bytes = request.send().await?.error_for_status()?.bytes_stream();
    while let Some(piece) = bytes.next().await {
        print!("{}", String::from_utf8_lossy(&piece?));
    }
    Ok(())
}

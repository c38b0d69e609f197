//! The examples are in the files beside this one: `cargo run -p mainstem-examples --example hello`.
//!
//! Here is what those share that serve.

use axum::Router;
use futures::StreamExt;
use mainstem::models::reqwest::{Client, Request};
use serde_json::Value;
use tokio::net::TcpListener;

/// Serves on the address that the program was given; without one on a free port, to get a path of itself,
/// print the answer as it comes, and end.
pub async fn serve_and_get(app: Router, path: &str) -> anyhow::Result<()> {
    serve(app, path, |client, url| client.get(url).build()).await
}

/// As [`serve_and_get`], with a `POST` of JSON.
pub async fn serve_and_post(app: Router, path: &str, body: &Value) -> anyhow::Result<()> {
    serve(app, path, |client, url| {
        let request = client.post(url).header("content-type", "application/json");
        request.body(body.to_string()).build()
    })
    .await
}

async fn serve<E: std::error::Error + Send + Sync + 'static>(
    app: Router,
    path: &str,
    request: impl FnOnce(&Client, &str) -> Result<Request, E>,
) -> anyhow::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let url = format!("http://{}{path}", listener.local_addr()?);
    println!("{url}");
    let server = axum::serve(listener, app);
    if address.is_some() {
        return Ok(server.await?);
    }
    tokio::spawn(server.into_future());

    let client = Client::builder().no_proxy().build()?;
    let answer = client.execute(request(&client, &url)?).await?;
    let mut answer = answer.error_for_status()?.bytes_stream();
    while let Some(piece) = answer.next().await {
        print!("{}", String::from_utf8_lossy(&piece?));
    }
    Ok(())
}

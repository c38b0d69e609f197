//! The request of the readers that don't use Mainstem.

use anyhow::Result;
use reqwest::{Client, Response, header::CONTENT_TYPE};
use serde_json::json;

use crate::script::Script;

/// A client and a body made in advance.
#[derive(Clone)]
pub(crate) struct Request {
    client: Client,
    url: String,
    body: bytes::Bytes,
}

impl Request {
    pub(crate) fn new(url: &str, script: Script) -> Result<Self> {
        let body = json!({
            "model": script.to_string(),
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
            "stream": true,
        });
        Ok(Self {
            client: Client::builder().build()?,
            url: format!("{url}/chat/completions"),
            body: body.to_string().into(),
        })
    }

    pub(crate) async fn send(&self) -> Result<Response> {
        let request = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .body(self.body.clone());
        Ok(request.send().await?.error_for_status()?)
    }
}

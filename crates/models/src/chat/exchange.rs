//! One request, and the body that answers it.

use std::{sync::Arc, time::Duration};

use async_stream::try_stream;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use mainstem_core::{Error, ErrorKind, ModelEvent, ModelRequest, Result};
use reqwest::{
    Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::Instant;

use super::{
    Parts,
    reader::Reader,
    request::{Body, body},
};
use crate::{key::Key, sse::SseReader, upstream::Fault};

/// The longest body that is read as a whole, in bytes: an answer, or the text of a failure.
const MAX_BODY_BYTES: usize = 64 << 20;
const MAX_FAULT_BYTES: usize = 64 << 10;
/// How long to wait for the text of a failure.
const FAULT_WAIT: Duration = Duration::from_secs(5);

/// Sends a request and reads the answer, from the socket to the reader without a queue between.
pub(super) fn exchange(
    model: Arc<Parts>,
    request: ModelRequest,
) -> impl Stream<Item = Result<ModelEvent>> + Send {
    try_stream! {
        // Boxed: what sending needs isn't kept while the answer streams.
        let (response, mut reader) = Box::pin(begin(&model, request)).await?;
        yield ModelEvent::Started { request_id: request_id(response.headers()) };

        if is_json(response.headers()) {
            let json = whole(&model, response).await?;
            reader.read_json(&json)?;
            reader.end(None)?;
        } else {
            let mut sse = SseReader::default();
            let mut chunks = response.bytes_stream();
            let mut deadline = None;
            let broken = loop {
                match next(&mut chunks, &reader, &mut deadline).await {
                    Some(Ok(chunk)) => sse.push(chunk),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
                while let Some(frame) = sse.next_frame()? {
                    reader.read(&frame)?;
                    while let Some(event) = reader.events.pop_front() {
                        yield event;
                    }
                }
            };
            if broken.is_none() && let Some(frame) = sse.last_frame() {
                reader.read_last(&frame)?;
            }
            reader.end(broken)?;
        }
        while let Some(event) = reader.events.pop_front() {
            yield event;
        }
    }
}

/// Sends a request; gives the answer's beginning, and what reads it.
async fn begin(model: &Parts, request: ModelRequest) -> Result<(Response, Reader)> {
    let body = body(model, &request)?;
    let key = model.key.get().await?;
    let reader = Reader::new(&model.id, key.clone(), body.wrapped, body.tool_is_output);
    let response = send(model, &request, body, key.as_deref()).await?;
    Ok((response, reader))
}

/// The next chunk of the body. Once the answer is complete, waiting for its end is limited.
async fn next<S>(
    chunks: &mut S,
    reader: &Reader,
    deadline: &mut Option<Instant>,
) -> Option<reqwest::Result<Bytes>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    let Some(grace) = reader.grace() else {
        return chunks.next().await;
    };
    // It only comes nearer: comments that go on don't put it off.
    let at = Instant::now() + grace;
    let at = deadline.map_or(at, |before| before.min(at));
    *deadline = Some(at);
    tokio::time::timeout_at(at, chunks.next())
        .await
        .unwrap_or(None)
}

async fn send(
    model: &Parts,
    request: &ModelRequest,
    body: Body,
    key: Option<&str>,
) -> Result<Response> {
    let mut headers = model.config.headers();
    match &model.key {
        Key::Configured(_) => model.key_header.remove_empty(&mut headers),
        _ => model.key_header.replace(&mut headers, key)?,
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accept = if model.streaming {
        "text/event-stream"
    } else {
        "application/json"
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.extend(model.headers.clone());
    add_extra(&mut headers, request)?;

    let response = model
        .client
        .post(model.config.url("/chat/completions"))
        .query(&model.config.query())
        .headers(headers)
        .body(body.json)
        .send()
        .await
        .map_err(|error| unreachable(model, error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refused(model, response, key).await)
}

fn add_extra(headers: &mut HeaderMap, request: &ModelRequest) -> Result<()> {
    for (name, value) in &request.settings.extra_headers {
        let name = HeaderName::try_from(name);
        let (Ok(name), Ok(mut value)) = (name, HeaderValue::try_from(value)) else {
            return Err(Error::new(
                ErrorKind::Config,
                "an extra header of the settings has characters that can't stand in a header",
            ));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(())
}

fn unreachable(model: &Parts, error: reqwest::Error) -> Error {
    let what = if error.is_connect() {
        let host = reqwest::Url::parse(model.config.api_base())
            .ok()
            .and_then(|url| {
                Some(format!(
                    "{}:{}",
                    url.host_str()?,
                    url.port_or_known_default()?
                ))
            });
        match host {
            Some(host) => format!("can't connect to `{}` at {host}", model.id),
            None => format!("can't connect to `{}`", model.id),
        }
    } else {
        format!("the request to `{}` failed before an answer", model.id)
    };
    Error::new(ErrorKind::Model, what)
        .retryable(true)
        .with_source(error.without_url())
}

/// The error of an answer that is no success, with the server's own words.
async fn refused(model: &Parts, response: Response, key: Option<&str>) -> Error {
    let status = response.status();
    let headers = response.headers().clone();
    let body = tokio::time::timeout(FAULT_WAIT, first_bytes(response, MAX_FAULT_BYTES)).await;
    let body = body.unwrap_or_default();
    let is_html = content_type(&headers).starts_with("text/html");
    let fault = if is_html {
        Fault::default()
    } else {
        Fault::from_body(&String::from_utf8_lossy(&body))
    };
    fault
        .without(key)
        .into_http_error(&model.id, status, &headers)
}

async fn first_bytes(mut response: Response, limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(limit - bytes.len())]);
        if bytes.len() == limit {
            break;
        }
    }
    bytes
}

/// The whole body of an answer that isn't streamed.
async fn whole(model: &Parts, mut response: Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes),
            Err(error) => {
                let message = format!("the answer of `{}` was cut: the connection broke", model.id);
                return Err(
                    Error::new(ErrorKind::Truncated, message).with_source(error.without_url())
                );
            }
        }
        if bytes.len() > MAX_BODY_BYTES {
            let message = format!(
                "`{}` sent an answer of more than {MAX_BODY_BYTES} bytes",
                model.id
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Whether the body is one completion, not a stream: asked for, or because the server took no
/// notice of `stream`.
fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with("application/json")
}

fn request_id(headers: &HeaderMap) -> Option<mainstem_core::Text> {
    [
        "x-request-id",
        "request-id",
        "apim-request-id",
        "x-ms-request-id",
    ]
    .iter()
    .filter_map(|name| headers.get(*name)?.to_str().ok())
    .find(|id| !id.is_empty())
    .map(Into::into)
}

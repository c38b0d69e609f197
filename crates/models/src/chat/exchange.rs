//! One request, and the body that answers it.

use std::sync::Arc;

use async_stream::try_stream;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryFutureExt};
use mainstem_core::{Error, ErrorKind, ModelEvent, ModelRequest, Result, Text};
use reqwest::{
    Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::Instant;

use super::{
    Parts, failure,
    reader::{End, Reader},
    request::{Body, body},
};
use crate::{key::Key, sse::SseReader};

/// The longest answer that is read as a whole, in bytes.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Sends a request and reads the answer, from the socket to the reader without a queue between.
pub(super) fn exchange(
    model: Arc<Parts>,
    request: ModelRequest,
) -> impl Stream<Item = Result<ModelEvent>> + Send {
    let answer = async move {
        let (response, reader) = begin(&model, request).await?;
        let head = Head::of(response.headers());
        Ok(answer(model, head, response.bytes_stream(), reader))
    };
    // Boxed: what sending needs isn't kept while the answer streams.
    Box::pin(answer).try_flatten_stream()
}

/// What counts of an answer's headers; they aren't kept while it streams.
#[derive(Default)]
struct Head {
    request_id: Option<Text>,
    /// Whether the body is one completion, not a stream: asked for, or because the server took no
    /// notice of `stream`.
    is_json: bool,
    is_html: bool,
}

impl Head {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            request_id: request_id(headers),
            is_json: content_type(headers).starts_with("application/json"),
            is_html: content_type(headers).starts_with("text/html"),
        }
    }
}

/// Reads the body of an answer. What came before a failure is given out before it.
fn answer<S>(
    model: Arc<Parts>,
    head: Head,
    chunks: S,
    mut reader: Reader,
) -> impl Stream<Item = Result<ModelEvent>> + Send
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin + Send,
{
    try_stream! {
        let mut chunks = chunks;
        yield ModelEvent::Started { request_id: head.request_id };

        let end = if head.is_json {
            let json = whole(&model, chunks).await?;
            match reader.read_json(&json) {
                Ok(()) => End::Body,
                Err(error) => End::Failed(error),
            }
        } else {
            let mut sse = SseReader::default();
            let mut deadline = None;
            let mut is_first = true;
            let end = 'body: loop {
                match next(&mut chunks, &reader, &mut deadline).await {
                    Some(Ok(chunk)) if std::mem::take(&mut is_first)
                        && failure::is_web_page(head.is_html, &chunk) =>
                    {
                        break End::Failed(failure::web_page(&model));
                    }
                    Some(Ok(chunk)) => sse.push(chunk),
                    Some(Err(error)) => break End::Broken(error),
                    None => break End::Body,
                }
                loop {
                    match reader.read_next(&mut sse) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => break 'body End::Failed(error),
                    }
                    while let Some(event) = reader.events.pop_front() {
                        yield event;
                    }
                }
            };
            reader.read_rest(&mut sse, end)
        };
        let end = reader.end(end);
        while let Some(event) = reader.events.pop_front() {
            yield event;
        }
        end?;
    }
}

/// Sends a request; gives the answer's beginning, and what reads it.
async fn begin(model: &Arc<Parts>, request: ModelRequest) -> Result<(Response, Reader)> {
    let body = body(model, &request)?;
    let key = model.key.get().await?;
    let reader = Reader::new(Arc::clone(model), key.clone(), &body);
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
        .map_err(|error| failure::unreachable(model, error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(failure::refused(model, response, key).await)
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

/// The whole body of an answer that isn't streamed.
async fn whole<S>(model: &Parts, mut chunks: S) -> Result<Vec<u8>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| {
            let message = format!("the answer of `{}` was cut: the connection broke", model.id);
            Error::new(ErrorKind::Truncated, message).with_source(error.without_url())
        })?);
        if bytes.len() > MAX_BODY_BYTES {
            let message = format!(
                "`{}` sent an answer of more than {MAX_BODY_BYTES} bytes",
                model.id
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
    }
    Ok(bytes)
}

pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn request_id(headers: &HeaderMap) -> Option<Text> {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::stream;
    use mainstem_core::Message;

    use super::*;
    use crate::ChatCompletions;

    /// What is made of a body that stays open, and how long it takes.
    async fn read_open(body: &'static str) -> (Vec<Result<ModelEvent>>, Duration) {
        let model = ChatCompletions::builder("m")
            .base_url("http://localhost/v1")
            .build()
            .unwrap()
            .0;
        let request = ModelRequest::new([Message::user("Hi")]);
        let reader = Reader::new(
            Arc::clone(&model),
            None,
            &super::body(&model, &request).unwrap(),
        );
        let chunks = stream::iter([Ok(Bytes::from_static(body.as_bytes()))]);
        // Comments go on, as of a proxy that keeps the connection alive.
        let comments = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(Bytes::from_static(b": ping\n\n")), ()))
        });
        let begin = Instant::now();
        let chunks = Box::pin(chunks.chain(comments));
        let answer = answer(model, Head::default(), chunks, reader);
        // Longer than any grace; an answer that isn't complete waits on.
        let events = answer.take_until(tokio::time::sleep(Duration::from_secs(60)));
        (events.collect().await, begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stays_open_is_left_after_its_grace() {
        const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
        const FINISH: &str =
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
        const DONE: &str = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        for (body, waits, finishes) in [
            (FINISH, Duration::from_secs(5), true),
            (DONE, Duration::from_millis(250), true),
            (TEXT, Duration::from_secs(60), false),
        ] {
            let (events, took) = read_open(body).await;
            let last = events.last().unwrap().as_ref().unwrap();
            assert_eq!(matches!(last, ModelEvent::Finished(_)), finishes, "{body}");
            assert_eq!(took, waits, "{body}");
        }
    }
}

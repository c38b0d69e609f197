//! One request, and the body that answers it.

use std::{sync::Arc, time::Duration};

use async_stream::try_stream;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryFutureExt};
use mainstem_core::{Error, ErrorKind, ModelEvent, ModelRequest, Result, Text};
use reqwest::{
    Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::Instant;

use super::{Answer, Reader, Server, answer::End, failure};
use crate::{key::Key, output::OutputTool, sse::SseReader};

/// The longest answer that is read as a whole, in bytes.
const MAX_BODY_BYTES: usize = 64 << 20;

/// A model with all that its API needs: it writes requests, and gives what reads their answers.
pub(crate) trait Exchange: Send + Sync + 'static {
    type Reader: Reader;

    fn server(&self) -> &Arc<Server>;

    fn body(&self, request: &ModelRequest) -> Result<Body>;

    fn reader(&self, answer: Answer) -> Self::Reader;
}

/// A request's body, and how its answer is to be read.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) json: Vec<u8>,
    /// Whether the output comes wrapped in an object.
    pub(crate) wrapped: bool,
    /// Which tool calls are the output.
    pub(crate) output_tool: OutputTool,
}

/// Sends a request and reads the answer, from the socket to the reader without a queue between.
pub(crate) fn exchange<E: Exchange>(
    model: Arc<E>,
    request: ModelRequest,
) -> impl Stream<Item = Result<ModelEvent>> + Send {
    let answer = async move {
        let (response, reader) = begin(&*model, request).await?;
        let head = Head::of(response.headers());
        let server = Arc::clone(model.server());
        Ok(answer(server, head, response.bytes_stream(), reader))
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
fn answer<R, S>(
    server: Arc<Server>,
    head: Head,
    chunks: S,
    mut reader: R,
) -> impl Stream<Item = Result<ModelEvent>> + Send
where
    R: Reader,
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin + Send,
{
    try_stream! {
        let mut chunks = chunks;
        yield ModelEvent::Started { request_id: head.request_id };

        let end = if head.is_json {
            let json = whole(&server, chunks).await?;
            match reader.read_whole(&json) {
                Ok(()) => End::Body,
                Err(error) => End::Failed(error),
            }
        } else {
            let mut sse = SseReader::default();
            let mut deadline = None;
            let mut is_first = true;
            let end = 'body: loop {
                match next(&mut chunks, reader.answer().grace(), &mut deadline).await {
                    Some(Ok(chunk)) if std::mem::take(&mut is_first)
                        && failure::is_web_page(head.is_html, &chunk) =>
                    {
                        break End::Failed(failure::web_page(&server));
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
                    while let Some(event) = reader.answer().events.pop_front() {
                        yield event;
                    }
                }
            };
            reader.read_rest(&mut sse, end)
        };
        let end = reader.end(end);
        while let Some(event) = reader.answer().events.pop_front() {
            yield event;
        }
        end?;
    }
}

/// Sends a request; gives the answer's beginning, and what reads it.
async fn begin<E: Exchange>(model: &E, request: ModelRequest) -> Result<(Response, E::Reader)> {
    let server = model.server();
    let body = model.body(&request)?;
    let key = server.key.get().await?;
    let answer = Answer::new(Arc::clone(server), key.clone(), &body);
    let response = send(server, &request, body, key.as_deref()).await?;
    Ok((response, model.reader(answer)))
}

/// The next chunk of the body. Once the answer is complete, waiting for its end is limited.
async fn next<S>(
    chunks: &mut S,
    grace: Option<Duration>,
    deadline: &mut Option<Instant>,
) -> Option<reqwest::Result<Bytes>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    let Some(grace) = grace else {
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
    server: &Server,
    request: &ModelRequest,
    body: Body,
    key: Option<&str>,
) -> Result<Response> {
    let mut headers = server.config.headers();
    match &server.key {
        Key::Configured(_) => server.key_header.remove_empty(&mut headers),
        _ => server.key_header.replace(&mut headers, key)?,
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accept = if server.streaming {
        "text/event-stream"
    } else {
        "application/json"
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.extend(server.headers.clone());
    add_extra(&mut headers, request)?;

    let response = server
        .client
        .post(server.config.url(server.protocol.path))
        .query(&server.config.query())
        .headers(headers)
        .body(body.json)
        .send()
        .await
        .map_err(|error| failure::unreachable(server, error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(failure::refused(server, response, key).await)
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
async fn whole<S>(server: &Server, mut chunks: S) -> Result<Vec<u8>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| {
            let message = format!(
                "the answer of `{}` was cut: the connection broke",
                server.id
            );
            Error::new(ErrorKind::Truncated, message).with_source(error.without_url())
        })?);
        if bytes.len() > MAX_BODY_BYTES {
            let message = format!(
                "`{}` sent an answer of more than {MAX_BODY_BYTES} bytes",
                server.id
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
        let server = Arc::clone(model.server());
        let answer = Answer::new(Arc::clone(&server), None, &model.body(&request).unwrap());
        let reader = model.reader(answer);
        let chunks = stream::iter([Ok(Bytes::from_static(body.as_bytes()))]);
        // Comments go on, as of a proxy that keeps the connection alive.
        let comments = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(Bytes::from_static(b": ping\n\n")), ()))
        });
        let begin = Instant::now();
        let chunks = Box::pin(chunks.chain(comments));
        let answer = super::answer(server, Head::default(), chunks, reader);
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

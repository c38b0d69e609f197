use std::fmt::Write as _;
use std::io;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::exchange::Growing;
use super::{Shared, base};
use crate::json::error_text;
use crate::request::{self, ReadError, Request};
use crate::{Ending, Framing};

/// Headers that belong to one connection, not to what goes through it; and the wish for
/// compression, in which nothing could be found.
const OF_THE_CONNECTION: [&str; 11] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Passes on the requests of one connection until it ends.
pub(super) async fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut buffer = BytesMut::new();
    loop {
        let (mut reader, mut writer) = stream.split();
        let request = match request::read(&mut reader, &mut buffer).await {
            Ok(request) => request,
            Err(ReadError::Closed) => return,
            Err(ReadError::Malformed(reason)) => {
                let _ = refuse(&mut writer, 400, &reason).await;
                return;
            }
        };
        let _active = shared.begin();
        let passed = Passing { shared, request };
        match passed.on(&mut reader, &mut buffer, &mut writer).await {
            Ok(true) => {}
            _ => return,
        }
    }
}

/// A request on its way.
struct Passing<'a> {
    shared: &'a Shared,
    request: Request,
}

impl Passing<'_> {
    /// Passes the request on, and its answer back; whether the connection can go on.
    async fn on(
        self,
        reader: &mut ReadHalf<'_>,
        buffer: &mut BytesMut,
        writer: &mut WriteHalf<'_>,
    ) -> io::Result<bool> {
        let mut growing = Growing::new(&self.request);
        let sent = tokio::select! {
            sent = self.send() => sent,
            () = left(reader, buffer) => return Ok(false),
        };
        let response = match sent {
            Ok(response) => response,
            Err(message) => {
                refuse(writer, 502, &message).await?;
                return Ok(self.request.keep_alive);
            }
        };
        let framing = self.framing(&response);
        let headers = texts(response.headers());
        growing.head(response.status().as_u16(), headers, framing);
        let ending = tokio::select! {
            ending = self.answer(response, framing, &mut growing, writer) => ending,
            () = left(reader, buffer) => Ending::Left,
        };
        self.shared.record(growing.end(ending));
        let keeps = framing != Framing::CloseDelimited && self.request.keep_alive;
        Ok(ending == Ending::Whole && keeps)
    }

    async fn send(&self) -> Result<Response, String> {
        let base = base(&self.shared.upstream);
        let target = &self.request.target;
        let path = target.strip_prefix(base).filter(|rest| !rest.is_empty());
        if path.is_none_or(|rest| !rest.starts_with(['/', '?'])) {
            return Err(format!("the paths of this server begin with `{base}/`"));
        }
        let mut url = self.shared.upstream.clone();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target.as_str(), None),
        };
        url.set_path(path);
        url.set_query(query);
        let method = Method::from_bytes(self.request.method.as_bytes());
        let method = method.map_err(|_| "the method can't be passed on".to_owned())?;
        let request = self.shared.client.request(method, url);
        let request = request
            .headers(to_pass_on(&self.request.headers))
            .body(self.request.body.clone());
        let response = request.send().await;
        let response = response.map_err(|error| unreachable(&error.without_url()))?;
        let encoding = response.headers().get("content-encoding");
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err("the answer is compressed, though that wasn't asked for".to_owned());
        }
        Ok(response)
    }

    /// How the client learns where the body ends: as the server said it, where that is possible.
    fn framing(&self, response: &Response) -> Framing {
        let has_none = response.status().as_u16() == 204 || self.request.method == "HEAD";
        match response.headers().contains_key("content-length") {
            true => Framing::ContentLength,
            false if has_none => Framing::ContentLength,
            false if self.request.modern => Framing::Chunked,
            false => Framing::CloseDelimited,
        }
    }

    /// Writes the answer as it comes.
    async fn answer(
        &self,
        response: Response,
        framing: Framing,
        growing: &mut Growing,
        writer: &mut WriteHalf<'_>,
    ) -> Ending {
        if writer.write_all(&head(&response, framing)).await.is_err() {
            return Ending::Left;
        }
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let Ok(chunk) = chunk else {
                return Ending::Cut;
            };
            if chunk.is_empty() {
                continue;
            }
            growing.chunk(chunk.clone());
            if write_chunk(writer, &chunk, framing).await.is_err() {
                return Ending::Left;
            }
        }
        let end: &[u8] = match framing {
            Framing::Chunked => b"0\r\n\r\n",
            _ => b"",
        };
        match writer.write_all(end).await {
            Ok(()) => Ending::Whole,
            Err(_) => Ending::Left,
        }
    }
}

/// Says why no answer came; the URL, which may have a key in its query, has been taken out.
fn unreachable(error: &reqwest::Error) -> String {
    let mut words = "the server couldn't be reached".to_owned();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        words.extend([": ", &*error.to_string()]);
        cause = error.source();
    }
    words
}

/// Waits until the client closes; what it sends meanwhile is kept.
async fn left(reader: &mut ReadHalf<'_>, buffer: &mut BytesMut) {
    while let Ok(1..) = reader.read_buf(buffer).await {}
}

fn is_of_the_connection(name: &str) -> bool {
    OF_THE_CONNECTION
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// The client's headers, as far as they are meant for the server.
fn to_pass_on(headers: &[(String, String)]) -> HeaderMap {
    let headers = headers
        .iter()
        .filter(|(name, _)| !is_of_the_connection(name));
    let headers = headers.filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    let mut passed = HeaderMap::new();
    for (name, value) in headers {
        passed.append(name, value);
    }
    passed
}

/// The answer's headers, as far as they are meant for the client.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let headers = headers.iter();
    let headers = headers.filter(|(name, _)| !is_of_the_connection(name.as_str()));
    headers
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        })
        .collect()
}

fn head(response: &Response, framing: Framing) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in texts(response.headers()) {
        head.extend([&*name, ": ", &*value, "\r\n"]);
    }
    let length = response.headers().get("content-length");
    let length = length.and_then(|value| value.to_str().ok()).unwrap_or("0");
    // Writing to a `String` can't fail.
    let _ = match framing {
        Framing::Chunked => write!(head, "transfer-encoding: chunked\r\n"),
        Framing::ContentLength => write!(head, "content-length: {length}\r\n"),
        Framing::CloseDelimited => write!(head, "connection: close\r\n"),
    };
    head.push_str("\r\n");
    head.into_bytes()
}

async fn write_chunk(
    writer: &mut WriteHalf<'_>,
    chunk: &Bytes,
    framing: Framing,
) -> io::Result<()> {
    if framing != Framing::Chunked {
        return writer.write_all(chunk).await;
    }
    let size = format!("{:x}\r\n", chunk.len());
    let framed = [size.as_bytes(), chunk, b"\r\n"].concat();
    writer.write_all(&framed).await
}

/// Answers with an error of the proxy's own, which isn't recorded.
async fn refuse(writer: &mut WriteHalf<'_>, status: u16, reason: &str) -> io::Result<()> {
    let message = format!("mainstem-testkit: {reason}");
    let body = error_text(&message, "recorder_error", None, None);
    let length = body.len();
    let words = if status == 400 {
        "Bad Request"
    } else {
        "Bad Gateway"
    };
    let text = format!(
        "HTTP/1.1 {status} {words}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    writer.write_all(text.as_bytes()).await
}

//! What goes wrong before an answer, in words that say what to do.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use mainstem_core::{Error, ErrorKind};
use reqwest::{Response, StatusCode, header::HeaderMap};

use super::{Server, exchange::content_type};
use crate::upstream::Fault;

/// The longest text of a failure that is read, in bytes.
const MAX_FAULT_BYTES: usize = 64 << 10;
/// How long to wait for the text of a failure.
const FAULT_WAIT: Duration = Duration::from_secs(5);

/// Host and port of a base URL: neither its password nor its query, which may be secrets.
pub(super) fn host(base_url: &str) -> Option<String> {
    let url = reqwest::Url::parse(base_url).ok()?;
    Some(format!(
        "{}:{}",
        url.host_str()?,
        url.port_or_known_default()?
    ))
}

/// The error of a request that got no answer.
pub(super) fn unreachable(server: &Server, error: reqwest::Error) -> Error {
    let id = &server.id;
    let what = match (error.is_connect(), &server.host) {
        (true, Some(host)) => format!("can't connect to `{id}` at {host}; is the server running?"),
        (true, None) => format!("can't connect to `{id}`; is the server running?"),
        (false, _) => format!("the request to `{id}` failed before an answer"),
    };
    Error::new(ErrorKind::Model, what)
        .retryable(true)
        .with_source(error.without_url())
}

/// The error of an answer that is no success, with the server's own words.
pub(super) async fn refused(server: &Server, response: Response, key: Option<&str>) -> Error {
    let status = response.status();
    let headers = response.headers().clone();
    let body = first_bytes(response.bytes_stream()).await;
    let fault = if content_type(&headers).starts_with("text/html") {
        Fault::default()
    } else {
        Fault::from_body(&String::from_utf8_lossy(&body))
    };
    let mut message = format!("`{}` answered {status}", server.id);
    if let Some(hint) = hint(server, status, &headers, &fault) {
        message = format!("{message}; {hint}");
    }
    fault
        .without(key)
        .into_http_error(message, status, &headers)
}

/// What to look at, for the statuses that have one usual cause.
fn hint(server: &Server, status: StatusCode, headers: &HeaderMap, fault: &Fault) -> Option<String> {
    let says = |words: &str| {
        let message = fault.message.as_deref();
        message.is_some_and(|message| message.contains(words))
    };
    match status {
        StatusCode::BAD_REQUEST if says("Encrypted content is not supported") => Some(
            "it doesn't reason; `carries_reasoning(false)` of its builder leaves that out"
                .to_owned(),
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(server.key.origin().into_owned()),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(format!(
            "check the model's name and the base URL{}{}",
            at(server),
            server.protocol.not_found
        )),
        StatusCode::TOO_MANY_REQUESTS => Some(match crate::upstream::retry_after(headers) {
            Some(wait) => {
                format!("it asks to wait {wait:?}; a `Recovery` around the model tries again")
            }
            None => "a `Recovery` around the model tries again".to_owned(),
        }),
        _ if status.is_redirection() => Some(format!(
            "redirects aren't followed; check the base URL{}",
            at(server)
        )),
        _ => None,
    }
}

fn at(server: &Server) -> String {
    let host = server.host.as_ref();
    host.map(|host| format!(" (now at {host})"))
        .unwrap_or_default()
}

/// The error of a success that is a web page: something else than a model's server is there.
pub(super) fn web_page(server: &Server) -> Error {
    Error::new(
        ErrorKind::Model,
        format!(
            "`{}` answered with a web page instead of an answer; check the base URL{}",
            server.id,
            at(server)
        ),
    )
}

/// Whether the first bytes of a body are those of a web page.
pub(super) fn is_web_page(is_called_html: bool, first: &[u8]) -> bool {
    let first = first.trim_ascii_start();
    let begins = |tag: &[u8]| {
        let start = first.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    // Some frameworks call everything a page.
    if is_called_html {
        begins(b"<")
    } else {
        begins(b"<!doctype html") || begins(b"<html")
    }
}

/// What came of a body within the limits of size and time, however it ends.
async fn first_bytes<E>(chunks: impl Stream<Item = Result<Bytes, E>>) -> Vec<u8> {
    let mut chunks = std::pin::pin!(chunks);
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            let room = MAX_FAULT_BYTES - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() == MAX_FAULT_BYTES {
                break;
            }
        }
    };
    // Too late or not: what is there is kept.
    let _ = tokio::time::timeout(FAULT_WAIT, reading).await;
    bytes
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_came_of_a_body_that_stalls_or_breaks_is_kept() {
        let some = || stream::iter([Ok(Bytes::from("over")), Ok(Bytes::from("loaded"))]);
        let stalled = some().chain(stream::pending());
        assert_eq!(first_bytes::<()>(stalled).await, b"overloaded");
        let broken = some().chain(stream::iter([Err(()), Ok(Bytes::from("no"))]));
        assert_eq!(first_bytes(broken).await, b"overloaded");
        let endless = stream::repeat(Ok::<_, ()>(Bytes::from_static(&[b'x'; 1000])));
        assert_eq!(first_bytes(endless).await.len(), MAX_FAULT_BYTES);
    }

    #[test]
    fn a_host_is_told_without_secrets() {
        for (url, expected) in [
            ("http://user:sesame@h:81/v1?key=sesame", Some("h:81")),
            ("https://h/v1", Some("h:443")),
            ("sesame", None),
        ] {
            assert_eq!(host(url).as_deref(), expected);
        }
    }
}

//! The body of a request: JSON, in bounds.

use std::{sync::Arc, time::Duration};

use axum::extract::{FromRequest, Request};
use bytes::BytesMut;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::SemaphorePermit;

use super::Limits;
use crate::{misfit, refusal::Refusal, routes::App};

/// A request whose JSON body was read as a `T`.
///
/// It has to say that it is JSON: a page of another site can send anything else without asking.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let limits = &app.limits;
        is_json(request.headers())?;
        is_plain(request.headers())?;
        let reading = tokio::time::timeout(limits.body_time, whole(request, app));
        let Ok(bytes) = reading.await else {
            return Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_slow",
                format!("the body took longer than {:?} to arrive", limits.body_time),
            ));
        };
        let Whole { bytes, room: _room } = bytes?;
        parse(&bytes, limits).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let said = headers.get(header::CONTENT_TYPE);
    let essence = said
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if essence.is_some_and(|it| it.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "the request must have a JSON body and the header `content-type: application/json`",
    ))
}

fn is_plain(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut said = headers.get_all(header::CONTENT_ENCODING).iter();
    if said.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let message = "the body is compressed, which this server doesn't take; send it as it is, without the header \
                   `content-encoding`";
    let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body_encoded", message);
    Err(refusal.wants(header::ACCEPT_ENCODING, "identity"))
}

/// A body, and the room that it takes of what there is for all of them.
struct Whole<'a> {
    bytes: BytesMut,
    room: Option<SemaphorePermit<'a>>,
}

async fn whole(request: Request, app: &App) -> Result<Whole<'_>, Refusal> {
    let limit = app.limits.body;
    let said = request.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > limit as u64) {
        return Err(too_long(limit));
    }
    let mut body = request.into_body();
    // Copied: a piece may be a byte that holds all that was read with it.
    let mut bytes = BytesMut::new();
    let mut room: Option<SemaphorePermit<'_>> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let message = "the body stopped before its end";
            Refusal::new(StatusCode::BAD_REQUEST, "body_cut", message)
        })?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if piece.len() > limit - bytes.len() {
            return Err(too_long(limit));
        }
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let more = app.bodies.try_acquire_many(length).map_err(|_| no_room())?;
        match &mut room {
            Some(room) => room.merge(more),
            None => room = Some(more),
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Whole { bytes, room })
}

fn too_long(limit: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_long",
        format!("the body is longer than {limit} bytes, this server's limit"),
    )
}

fn no_room() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_bodies",
        "as many bytes of bodies are being read as this server takes at a time; try again later",
    )
    .retry_after(Duration::from_secs(1))
}

/// Reads JSON; of what is wrong with it the place is told, and what was expected there.
fn parse<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, Refusal> {
    let bad = |code, message: String| Refusal::new(StatusCode::BAD_REQUEST, code, message);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        bad(
            "body_not_utf8",
            format!("the body isn't UTF-8 at byte {at}"),
        )
    })?;
    if text.trim_ascii().is_empty() {
        let message = "the body is empty; send a JSON object";
        return Err(bad("body_not_json", message.to_owned()));
    }
    check_depth(text, limits)?;
    misfit::read_object(text).map_err(|misfit| {
        let (line, column) = (misfit.line, misfit.column);
        if misfit.is_no_json {
            let message = format!("the body isn't JSON, at line {line}, column {column}");
            return bad("body_not_json", message);
        }
        let place = match &*misfit.pointer {
            "" => String::new(),
            pointer => format!("at `{pointer}`, "),
        };
        let what = misfit.what;
        let message = format!("the body doesn't fit: {place}{what} (line {line}, column {column})");
        bad("body_misfit", message)
    })
}

/// Refuses JSON text that is deeper than allowed.
pub(crate) fn check_depth(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let Some(at) = too_deep(text, limits.depth) else {
        return Ok(());
    };
    let message = format!(
        "the body's JSON is deeper than {} levels, this server's limit, at byte {at}",
        limits.depth
    );
    Err(Refusal::new(
        StatusCode::BAD_REQUEST,
        "body_too_deep",
        message,
    ))
}

/// Where JSON text gets deeper than allowed.
///
/// It is looked at before it is parsed: what parses it may recurse.
fn too_deep(text: &str, limit: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > limit {
                    return Some(at);
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    fn code(bytes: &[u8]) -> Option<&'static str> {
        let limits = Limits::default().depth(4);
        parse::<BTreeMap<String, Value>>(bytes, &limits)
            .err()
            .map(|it| it.code())
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert_eq!(code(br#"{"a":[[[1]]]}"#), None);
        assert_eq!(code(br#"{"a":[[[[1]]]]}"#), Some("body_too_deep"));
        assert_eq!(code(br#"{"a":[[],[],[],[],[[]]]}"#), None);
        assert_eq!(code(br#"{"a":"[[[[\"[[["}"#), None);
        assert_eq!(code(&b"[".repeat(1 << 20)), Some("body_too_deep"));
    }

    #[test]
    fn an_error_tells_the_place_and_not_the_content() {
        assert_eq!(code(b"{\"\xff\":1}"), Some("body_not_utf8"));
        assert_eq!(code(br#"{"a":1"#), Some("body_not_json"));
        let limits = Limits::default();
        let read = parse::<BTreeMap<String, u8>>(br#"{"a":"a secret"}"#, &limits);
        let error = read.unwrap_err();
        assert_eq!(error.code(), "body_misfit");
        assert!(!error.message().contains("secret"), "{}", error.message());
        assert!(error.message().contains("column 15"), "{}", error.message());
    }

    #[test]
    fn only_json_is_taken_for_json() {
        for (said, is) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
            ("application/json-patch+json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, said.parse().unwrap());
            assert_eq!(is_json(&headers).is_ok(), is, "{said}");
        }
        assert!(is_json(&HeaderMap::new()).is_err());
    }
}

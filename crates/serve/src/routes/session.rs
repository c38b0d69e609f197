//! `POST /session`: a cookie in exchange for the token, for pages; `DELETE /session`: its end.
//!
//! `EventSource` and `WebSocket` of a browser can't send an `authorization` header. The cookie carries
//! the token itself, so that what the application takes back is void at once, in every process.

use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, Uri, header};

use crate::{
    guard::{Credentials, cookie, is_loopback},
    refusal::Refusal,
};

pub(super) async fn begin(uri: Uri, headers: HeaderMap) -> Result<impl IntoResponse, Refusal> {
    let credentials = Credentials::of(&headers);
    let cookie = credentials
        .bearer()
        .and_then(|token| cookie::set(token, over_tls(&uri, &headers)));
    let Some(cookie) = cookie else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "no_token",
            "there is no token to make a cookie of, or it has characters that can't stand in one; \
             send it as `authorization: Bearer TOKEN`",
        ));
    };
    Ok(answer(cookie))
}

pub(super) async fn end(uri: Uri, headers: HeaderMap) -> impl IntoResponse {
    answer(cookie::clear(over_tls(&uri, &headers)))
}

fn answer(cookie: String) -> impl IntoResponse {
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::NO_CONTENT, headers)
}

/// Whether a browser is to send the cookie over TLS alone: but for this machine's own servers, always.
fn over_tls(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(|it| it.as_str()).or(host);
    !authority.is_some_and(is_loopback)
}

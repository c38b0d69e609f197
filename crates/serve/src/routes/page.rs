//! `GET /`: a page that shows the runs.
//!
//! It knows no more than any client: its script asks the other routes, with what the browser has of
//! credentials. So it is shown to everybody, and holds nothing of a run itself.

use axum::response::IntoResponse;
use http::header;
use mainstem_core::EventKind;
use uuid::Uuid;

/// One document, so that it is found wherever an application nests the router.
pub(super) async fn page() -> impl IntoResponse {
    let nonce = Uuid::new_v4().simple();
    let document = format!(
        include_str!("page.html"),
        nonce = nonce,
        kinds = EventKind::NAMES.join(" "),
        style = include_str!("page.css"),
        script = include_str!("page.js"),
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy(&nonce.to_string())),
        // Without a referrer some browsers say `origin: null`, of its own requests, too.
        (header::REFERRER_POLICY, "same-origin".to_owned()),
    ];
    (headers, document)
}

/// Its own script and style run, and nothing else does; no text becomes markup, whoever wrote it.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

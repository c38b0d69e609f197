//! The page that shows the runs: who gets it, and what a browser may do with it.

use mainstem::EventKind;
use mainstem_serve::Principal;
use reqwest::header::HeaderMap;

use crate::support::{Serving, refused, server, within};

async fn page(serving: &Serving) -> (HeaderMap, String) {
    let answer = within(serving.get("/").send()).await.unwrap();
    assert_eq!(answer.status(), 200);
    (
        answer.headers().clone(),
        within(answer.text()).await.unwrap(),
    )
}

fn policy(headers: &HeaderMap) -> &str {
    headers["content-security-policy"].to_str().unwrap()
}

/// What the script and the style have to bring to be the page's own.
fn nonce(headers: &HeaderMap) -> &str {
    let (_, rest) = policy(headers).split_once("script-src 'nonce-").unwrap();
    rest.split('\'').next().unwrap()
}

#[tokio::test]
async fn it_is_there_if_asked_for() {
    let closed = Serving::start(server()).await;
    let refusal = refused(closed.get("/")).await;
    assert_eq!(refusal, (404, "no_such_route".into()));
    let open = Serving::start(server().page()).await;
    let (headers, document) = page(&open).await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert!(document.starts_with("<!doctype html>"), "{document}");
    // The rest is as it was.
    assert_eq!(refused(open.get("/runs")).await, (403, "no_right".into()));
    let refusal = refused(open.get("/page.js")).await;
    assert_eq!(refusal, (404, "no_such_route".into()));
}

#[tokio::test]
async fn it_takes_no_other_method() {
    let serving = Serving::start(server().page()).await;
    for request in [serving.post("/", "{}"), serving.delete("/")] {
        let refusal = refused(request).await;
        assert_eq!(refusal, (405, "method_not_allowed".into()));
    }
}

#[tokio::test]
async fn nothing_but_its_own_script_and_style_runs() {
    let serving = Serving::start(server().page()).await;
    let (headers, document) = page(&serving).await;
    let nonce = nonce(&headers);
    assert_eq!(
        policy(&headers),
        format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'"
        )
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    // One script and one style, which end where they are meant to.
    for tag in ["script", "style"] {
        let count = |what: &str| document.matches(what).count();
        let (opens, closes) = (format!("<{tag}"), format!("</{tag}"));
        assert_eq!((count(&opens), count(&closes)), (1, 1), "{tag}");
    }
    assert_eq!(document.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    for other in ["http://", "https://", "innerHTML", " style=", " onclick="] {
        assert!(!document.contains(other), "{other}");
    }
    // Nobody can say it in advance.
    assert!(nonce.len() >= 32, "{nonce}");
    assert_ne!(self::nonce(&page(&serving).await.0), nonce);
}

#[tokio::test]
async fn it_reads_every_kind_of_event() {
    let serving = Serving::start(server().page()).await;
    let (_, document) = page(&serving).await;
    let (_, rest) = document.split_once("data-kinds=\"").unwrap();
    let kinds: Vec<_> = rest.split('"').next().unwrap().split(' ').collect();
    assert_eq!(kinds, EventKind::NAMES);
}

#[tokio::test]
async fn it_asks_nobody_for_a_token_but_only_its_own_site_gets_it() {
    let server = server().page().token("a-secret", Principal::new("ada"));
    let serving = Serving::start(server).await;
    let (_, document) = page(&serving).await;
    assert!(!document.contains("a-secret"));
    assert_eq!(refused(serving.get("/runs")).await.0, 401);
    let status = async |name: &str, value: &str| -> (u16, String) {
        refused(serving.get("/").header(name, value)).await
    };
    let host = status("host", "jays.example").await;
    assert_eq!(host, (403, "host_refused".into()));
    let origin = status("origin", "https://jays.example").await;
    assert_eq!(origin, (403, "origin_refused".into()));
}

//! Requests of other sites' pages, for other names, with odd heads: refused, over real sockets.

use mainstem_serve::Server;

use crate::support::{Serving, refused, server, within};

const START: &str = r#"{"run": "shout", "input": "jay", "wire": "json"}"#;

/// A request as text, whose connection is closed after it.
fn request(head: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{head} HTTP/1.1\r\nconnection: close\r\n");
    for header in headers {
        text += header;
        text += "\r\n";
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

const JSON: &str = "content-type: application/json";

#[tokio::test]
async fn a_host_that_isnt_the_servers_is_refused() {
    let serving = Serving::start(server()).await;
    let own = format!("host: {}", serving.address);
    let answer = serving
        .raw(request("POST /runs", &[&own, JSON], START))
        .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    for host in [
        "host: evil.example",
        "host: evil.example:80",
        "host: 127.0.0.1.evil.example",
        "host: 10.0.0.1",
        "host: localhost.evil.example",
    ] {
        for head in [
            "POST /runs",
            "GET /health",
            "GET /runs/x",
            "GET /ws",
            "GET /nothing",
        ] {
            let answer = serving.raw(request(head, &[host, JSON], START)).await;
            assert_eq!(
                (answer.status(), &*answer.code()),
                (403, "host_refused"),
                "{head} {host}"
            );
        }
    }
    for headers in [
        &[][..],
        &[&*own, &*own],
        &["host: a@localhost"],
        &["host: "],
    ] {
        let answer = serving.raw(request("GET /health", headers, "")).await;
        assert_eq!(answer.status(), 400, "{headers:?}: {answer:?}");
    }
    let other_target = "GET http://evil.example/health";
    let answer = serving.raw(request(other_target, &[&own], "")).await;
    assert!(matches!(answer.status(), 400 | 403), "{answer:?}");
}

#[tokio::test]
async fn a_listed_host_is_taken() {
    let serving = Serving::start(server().host("api.example.org")).await;
    let host = "host: API.example.org:443";
    let answer = serving.raw(request("GET /health", &[host], "")).await;
    assert_eq!(answer.status(), 200);
    // Its pages are of the same origin.
    let headers = [host, "origin: https://api.example.org:443", JSON];
    let answer = serving.raw(request("POST /runs", &headers, START)).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("endless", "x".into()).await;
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost",
        "http://127.0.0.1",
        "file://",
    ] {
        for request in [
            serving.post("/runs", START),
            serving.get(&format!("/runs/{id}/events")),
            serving.delete(&format!("/runs/{id}")),
            serving.get("/ws"),
        ] {
            let refusal = refused(request.header("origin", origin)).await;
            assert_eq!(refusal, (403, "origin_refused".into()), "{origin}");
        }
    }
    for site in ["cross-site", "same-site"] {
        let request = serving.post("/runs", START).header("sec-fetch-site", site);
        assert_eq!(refused(request).await.0, 403, "{site}");
    }
    // The run goes on, and its own page may end it.
    let own = format!("http://{}", serving.address);
    let cancel = serving.delete(&format!("/runs/{id}"));
    let answer = within(cancel.header("origin", own).send()).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_form_of_another_site_starts_nothing() {
    let serving = Serving::start(server()).await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain; x=application/json",
        "",
    ] {
        let request = serving.post("/runs", START).header("content-type", kind);
        // reqwest would send both.
        let mut request = request.build().unwrap();
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
        let answer = within(client.build().unwrap().execute(request))
            .await
            .unwrap();
        assert_eq!(answer.status(), 415, "{kind}");
    }
    let host = format!("host: {}", serving.address);
    let answer = serving.raw(request("POST /runs", &[&host], START)).await;
    assert_eq!((answer.status(), &*answer.code()), (415, "not_json"));
}

#[tokio::test]
async fn there_is_no_cors_unless_it_is_set() {
    let page = "https://app.example.org";
    let preflight = |serving: &Serving| {
        let host = format!("host: {}", serving.address);
        let headers = [
            &*host,
            "origin: https://app.example.org",
            "access-control-request-method: POST",
            "access-control-request-headers: content-type",
        ];
        request("OPTIONS /runs", &headers, "")
    };
    let serving = Serving::start(server()).await;
    let answer = serving.raw(preflight(&serving)).await;
    assert_eq!(answer.status(), 403);
    assert!(!answer.0.contains("access-control-allow"), "{answer:?}");

    let listed = Server::origin(server(), page).token("t", Default::default());
    let serving = Serving::start(listed).await;
    let answer = serving.raw(preflight(&serving)).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(
        answer
            .0
            .contains("access-control-allow-origin: https://app.example.org\r\n")
    );
    let post = serving.post("/runs", START).bearer_auth("t");
    let answer = within(post.header("origin", page).send()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], page);
    assert!(
        answer
            .headers()
            .contains_key("access-control-expose-headers")
    );
    let post = serving.post("/runs", START).bearer_auth("t");
    let other = post.header("origin", "https://other.example.org");
    assert_eq!(refused(other).await.0, 403);
}

#[tokio::test]
async fn ids_cant_be_guessed_walked_or_climbed() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("endless", "x".into()).await;
    let other = serving.detached("endless", "x".into()).await;
    assert!(id.len() >= 32 && id != other);
    let host = format!("host: {}", serving.address);
    for path in [
        "/runs/00000000000000000000000000000000",
        "/runs/..",
        "/runs/../runs",
        "/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/runs/..%2f..%2fetc%2fpasswd/events",
        "/runs/%00",
        "/runs/%ff",
        "/runs/'%20or%201=1--/output",
        "/runs/%25",
        "//runs",
        "/runs/./x",
    ] {
        let answer = serving
            .raw(request(&format!("GET {path}"), &[&host], ""))
            .await;
        assert!(matches!(answer.status(), 400 | 404), "{path}: {answer:?}");
        assert!(!answer.0.contains("passwd"), "{path}: {answer:?}");
    }
    let upper = id.to_uppercase();
    let shorter = &id[..31];
    for guess in [&*upper, shorter] {
        let refusal = refused(serving.get(&format!("/runs/{guess}"))).await;
        assert_eq!(refusal, (404, "run_not_found".into()));
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let serving = Serving::start(server()).await;
    let host = format!("host: {}", serving.address);
    let long = format!("x-long: {}", "x".repeat(64 << 10));
    let many: Vec<_> = (0..100).map(|n| format!("x-{n}: y")).collect();
    let mut many: Vec<_> = many.iter().map(String::as_str).collect();
    many.push(&host);
    let path = format!("GET /{}", "x".repeat(64 << 10));
    for bad in [
        request("GET /health", &[&host, &long], ""),
        request("GET /health", &many, ""),
        request(&path, &[&host], ""),
        request("GET /health", &[&host, "bad header"], ""),
        request("GET /health", &[&host, "x: a\0b"], ""),
        request("POST /runs", &[&host, JSON, "content-length: -1"], ""),
        request(
            "POST /runs",
            &[&host, JSON, "content-length: 1", "content-length: 2"],
            "{}",
        ),
        request("GET /hea lth", &[&host], ""),
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03".to_owned(),
    ] {
        let answer = serving.raw(&bad).await;
        let status = answer.status();
        assert!(
            matches!(status, 0 | 400 | 414 | 431),
            "{status} for {bad:.80}"
        );
    }
    // And the server is still there.
    assert_eq!(serving.get("/health").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn answers_say_what_they_are_and_nothing_of_the_server() {
    let serving = Serving::start(server()).await;
    for answer in [
        serving.get("/health").send().await.unwrap(),
        serving.get("/nothing").send().await.unwrap(),
        serving.post("/runs", START).send().await.unwrap(),
        serving.post("/runs", "{").send().await.unwrap(),
    ] {
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let policy = &answer.headers()["cross-origin-resource-policy"];
        assert_eq!(policy, "same-origin");
        let cached = answer.headers()["cache-control"].to_str().unwrap();
        assert!(matches!(cached, "no-store" | "no-cache"), "{cached}");
        assert!(!answer.headers().contains_key("server"));
        assert!(answer.headers().contains_key("content-type"));
    }
    let other = serving.get("/runs/x/input");
    assert_eq!(refused(other).await, (405, "method_not_allowed".into()));
    assert_eq!(
        refused(serving.get("/nothing")).await,
        (404, "no_such_route".into())
    );
}

//! Connections are used again, and never waited for.

use mainstem_testkit::{Framing, Gate, Reply};
use mainstem_tests::{Seen, ask, model, server, server_with, within};

fn check(seen: &Seen) {
    assert_eq!(seen.text, "Hello", "{:?}", seen.error);
}

#[tokio::test]
async fn fifty_requests_use_one_connection() {
    let hello = || Reply::text(["Hel", "lo"]);
    for (name, reply) in [
        ("plain", hello()),
        ("a comment after [DONE]", hello().comment("bye")),
        (
            "bytes after [DONE]",
            hello().raw("event: end\ndata: {}\n\n\n\n"),
        ),
        (
            "much after [DONE]",
            hello().raw(": padding\n".repeat(20_000)),
        ),
        ("no [DONE]", Reply::stream().content("Hello").finish("stop")),
        ("content-length", hello().framing(Framing::ContentLength)),
        ("single bytes", hello().chunk_size(1)),
    ] {
        let server = server().await;
        server.fallback(reply);
        let model = model(&server);
        for _ in 0..50 {
            check(&within(ask(&model)).await);
        }
        assert_eq!(server.requests().len(), 50, "{name}");
        assert_eq!(server.connections(), 1, "{name}");
    }
}

#[tokio::test]
async fn clones_of_a_model_share_its_connections() {
    let server = server().await;
    server.fallback(Reply::text(["Hello"]));
    let model = model(&server);
    for _ in 0..10 {
        check(&within(ask(&model.clone())).await);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_outlives_a_refused_request() {
    let server = server_with([
        Reply::text(["Hello"]),
        Reply::error_status(429, "slow down"),
        Reply::error_status(500, &"long ".repeat(5_000)),
        Reply::status(401),
        Reply::text(["Hello"]),
    ])
    .await;
    let model = model(&server);
    check(&within(ask(&model)).await);
    for status in [429, 500, 401] {
        let seen = within(ask(&model)).await;
        assert_eq!(seen.failure().status(), Some(status));
    }
    check(&within(ask(&model)).await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used_again() {
    let server = server().await;
    server.fallback(Reply::text(["Hello"]).framing(Framing::CloseDelimited));
    let model = model(&server);
    for _ in 0..5 {
        check(&within(ask(&model)).await);
    }
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn a_body_that_stays_open_after_done_does_not_hold_the_answer() {
    let gate = Gate::new();
    let server = server_with([Reply::text(["Hello"]).gate(&gate), Reply::text(["Hello"])]).await;
    let model = model(&server);
    check(&within(ask(&model)).await);
    assert!(!gate.is_open());
    assert_eq!(
        within(server.disconnected(0)).await.request,
        0,
        "it was given up"
    );
    check(&within(ask(&model)).await);
}

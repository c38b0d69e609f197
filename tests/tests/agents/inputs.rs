//! Row R14: empty and very long inputs.

use mainstem::ErrorKind;
use mainstem_testkit::Reply;
use mainstem_tests::{agent, builder, server, server_with, within};

#[tokio::test]
async fn r14_an_empty_input_is_an_error_before_any_request() {
    let server = server().await;
    let agent = agent(&server);
    for input in ["", " ", "\n\t \u{a0}"] {
        let error = within(agent.run(input)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{input:?}");
        assert!(error.message().contains("allow_empty_input"), "{error}");
        assert!(!error.is_retryable());
        let mut run = agent.run_streamed(input);
        let error = within(run.next_text()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{input:?}");
    }
    assert!(server.requests().is_empty());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn r14_an_empty_input_is_sent_where_it_is_allowed() {
    let server = server_with([Reply::text(["Hello"])]).await;
    let agent = builder(&server).allow_empty_input().build().unwrap();
    assert_eq!(within(agent.run("")).await.unwrap().output, "Hello");
    assert_eq!(server.requests()[0].user_text(), Some(""));
}

#[tokio::test]
async fn r14_a_long_input_is_sent_whole() {
    let server = server_with([Reply::text(["Hello"])]).await;
    let input = "Jays, \"jays\"\n".repeat(100 * 1024 / 13 + 1);
    assert!(input.len() >= 100 * 1024);
    within(agent(&server).run(input.clone())).await.unwrap();
    assert_eq!(server.requests()[0].user_text(), Some(input.as_str()));
}

#[tokio::test]
async fn r14_a_limit_refuses_and_names_both_sizes() {
    let server = server_with([Reply::text(["Hello"])]).await;
    let agent = builder(&server).max_input_bytes(10).build().unwrap();
    // Bytes, not characters.
    let error = within(agent.run("ääääää")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(
        error.message(),
        "the input is 12 bytes long; the agent takes 10 at most: raise its `max_input_bytes`"
    );
    assert!(server.requests().is_empty());
    within(agent.run("äääää")).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

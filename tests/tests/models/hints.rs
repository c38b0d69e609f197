//! Failures before an answer say what to look at.

use futures::StreamExt;
use mainstem::{
    Agent, ErrorKind,
    models::{ChatCompletionsBuilder, async_openai::config::OpenAIConfig},
};
use mainstem_testkit::Reply;
use mainstem_tests::{ask, model_builder, read, server_with, within};

/// The error of a request that got this status.
async fn refused(
    status: u16,
    set_up: impl FnOnce(ChatCompletionsBuilder, &str) -> ChatCompletionsBuilder,
) -> String {
    let server = server_with([Reply::error_status(status, "no")]).await;
    let model = set_up(model_builder(&server), &server.base_url());
    let seen = within(ask(&model.build().unwrap())).await;
    seen.failure().message().to_owned()
}

#[tokio::test]
async fn a_refused_key_is_named_by_where_it_came_from() {
    let config = |url: &str| OpenAIConfig::new().with_api_base(url);
    for (message, origin) in [
        (refused(401, |model, _| model).await, "no key was given"),
        (
            refused(401, |model, _| model.api_key("sesame")).await,
            "`api_key`",
        ),
        (
            refused(403, |model, _| model.api_key_variable("PATH")).await,
            "the variable PATH",
        ),
        (
            refused(401, |model, _| {
                model.api_key_from(|| async { Ok("sesame".to_owned()) })
            })
            .await,
            "`api_key_from`",
        ),
        (
            refused(401, |model, url| {
                model.config(config(url).with_api_key("sesame"))
            })
            .await,
            "the configuration",
        ),
    ] {
        assert!(message.contains(origin), "{message}");
        assert!(!message.contains("sesame"), "{message}");
        assert!(!message.contains(&std::env::var("PATH").unwrap()));
    }
}

#[tokio::test]
async fn the_key_of_a_variable_is_sent() {
    let server = server_with([Reply::text(["Hi"])]).await;
    let model = model_builder(&server).api_key_variable("PATH");
    within(ask(&model.build().unwrap())).await;
    let expected = format!("Bearer {}", std::env::var("PATH").unwrap().trim());
    let requests = server.requests();
    assert_eq!(requests[0].header("authorization"), Some(&*expected));
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let server = server_with([]).await;
    let model = model_builder(&server).api_key_variable("MAINSTEM_TEST_UNSET");
    let error = model.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("MAINSTEM_TEST_UNSET"), "{error}");
}

#[tokio::test]
async fn each_status_with_a_usual_cause_names_it() {
    for (status, hint) in [
        (404, "check the model's name and the base URL (now at 127."),
        (405, "the base URL"),
        (302, "redirects aren't followed; check the base URL"),
        (429, "a `Recovery` around the model tries again"),
    ] {
        let message = refused(status, |model, _| model).await;
        assert!(message.contains(hint), "{message}");
    }
    let waits = Reply::error_status(429, "no").header("retry-after", "7");
    let seen = read(waits).await;
    assert!(seen.failure().message().contains("asks to wait 7s"));
    assert_eq!(
        refused(500, |model, _| model).await,
        "`m` answered 500 Internal Server Error"
    );
}

#[tokio::test]
async fn a_web_page_is_no_answer() {
    let page = "\n<!DOCTYPE html><html><body>sesame</body></html>";
    for reply in [
        Reply::status(200).body(page).content_type("text/html"),
        Reply::status(200)
            .body(page)
            .content_type("text/html; charset=utf-8"),
        Reply::status(200).body(page).content_type("text/plain"),
        Reply::status(200)
            .body("<head></head>")
            .content_type("text/html"),
    ] {
        let seen = read(reply).await;
        let error = seen.failure();
        assert_eq!(error.kind(), ErrorKind::Model);
        assert!(!error.is_retryable());
        let message = error.message();
        assert!(message.contains("a web page"), "{message}");
        assert!(message.contains("check the base URL (now at 127."));
        assert!(!format!("{error:?}").contains("sesame"));
    }
}

/// Some frameworks call everything a page.
#[tokio::test]
async fn a_stream_that_is_called_a_page_is_read() {
    let seen = read(Reply::text(["Hel", "lo"]).content_type("text/html")).await;
    assert_eq!(seen.text, "Hello");
}

#[tokio::test]
async fn a_request_that_was_refused_counts() {
    let server = server_with([Reply::error_status(500, "no")]).await;
    let agent = Agent::builder(model_builder(&server).build().unwrap());
    let mut run = agent.build().unwrap().run_streamed("Hi");
    while within(run.next()).await.is_some() {}
    let error = run.await.unwrap_err();
    assert_eq!(error.partial().unwrap().usage.requests, 1);
}

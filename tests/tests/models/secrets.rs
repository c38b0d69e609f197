//! A key is in the request's header, and nowhere else.

use std::{error::Error as _, fmt::Debug};

use mainstem::{
    Agent, Error, ErrorInfo, ModelSettings, models::async_openai::config::OpenAIConfig,
};
use mainstem_testkit::Reply;
use mainstem_tests::{model_builder, server_with, within};
use serde_json::json;

const KEY: &str = "sk-sesame-123";

fn debug(thing: &impl Debug) -> String {
    format!("{thing:?}\n{thing:#?}")
}

/// All that can be seen of an error, through all its causes.
fn all_of(error: &Error) -> String {
    let mut all = format!("{error}\n{}", debug(error));
    all += &serde_json::to_string(&ErrorInfo::from(error)).unwrap();
    all += &debug(&ErrorInfo::from(error));
    let mut cause = error.source();
    while let Some(error) = cause {
        all += &format!("{error}\n{error:?}\n");
        cause = error.source();
    }
    all
}

fn echoes() -> Vec<Reply> {
    let words = format!("Incorrect API key provided: {KEY}. (Bearer {KEY})");
    vec![
        Reply::status(401).json(&json!({"error": {"message": words, "code": "invalid_api_key"}})),
        Reply::status(401).json(&json!({"error": {"message": "no", "code": format!("bad {KEY}")}})),
        Reply::status(401).json(&json!({"detail": [{"input": {"authorization": words}}]})),
        Reply::status(401).body(words.clone()),
        Reply::status(401)
            .body(format!("<html>{words}</html>"))
            .content_type("text/html"),
        Reply::stream().content("x").error(words.clone()),
        Reply::stream().content("x").data(words.clone()),
        Reply::stream()
            .content("x")
            .raw(format!("event: error\ndata: {words}\n\n")),
        Reply::status(200).json(&json!({"error": {"message": words}})),
        Reply::status(200).body(words),
    ]
}

#[tokio::test]
async fn a_server_that_echoes_the_key_does_not_give_it_away() {
    for reply in echoes() {
        let shown = format!("{reply:?}");
        let server = server_with([reply]).await;
        let model = model_builder(&server).api_key(KEY).build().unwrap();
        let agent = Agent::builder(model).build().unwrap();
        let error = within(agent.run("Hi")).await.unwrap_err();
        assert_eq!(
            server.requests()[0].header("authorization"),
            Some("Bearer sk-sesame-123")
        );
        assert!(
            !all_of(&error).contains("sesame"),
            "{shown}\n{}",
            all_of(&error)
        );
    }
}

#[tokio::test]
async fn the_rest_of_the_servers_words_is_kept() {
    let words = format!("Incorrect API key provided: {KEY}.");
    let server = server_with([Reply::error_status(401, &words)]).await;
    let model = model_builder(&server)
        .api_key_from(|| async { Ok(KEY.to_owned()) })
        .build()
        .unwrap();
    let agent = Agent::builder(model).build().unwrap();
    let error = within(agent.run("Hi")).await.unwrap_err();
    assert_eq!(
        error.upstream().unwrap().message(),
        "Incorrect API key provided: [key]."
    );
    assert_eq!(error.status(), Some(401));
}

#[tokio::test]
async fn nothing_that_knows_a_key_shows_it() {
    let server = server_with([]).await;
    let builder = model_builder(&server).api_key(KEY).header("x-secret", KEY);
    let configured = model_builder(&server).config(OpenAIConfig::new().with_api_key(KEY));
    let provided = model_builder(&server).api_key_from(|| async { Ok(KEY.to_owned()) });
    let mut shown = debug(&builder) + &debug(&configured) + &debug(&provided);
    for builder in [builder, configured, provided] {
        let model = builder.build().unwrap();
        shown += &debug(&model);
        let settings = ModelSettings::new().extra_header("authorization", KEY);
        shown += &debug(&settings);
        let agent = Agent::builder(model).settings(settings.clone());
        shown += &debug(&agent);
        let agent = agent.build().unwrap();
        shown += &debug(&agent);
        let run = agent.run("Hi").settings(settings);
        shown += &debug(&run);
        shown += &debug(&run.stream());
    }
    assert!(!shown.contains("sesame"), "{shown}");
}

#[tokio::test]
async fn an_address_with_a_password_is_not_shown_when_nobody_is_there() {
    let gone = mainstem_testkit::ScriptedServer::start().await.unwrap();
    let url = format!("http://user:sesame@{}/v1?key=sesame", gone.address());
    let model = model_builder(&gone).base_url(url).build().unwrap();
    let address = gone.address();
    drop(gone);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let agent = Agent::builder(model).build().unwrap();
    let error = within(agent.run("Hi")).await.unwrap_err();
    assert!(!all_of(&error).contains("sesame"), "{}", all_of(&error));
    assert!(error.message().contains("can't connect"), "{error}");
}

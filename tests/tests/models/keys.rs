//! Where requests go, and which key they carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mainstem::{
    Error, ErrorKind, Model, ModelEvent,
    models::{
        ChatCompletions, ChatCompletionsBuilder, Provider,
        async_openai::config::{AzureConfig, OpenAIConfig},
        reqwest,
    },
};
use mainstem_testkit::{Recorded, Reply, ScriptedServer};
use mainstem_tests::{ask, model_builder, server, server_with, within};

async fn sent(
    set_up: impl FnOnce(ChatCompletionsBuilder, &ScriptedServer) -> ChatCompletionsBuilder,
) -> Recorded {
    let server = server_with([Reply::text(["Hello"])]).await;
    let model = set_up(model_builder(&server), &server).build().unwrap();
    let seen = within(ask(&model)).await;
    assert_eq!(seen.text, "Hello", "{:?}", seen.error);
    server.requests().remove(0)
}

/// The values of both headers that a key may stand in.
fn keys(request: &Recorded) -> (Option<&str>, Option<&str>) {
    (request.header("authorization"), request.header("api-key"))
}

#[tokio::test]
async fn a_key_is_sent_as_bearer_and_without_one_there_is_no_header() {
    let request = sent(|model, _| model.api_key("sk-1")).await;
    assert_eq!(keys(&request), (Some("Bearer sk-1"), None));
    assert_eq!(
        (request.path.as_str(), request.query.as_deref()),
        ("/v1/chat/completions", None)
    );
    for key in ["", "  "] {
        assert_eq!(
            keys(&sent(|model, _| model.api_key(key)).await),
            (None, None)
        );
    }
    assert_eq!(keys(&sent(|model, _| model).await), (None, None));
    let request = sent(|model, _| model.api_key(" sk-1\n")).await;
    assert_eq!(
        keys(&request),
        (Some("Bearer sk-1"), None),
        "blanks around it aren't the key's"
    );
}

#[tokio::test]
async fn the_default_client_is_a_client() {
    let server = server_with([Reply::text(["Hello"])]).await;
    let model = ChatCompletions::builder("m")
        .base_url(server.base_url())
        .build()
        .unwrap();
    assert_eq!(within(ask(&model)).await.text, "Hello");
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_base_url_does_no_harm() {
    let request = sent(|model, server| model.base_url(server.base_url() + "/")).await;
    assert_eq!(request.path, "/v1/chat/completions");
}

#[tokio::test]
async fn a_key_provider_is_asked_before_each_request() {
    let server = server().await;
    server.fallback(Reply::text(["Hello"]));
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    let provide = move || {
        let n = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            Ok(format!("sk-{n}"))
        }
    };
    let model = model_builder(&server)
        .api_key_from(provide)
        .build()
        .unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 0, "not before it is needed");
    for n in 0..3 {
        within(ask(&model)).await;
        assert_eq!(
            server.requests()[n].header("authorization"),
            Some(format!("Bearer sk-{n}").as_str())
        );
    }
}

#[tokio::test]
async fn an_error_of_the_key_provider_is_the_requests_error() {
    let server = server().await;
    let provide = || async { Err(Error::new(ErrorKind::Store, "the vault is closed")) };
    let model = model_builder(&server)
        .api_key_from(provide)
        .build()
        .unwrap();
    let seen = within(ask(&model)).await;
    let error = seen.failure();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Store, "the vault is closed")
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_key_that_cannot_stand_in_a_header_is_an_error_without_the_key() {
    let server = server().await;
    let provide = || async { Ok("sesame\nopen".to_owned()) };
    let model = model_builder(&server)
        .api_key_from(provide)
        .build()
        .unwrap();
    let seen = within(ask(&model)).await;
    assert_eq!(seen.failure().kind(), ErrorKind::Config);
    assert!(!format!("{:?}", seen.failure()).contains("sesame"));
    assert!(server.requests().is_empty());
}

/// `https://NAME.openai.azure.com`, as it were.
fn root(server: &ScriptedServer) -> String {
    format!("http://{}", server.address())
}

#[tokio::test]
async fn azure_has_its_own_path_version_and_header() {
    let request = sent(|model, server| {
        model
            .provider(Provider::Azure)
            .base_url(root(server))
            .api_key("k")
    })
    .await;
    let version = std::env::var("OPENAI_API_VERSION").unwrap_or_else(|_| "2024-10-21".to_owned());
    assert_eq!(request.path, "/openai/deployments/m/chat/completions");
    assert_eq!(request.query, Some(format!("api-version={version}")));
    assert_eq!(keys(&request), (None, Some("k")));
}

#[tokio::test]
async fn async_openais_configuration_is_kept_to() {
    let openai = |server: &ScriptedServer| {
        let config = OpenAIConfig::new()
            .with_api_base(server.base_url())
            .with_api_key("sk-1");
        let config = config.with_org_id("org").with_project_id("project");
        config.with_header("x-app", "birds").unwrap()
    };
    let request = sent(|model, server| model.config(openai(server))).await;
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(keys(&request), (Some("Bearer sk-1"), None));
    assert_eq!(request.header("openai-organization"), Some("org"));
    assert_eq!(request.header("openai-project"), Some("project"));
    assert_eq!(request.header("x-app"), Some("birds"));

    let request = sent(|model, server| model.config(openai(server)).api_key("sk-2")).await;
    assert_eq!(
        keys(&request),
        (Some("Bearer sk-2"), None),
        "a key of ours goes before it"
    );
    let request = sent(|model, server| model.config(openai(server)).api_key("")).await;
    assert_eq!(keys(&request), (None, None), "and so does none");
    let request = sent(|model, server| model.config(openai(server).with_api_key(""))).await;
    assert_eq!(keys(&request), (None, None));
}

#[tokio::test]
async fn async_openais_configuration_for_azure_is_kept_to() {
    let azure = |server: &ScriptedServer| {
        let config = AzureConfig::new()
            .with_api_base(root(server))
            .with_api_key("k");
        config
            .with_api_version("2025-01-01")
            .with_deployment_id("birds")
    };
    let request = sent(|model, server| model.config(azure(server))).await;
    assert_eq!(request.path, "/openai/deployments/birds/chat/completions");
    assert_eq!(request.query.as_deref(), Some("api-version=2025-01-01"));
    assert_eq!(keys(&request), (None, Some("k")));
    let request = sent(|model, server| model.config(azure(server)).api_key("other")).await;
    assert_eq!(keys(&request), (None, Some("other")));
    let request = sent(|model, server| model.config(azure(server)).provider(Provider::Azure)).await;
    assert_eq!(keys(&request), (None, Some("k")));
}

/// It would panic in the middle of a request.
#[test]
fn a_configuration_whose_key_cannot_stand_in_a_header_is_refused() {
    let config = OpenAIConfig::new()
        .with_api_base("http://a.example")
        .with_api_key("sesame\n");
    let error = ChatCompletions::builder("m")
        .config(config)
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!format!("{error:?}").contains("sesame"));
}

#[tokio::test]
async fn an_applications_own_client_is_used() {
    let own = reqwest::Client::builder()
        .user_agent("birds/1")
        .build()
        .unwrap();
    let request = sent(|model, _| model.client(own)).await;
    assert_eq!(request.header("user-agent"), Some("birds/1"));
}

#[tokio::test]
async fn the_servers_id_of_the_request_is_kept() {
    for name in ["x-request-id", "request-id", "apim-request-id"] {
        let mut reply = Reply::text(["Hello"]).header(name, "r-7");
        if name != "x-request-id" {
            reply = reply.header("x-request-id", "");
        }
        let server = server_with([reply]).await;
        let model = model_builder(&server).build().unwrap();
        let seen = within(ask(&model)).await;
        let ModelEvent::Started {
            request_id: Some(id),
        } = &seen.events[0]
        else {
            panic!("{name}: {:?}", seen.events[0])
        };
        assert_eq!(*id, "r-7", "{name}");
    }
    let server = server_with([Reply::text(["Hello"])]).await;
    let model = model_builder(&server).build().unwrap();
    let seen = within(ask(&model)).await;
    assert_eq!(
        seen.events[0],
        ModelEvent::Started {
            request_id: Some("req-testkit-0".into())
        }
    );
    assert_eq!(model.id(), "m");
}

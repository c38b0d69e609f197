//! What the settings of an agent and of a run become in the request.

use mainstem::{
    ModelSettings, ReasoningEffort, ToolChoice,
    models::{ChatCompletionsBuilder, Provider},
};
use mainstem_testkit::{Recorded, Reply};
use mainstem_tests::{ask, model_builder, server_with, within};
use serde_json::{Value, json};

/// The request of an agent with these settings, for a run with those.
async fn sent(
    set_up: impl FnOnce(ChatCompletionsBuilder) -> ChatCompletionsBuilder,
    agent: ModelSettings,
    run: ModelSettings,
) -> Recorded {
    let server = server_with([Reply::text(["Hello"])]).await;
    let model = set_up(model_builder(&server)).build().unwrap();
    let agent = mainstem::Agent::builder(model)
        .settings(agent)
        .build()
        .unwrap();
    within(agent.run("Hi").settings(run)).await.unwrap();
    server.requests().remove(0)
}

async fn body_of(settings: ModelSettings) -> Value {
    sent(|model| model, settings, ModelSettings::new())
        .await
        .body
}

#[tokio::test]
async fn without_settings_nothing_is_sent_but_what_has_to_be() {
    let expected = json!({
        "model": "m",
        "stream": true,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "Hi"}],
    });
    assert_eq!(body_of(ModelSettings::new()).await, expected);
}

#[tokio::test]
async fn each_setting_has_its_field() {
    let new = ModelSettings::new;
    for (settings, field, value) in [
        (new().temperature(0.5), "temperature", json!(0.5)),
        (new().top_p(0.25), "top_p", json!(0.25)),
        (new().max_output_tokens(7), "max_tokens", json!(7)),
        (new().stop(["a", "b"]), "stop", json!(["a", "b"])),
        (new().seed(-3), "seed", json!(-3)),
        (
            new().tool_choice(ToolChoice::Auto),
            "tool_choice",
            json!("auto"),
        ),
        (
            new().tool_choice(ToolChoice::None),
            "tool_choice",
            json!("none"),
        ),
        (
            new().tool_choice(ToolChoice::Required),
            "tool_choice",
            json!("required"),
        ),
        (
            new().tool_choice(ToolChoice::Tool("f".into())),
            "tool_choice",
            json!({"type": "function", "function": {"name": "f"}}),
        ),
        (
            new().reasoning_effort(ReasoningEffort::None),
            "reasoning_effort",
            json!("none"),
        ),
        (
            new().reasoning_effort(ReasoningEffort::Minimal),
            "reasoning_effort",
            json!("minimal"),
        ),
        (
            new().reasoning_effort(ReasoningEffort::Low),
            "reasoning_effort",
            json!("low"),
        ),
        (
            new().reasoning_effort(ReasoningEffort::Medium),
            "reasoning_effort",
            json!("medium"),
        ),
        (
            new().reasoning_effort(ReasoningEffort::High),
            "reasoning_effort",
            json!("high"),
        ),
        (new().extra_body("top_k", 4), "top_k", json!(4)),
    ] {
        let mut body = body_of(settings).await;
        let fields = body.as_object_mut().unwrap();
        assert_eq!(fields.remove(field), Some(value), "{field}");
        let mut rest: Vec<_> = fields.keys().map(String::as_str).collect();
        rest.sort_unstable();
        assert_eq!(
            rest,
            ["messages", "model", "stream", "stream_options"],
            "{field} alone is added"
        );
    }
}

/// A person who writes 0.7 reads 0.7 in the provider's log.
#[tokio::test]
async fn numbers_are_sent_as_they_were_written() {
    let server = server_with([Reply::text(["Hello"])]).await;
    let settings = ModelSettings::new().temperature(0.7).top_p(0.9);
    let agent = mainstem_tests::builder(&server)
        .settings(settings)
        .build()
        .unwrap();
    within(agent.run("Hi")).await.unwrap();
    let raw = String::from_utf8(server.requests().remove(0).raw).unwrap();
    assert!(
        raw.contains(r#""temperature":0.7,"#) || raw.contains(r#""temperature":0.7}"#),
        "{raw}"
    );
    assert!(
        raw.contains(r#""top_p":0.9,"#) || raw.contains(r#""top_p":0.9}"#),
        "{raw}"
    );
}

#[tokio::test]
async fn the_limit_of_tokens_has_the_name_that_the_provider_knows() {
    for (provider, field) in [
        (Provider::OpenAi, "max_completion_tokens"),
        (Provider::Azure, "max_completion_tokens"),
        (Provider::Groq, "max_completion_tokens"),
        (Provider::Anthropic, "max_tokens"),
        (Provider::Gemini, "max_tokens"),
        (Provider::OpenRouter, "max_tokens"),
        (Provider::Ollama, "max_tokens"),
        (Provider::LmStudio, "max_tokens"),
    ] {
        let settings = ModelSettings::new().max_output_tokens(9);
        let set_up = |model: ChatCompletionsBuilder| model.provider(provider).api_key("k");
        let body = sent(set_up, settings, ModelSettings::new()).await.body;
        assert_eq!(body[field], 9, "{provider:?}");
        let both = body.get("max_tokens").is_some() && body.get("max_completion_tokens").is_some();
        assert!(!both, "{provider:?}");
    }
}

#[tokio::test]
async fn extra_body_goes_before_our_own_fields() {
    let settings = ModelSettings::new()
        .temperature(0.5)
        .extra_body("temperature", 1)
        .extra_body("model", "another")
        .extra_body("stream_options", json!({"include_usage": true, "x": 1}))
        .extra_body("metadata", json!({"user": "ada"}));
    let body = body_of(settings).await;
    assert_eq!(body["temperature"], 1);
    assert_eq!(body["model"], "another");
    assert_eq!(body["stream_options"]["x"], 1);
    assert_eq!(body["metadata"], json!({"user": "ada"}));
}

#[tokio::test]
async fn a_runs_settings_go_before_its_agents() {
    let agent = ModelSettings::new()
        .temperature(0.5)
        .seed(1)
        .stop(["agent"])
        .extra_body("a", "agent")
        .extra_body("b", "agent")
        .extra_header("x-a", "agent")
        .extra_header("x-b", "agent");
    let run = ModelSettings::new()
        .seed(2)
        .stop(["run"])
        .extra_body("b", "run")
        .extra_header("x-b", "run");
    let request = sent(|model| model, agent, run).await;
    assert_eq!(request.body["temperature"], 0.5);
    assert_eq!(
        (&request.body["seed"], &request.body["stop"]),
        (&json!(2), &json!(["run"]))
    );
    assert_eq!(
        (&request.body["a"], &request.body["b"]),
        (&json!("agent"), &json!("run"))
    );
    assert_eq!(request.header("x-a"), Some("agent"));
    assert_eq!(request.header("x-b"), Some("run"));
}

#[tokio::test]
async fn a_models_headers_are_sent_and_a_runs_go_before_them() {
    let run = ModelSettings::new().extra_header("x-title", "run");
    let set_up =
        |model: ChatCompletionsBuilder| model.header("x-title", "model").header("x-app", "birds");
    let request = sent(set_up, ModelSettings::new(), run).await;
    let titles: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| name == "x-title")
        .collect();
    assert_eq!(titles.len(), 1, "{titles:?}");
    assert_eq!(titles[0].1, "run");
    assert_eq!(request.header("x-app"), Some("birds"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn usage_is_not_asked_for_where_a_server_refuses_that() {
    let body = sent(
        |model| model.include_usage(false),
        ModelSettings::new(),
        ModelSettings::new(),
    )
    .await
    .body;
    assert!(body.get("stream_options").is_none(), "{body}");
}

#[tokio::test]
async fn without_streaming_nothing_of_streams_is_sent() {
    let request = sent(
        |model| model.streaming(false),
        ModelSettings::new(),
        ModelSettings::new(),
    )
    .await;
    assert_eq!(request.body["stream"], false);
    assert!(request.body.get("stream_options").is_none());
    assert_eq!(request.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn the_same_model_without_streaming_keeps_all_else() {
    let builder = |server: &_| {
        model_builder(server)
            .api_key("sesame")
            .header("x-team", "birds")
    };
    let server = server_with([Reply::text(["a", "b"]), Reply::text(["a", "b"])]).await;
    let model = builder(&server).build().unwrap();
    let streamed = within(ask(&model)).await;
    let whole = within(ask(&model.without_streaming())).await;
    assert_eq!(
        (&whole.text, whole.finish),
        (&streamed.text, streamed.finish)
    );
    assert_eq!(whole.usage, streamed.usage);
    assert_eq!(whole.text, "ab");
    let requests = server.requests();
    assert_eq!(requests[0].body["stream"], true);
    assert_eq!(requests[1].body["stream"], false);
    for name in ["authorization", "x-team"] {
        assert!(requests[1].header(name).is_some(), "{name}");
        assert_eq!(requests[1].header(name), requests[0].header(name));
    }
    assert_eq!(server.connections(), 1);
}

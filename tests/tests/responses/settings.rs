//! What settings, tools and outputs become in the request.

use mainstem::{
    Agent, ErrorKind, Message, Model, ModelRequest, ModelSettings, OutputMode, OutputSpec,
    ReasoningEffort, ToolChoice, ToolSpec,
    models::{Provider, ReasoningSummary, ResponsesBuilder},
    structured::Schema,
};
use mainstem_testkit::{Recorded, Reply};
use mainstem_tests::{Seen, responses_builder, server_with, within};
use serde_json::{Value, json};

/// The request of an agent with these settings, for a run with those.
async fn sent(
    set_up: impl FnOnce(ResponsesBuilder) -> ResponsesBuilder,
    agent: ModelSettings,
    run: ModelSettings,
) -> Recorded {
    let server = server_with([Reply::text(["Hello"])]).await;
    let model = set_up(responses_builder(&server)).build().unwrap();
    let agent = Agent::builder(model).settings(agent).build().unwrap();
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
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "input": [{"role": "user", "content": "Hi"}],
    });
    assert_eq!(body_of(ModelSettings::new()).await, expected);
}

#[tokio::test]
async fn each_setting_has_its_field() {
    let new = ModelSettings::new;
    for (settings, field, value) in [
        (new().temperature(0.7), "temperature", json!(0.7)),
        (new().top_p(0.25), "top_p", json!(0.25)),
        (new().max_output_tokens(7), "max_output_tokens", json!(7)),
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
            new().tool_choice(ToolChoice::Tool("feed".into())),
            "tool_choice",
            json!({"type": "function", "name": "feed"}),
        ),
        (
            new().reasoning_effort(ReasoningEffort::Low),
            "reasoning",
            json!({"effort": "low"}),
        ),
        (new().extra_body("user", "ada"), "user", json!("ada")),
        (new().extra_body("include", json!([])), "include", json!([])),
        (new().seed(3), "seed", json!(null)),
    ] {
        assert_eq!(body_of(settings).await[field], value, "{field}");
    }
}

#[tokio::test]
async fn the_settings_of_a_run_go_before_those_of_the_agent() {
    let agent = ModelSettings::new()
        .temperature(1.0)
        .extra_header("x-a", "1");
    let run = ModelSettings::new()
        .temperature(0.0)
        .extra_header("x-b", "2");
    let request = sent(|model| model.header("x-c", "3"), agent, run).await;
    assert_eq!(request.body["temperature"], 0.0);
    let header = |name| request.header(name).unwrap();
    assert_eq!(
        (header("x-a"), header("x-b"), header("x-c")),
        ("1", "2", "3")
    );
}

#[tokio::test]
async fn the_model_has_settings_of_its_own() {
    let new = ModelSettings::new;
    let effort = new().reasoning_effort(ReasoningEffort::High);
    let summary = ReasoningSummary::Detailed;
    let body = sent(|model| model.reasoning_summary(summary), effort, new())
        .await
        .body;
    assert_eq!(
        body["reasoning"],
        json!({"effort": "high", "summary": "detailed"})
    );
    for (summary, word) in [
        (ReasoningSummary::Auto, "auto"),
        (ReasoningSummary::Concise, "concise"),
    ] {
        let body = sent(|model| model.reasoning_summary(summary), new(), new())
            .await
            .body;
        assert_eq!(body["reasoning"], json!({"summary": word}));
    }
    let body = sent(|model| model.store(true), new(), new()).await.body;
    assert_eq!((&body["store"], body.get("include")), (&json!(true), None));
    let body = sent(|model| model.carries_reasoning(false), new(), new())
        .await
        .body;
    assert_eq!((&body["store"], body.get("include")), (&json!(false), None));
}

#[tokio::test]
async fn stop_texts_are_refused_before_anything_is_sent() {
    let server = server_with([]).await;
    let agent = Agent::builder(responses_builder(&server).build().unwrap());
    let agent = agent
        .settings(ModelSettings::new().stop(["END"]))
        .build()
        .unwrap();
    let error = within(agent.run("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("leave out `stop`"), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn tools_say_that_they_are_not_strict() {
    let server = server_with([Reply::text(["Hello"])]).await;
    let mut request = ModelRequest::new([Message::user("Hi")]);
    let parameters = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    request.tools = vec![ToolSpec::new(
        "weather",
        "Tells the weather.",
        parameters.clone(),
    )];
    let model = responses_builder(&server).build().unwrap();
    within(Seen::of(model.stream(request))).await;
    let expected = json!([{
        "type": "function",
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": parameters,
        "strict": false,
    }]);
    assert_eq!(server.requests()[0].body["tools"], expected);
}

/// What is sent for a list of texts in a mode, and the output's text.
async fn typed(mode: OutputMode, reply: Reply) -> (Value, Seen) {
    let server = server_with([reply]).await;
    let model = responses_builder(&server)
        .output_mode(mode)
        .build()
        .unwrap();
    let schema = json!({"type": "array", "items": {"type": "string"}, "title": "Birds"});
    let mut request = ModelRequest::new([Message::user("Hi")]);
    request.output = Some(OutputSpec::new(Schema::from_value(schema).unwrap()));
    let seen = within(Seen::of(model.stream(request))).await;
    (server.requests().remove(0).body, seen)
}

#[tokio::test]
async fn strict_mode_sends_the_strict_form_and_unwraps_what_comes() {
    let reply = Reply::text([r#"{"value":["#, r#""jay"]}"#]);
    let (body, seen) = typed(OutputMode::StrictSchema, reply).await;
    let format = &body["text"]["format"];
    assert_eq!(
        (&format["type"], &format["name"]),
        (&json!("json_schema"), &json!("Birds"))
    );
    assert_eq!(format["strict"], true);
    assert_eq!(format["schema"]["required"], json!(["value"]));
    assert_eq!(seen.text, r#"["jay"]"#);
}

#[tokio::test]
async fn each_mode_has_its_own_form() {
    let plain = || Reply::text([r#"["jay"]"#]);
    let (body, seen) = typed(OutputMode::Schema, plain()).await;
    let format = &body["text"]["format"];
    assert_eq!(
        (&format["strict"], &format["schema"]["type"]),
        (&json!(false), &json!("array"))
    );
    assert_eq!(seen.text, r#"["jay"]"#);

    let (body, _) = typed(OutputMode::JsonObject, plain()).await;
    assert_eq!(body["text"]["format"], json!({"type": "json_object"}));
    assert_eq!(body["input"][0]["role"], "system");
    assert!(
        body["input"][0]["content"]
            .as_str()
            .unwrap()
            .contains("JSON schema")
    );

    let (body, _) = typed(OutputMode::Prompt, plain()).await;
    assert!(body.get("text").is_none());
    assert!(
        body["input"][0]["content"]
            .as_str()
            .unwrap()
            .contains("JSON schema")
    );

    let arguments = json!({"value": ["jay"]});
    let (body, seen) = typed(
        OutputMode::ForcedTool,
        Reply::tool_call("a", "output", &arguments),
    )
    .await;
    assert_eq!(
        body["tool_choice"],
        json!({"type": "function", "name": "output"})
    );
    assert_eq!(body["tools"][0]["parameters"]["required"], json!(["value"]));
    assert_eq!((&*seen.text, seen.calls.len()), (r#"["jay"]"#, 0));
    assert_eq!(seen.finish, Some(mainstem::FinishReason::Stop));
}

#[tokio::test]
async fn a_provider_has_its_id_and_its_way_of_outputs() {
    let server = server_with([]).await;
    let model = responses_builder(&server)
        .provider(Provider::OpenAi)
        .api_key("k");
    let model = model.build().unwrap();
    assert_eq!(model.id(), "openai+responses://m");
    let output = OutputSpec::new(Schema::any());
    assert_eq!(model.output_mode(&output), Some(OutputMode::StrictSchema));
}

#[tokio::test]
async fn azure_has_the_paths_of_openai() {
    for root in ["", "/openai/v1"] {
        let server = server_with([Reply::text(["Hello"])]).await;
        let url = format!("http://{}{root}", server.address());
        let model = responses_builder(&server)
            .base_url(url)
            .provider(Provider::Azure);
        let model = model.api_key("k").build().unwrap();
        within(mainstem_tests::ask(&model)).await;
        let request = server.requests().remove(0);
        assert_eq!(request.path, "/openai/v1/responses");
        assert_eq!((request.query, &request.body["model"]), (None, &json!("m")));
    }
}

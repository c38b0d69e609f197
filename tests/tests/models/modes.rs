//! The ways in which a model is held to an output schema: what is sent, and what is read.

use futures::StreamExt;
use mainstem::{
    Agent, ErrorKind, EventKind, OutputMode,
    models::{ChatCompletionsBuilder, Provider},
};
use mainstem_testkit::{Recorded, Reply};
use mainstem_tests::{model_builder, server_with, within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Bird {
    name: String,
    eggs: Option<u8>,
}

fn jay() -> Bird {
    Bird {
        name: "jay".into(),
        eggs: Some(5),
    }
}

const JAY: [&str; 3] = [r#"{"name":"#, r#""jay","eg"#, r#"gs":5}"#];

/// What a run in this mode sent, showed and gave.
struct Ran<T> {
    request: Recorded,
    chunks: Vec<String>,
    output: mainstem::Result<T>,
}

async fn run<T>(
    set_up: impl FnOnce(ChatCompletionsBuilder) -> ChatCompletionsBuilder,
    mode: Option<OutputMode>,
    reply: Reply,
) -> Ran<T>
where
    T: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
{
    let server = server_with([reply]).await;
    let model = set_up(model_builder(&server)).build().unwrap();
    let mut agent = Agent::builder(model)
        .instructions("Birds only.")
        .output::<T>();
    if let Some(mode) = mode {
        agent = agent.output_mode(mode);
    }
    let mut run = agent.build().unwrap().run_streamed("Hi");
    let mut chunks = Vec::new();
    while let Some(event) = within(run.next()).await {
        if let EventKind::JsonDelta(delta) = &event.kind {
            chunks.push(delta.text.to_string());
        }
        assert!(
            !matches!(event.kind, EventKind::TextDelta(_)),
            "JSON is no text"
        );
    }
    let output = run.await.map(|result| result.output);
    Ran {
        request: server.requests().remove(0),
        chunks,
        output,
    }
}

async fn in_mode(mode: OutputMode, reply: Reply) -> Ran<Bird> {
    run(|model| model, Some(mode), reply).await
}

fn check(ran: &Ran<Bird>) {
    assert_eq!(ran.output.as_ref().unwrap(), &jay());
    assert_eq!(ran.chunks, JAY);
}

/// The schema of `Bird`, as schemars has it.
fn plain_schema() -> Value {
    mainstem::structured::Schema::of::<Bird>()
        .unwrap()
        .as_value()
        .clone()
}

fn strict_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "eggs": {"type": ["integer", "null"], "minimum": 0, "maximum": 255},
        },
        "required": ["eggs", "name"],
        "additionalProperties": false,
    })
}

fn with_sorted_required(mut format: Value) -> Value {
    let required = format
        .pointer_mut("/json_schema/schema/required")
        .unwrap()
        .as_array_mut()
        .unwrap();
    required.sort_by_key(ToString::to_string);
    format
}

#[tokio::test]
async fn strict_schema_sends_the_strict_form() {
    let ran = in_mode(OutputMode::StrictSchema, Reply::text(JAY)).await;
    check(&ran);
    let body = &ran.request.body;
    let expected = json!({"type": "json_schema", "json_schema": {"name": "Bird", "strict": true, "schema": strict_schema()}});
    assert_eq!(
        with_sorted_required(body["response_format"].clone()),
        expected
    );
    assert_eq!(body["messages"][0]["content"], "Birds only.");
    assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
}

#[tokio::test]
async fn schema_sends_the_schema_as_it_is() {
    let ran = in_mode(OutputMode::Schema, Reply::text(JAY)).await;
    check(&ran);
    let expected = json!({"type": "json_schema", "json_schema": {"name": "Bird", "strict": false, "schema": plain_schema()}});
    assert_eq!(ran.request.body["response_format"], expected);
    assert_eq!(ran.request.body["messages"][0]["content"], "Birds only.");
}

fn check_words(body: &Value) {
    let words = body["messages"][0]["content"].as_str().unwrap();
    let (instructions, schema) = words.split_once("JSON schema: ").unwrap();
    assert!(
        instructions.starts_with("Birds only.\n\nAnswer with one JSON document"),
        "{instructions}"
    );
    assert_eq!(
        serde_json::from_str::<Value>(schema).unwrap(),
        plain_schema()
    );
    assert_eq!(body["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn json_object_puts_the_schema_into_the_instructions() {
    let ran = in_mode(OutputMode::JsonObject, Reply::text(JAY)).await;
    check(&ran);
    assert_eq!(
        ran.request.body["response_format"],
        json!({"type": "json_object"})
    );
    check_words(&ran.request.body);
}

#[tokio::test]
async fn prompt_enforces_nothing() {
    let ran = in_mode(OutputMode::Prompt, Reply::text(JAY)).await;
    check(&ran);
    assert!(ran.request.body.get("response_format").is_none());
    assert!(ran.request.body.get("tools").is_none());
    check_words(&ran.request.body);
}

#[tokio::test]
async fn what_nobody_enforces_may_stand_in_prose_and_a_fence() {
    let fenced = [
        "A bird:\n```json\n",
        JAY[0],
        JAY[1],
        JAY[2],
        "\n```\nEnjoy!",
    ];
    for mode in [OutputMode::Prompt, OutputMode::JsonObject] {
        check(&in_mode(mode, Reply::text(fenced)).await);
    }
    // Where it is enforced, prose is a fault.
    let ran = in_mode(OutputMode::Schema, Reply::text(fenced)).await;
    assert_eq!(ran.output.unwrap_err().kind(), ErrorKind::Output);
}

fn forced(pieces: [&str; 3]) -> Reply {
    let start = Reply::stream().role().tool_start(0, "a", "output");
    let reply = pieces
        .into_iter()
        .fold(start, |reply, piece| reply.tool_arguments(0, piece));
    reply.finish("tool_calls").usage(3, 2).done()
}

#[tokio::test]
async fn a_forced_tools_arguments_are_the_output_and_stream_as_json() {
    let ran = in_mode(OutputMode::ForcedTool, forced(JAY)).await;
    check(&ran);
    let body = &ran.request.body;
    let function =
        json!({"name": "output", "description": "Gives the output.", "parameters": plain_schema()});
    assert_eq!(
        body["tools"],
        json!([{"type": "function", "function": function}])
    );
    assert_eq!(
        body["tool_choice"],
        json!({"type": "function", "function": {"name": "output"}})
    );
    assert!(body.get("response_format").is_none());
}

#[tokio::test]
async fn words_beside_a_forced_tool_are_not_the_output() {
    let reply = Reply::stream()
        .content("Here it is:")
        .tool_start(0, "a", "output")
        .tool_arguments(0, JAY.concat());
    let ran = in_mode(OutputMode::ForcedTool, reply.finish("stop").done()).await;
    assert_eq!(ran.output.unwrap(), jay());
}

#[tokio::test]
async fn a_forced_tool_wraps_what_is_no_object() {
    let reply = forced([r#"{"value"#, r#"":[1"#, ",2]}"]);
    let ran = run::<Vec<u8>>(|model| model, Some(OutputMode::ForcedTool), reply).await;
    let parameters = &ran.request.body["tools"][0]["function"]["parameters"];
    assert_eq!(parameters["properties"]["value"]["type"], "array");
    assert_eq!(ran.output.unwrap(), [1, 2]);
    assert_eq!(ran.chunks.concat(), "[1,2]");
}

/// What a server gets, if neither the agent nor the model says anything.
#[tokio::test]
async fn each_provider_has_a_mode_of_its_own() {
    for (provider, format) in [
        (Provider::OpenAi, "strict"),
        (Provider::Azure, "strict"),
        (Provider::Anthropic, "tool"),
        (Provider::Gemini, "plain"),
        (Provider::Groq, "plain"),
        (Provider::OpenRouter, "plain"),
        (Provider::Ollama, "plain"),
        (Provider::LmStudio, "plain"),
    ] {
        let reply = if format == "tool" {
            forced(JAY)
        } else {
            Reply::text(JAY)
        };
        let ran: Ran<Bird> = run(|model| model.provider(provider).api_key("k"), None, reply).await;
        check(&ran);
        let found = match &ran.request.body["response_format"]["json_schema"]["strict"] {
            Value::Bool(true) => "strict",
            Value::Bool(false) => "plain",
            _ => "tool",
        };
        assert_eq!(found, format, "{provider:?}");
    }
}

#[tokio::test]
async fn the_agents_mode_goes_before_the_models_and_that_before_the_providers() {
    let strict =
        |ran: &Ran<Bird>| ran.request.body["response_format"]["json_schema"]["strict"].clone();
    let openai = |model: ChatCompletionsBuilder| model.provider(Provider::OpenAi).api_key("k");
    let plain = |model| openai(model).output_mode(OutputMode::Schema);
    assert_eq!(strict(&run(plain, None, Reply::text(JAY)).await), false);
    let ran = run(plain, Some(OutputMode::StrictSchema), Reply::text(JAY)).await;
    assert_eq!(strict(&ran), true);
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Counts {
    counts: std::collections::HashMap<String, u8>,
}

#[tokio::test]
async fn free_keys_fall_back_to_the_plain_schema_unless_strict_was_asked_for_by_name() {
    let openai = |model: ChatCompletionsBuilder| model.provider(Provider::OpenAi).api_key("k");
    let reply = || Reply::text([r#"{"counts":{"jay":2}}"#]);
    let ran = run::<Counts>(openai, None, reply()).await;
    assert_eq!(
        ran.request.body["response_format"]["json_schema"]["strict"],
        false
    );
    assert_eq!(ran.output.unwrap().counts["jay"], 2);

    let server = server_with([reply()]).await;
    let model = model_builder(&server).build().unwrap();
    let agent = Agent::builder(model)
        .output::<Counts>()
        .output_mode(OutputMode::StrictSchema)
        .build()
        .unwrap();
    let error = within(agent.run("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .message()
            .contains("free keys (at #/properties/counts of the schema)"),
        "{error}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_wrapped_output_streams_unwrapped_wherever_it_is_split() {
    let wrapped = r#"{"value":["a}","\"{"]}"#;
    for at in 0..=wrapped.len() {
        let reply = Reply::text([&wrapped[..at], &wrapped[at..]]);
        let ran = run::<Vec<String>>(|model| model, Some(OutputMode::StrictSchema), reply).await;
        assert_eq!(ran.chunks.concat(), r#"["a}","\"{"]"#, "at {at}");
        assert_eq!(ran.output.unwrap(), ["a}", "\"{"], "at {at}");
        assert!(ran.chunks.iter().all(|chunk| !chunk.is_empty()));
    }
}

#[tokio::test]
async fn a_server_that_does_not_wrap_is_read_all_the_same() {
    let ran = run::<Vec<u8>>(
        |model| model,
        Some(OutputMode::StrictSchema),
        Reply::text(["[1,", "2]"]),
    )
    .await;
    assert_eq!(ran.output.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_name_that_the_wire_does_not_take_is_made_to_fit() {
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[schemars(title = "Bird of Prey (größer), and so on and so on and so on and so on and so on")]
    struct Odd {
        name: String,
    }
    let ran = run::<Odd>(
        |model| model,
        Some(OutputMode::StrictSchema),
        Reply::text([r#"{"name":"x"}"#]),
    )
    .await;
    assert_eq!(ran.output.unwrap().name, "x");
    let name = ran.request.body["response_format"]["json_schema"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        name.starts_with("Bird_of_Prey") && name.len() <= 64,
        "{name}"
    );
}

/// An output that isn't an object is wrapped into one; what is wrong with the wrapper is wrong with
/// the output.
#[tokio::test]
async fn a_wrapper_that_is_not_whole_is_a_wrong_output() {
    for (mode, pieces, raw) in [
        (
            OutputMode::StrictSchema,
            vec![r#"{"value":3"#, "} 4"],
            r#"{"value":3} 4"#,
        ),
        (
            OutputMode::StrictSchema,
            vec![r#"{"value":3"#],
            r#"{"value":3"#,
        ),
        (
            OutputMode::StrictSchema,
            vec![r#"{"value":3,"#, r#""more":4}"#],
            r#"{"value":3,"#,
        ),
        (
            OutputMode::ForcedTool,
            vec![r#"{"value":3"#],
            r#"{"value":3"#,
        ),
    ] {
        let reply = match mode {
            OutputMode::ForcedTool => Reply::stream()
                .tool_start(0, "a", "output")
                .tool_arguments(0, pieces[0])
                .finish("stop"),
            _ => Reply::text(pieces),
        };
        let ran = run::<u32>(|model| model, Some(mode), reply).await;
        let error = ran.output.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output, "{error:?}");
        assert_eq!(error.partial().unwrap().text, raw);
        assert!(!error.message().contains("value\""));
    }
}

#[tokio::test]
async fn a_wrapper_that_is_cut_at_its_length_was_too_long() {
    let reply = Reply::stream().content(r#"{"value":3"#).finish("length");
    let ran = run::<u32>(|model| model, Some(OutputMode::StrictSchema), reply).await;
    assert_eq!(ran.output.unwrap_err().kind(), ErrorKind::Limit);
}

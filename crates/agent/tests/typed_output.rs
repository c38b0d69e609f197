//! Output of a type: streamed as JSON text, ended in a value, or in an error that keeps the text.

use mainstem_agent::{Agent, CutOutput};
use mainstem_core::{
    ErrorKind, EventKind, FinishReason, ModelEvent,
    test_util::{Script, ScriptedModel},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Bird {
    name: String,
    #[schemars(range(max = 9))]
    eggs: u8,
}

fn agent(pieces: &[&'static str], reason: FinishReason) -> Agent<Bird> {
    let script = pieces.iter().fold(Script::new(), |script, piece| {
        script.event(ModelEvent::Text((*piece).into()))
    });
    let model = ScriptedModel::new().script(script.event(ModelEvent::Finished(reason)));
    Agent::builder(model)
        .output::<Bird>()
        .build()
        .expect("the schema is derived")
}

#[tokio::test]
async fn the_text_streams_and_the_run_ends_in_the_value() {
    let pieces = [r#"{"na"#, r#"me": "jay","#, r#" "eggs": 5}"#];
    let mut run = agent(&pieces, FinishReason::Stop).run_streamed("q");
    let mut chunks = Vec::new();
    while let Some(chunk) = run.next_text().await.unwrap() {
        chunks.push(chunk);
    }
    assert_eq!(chunks, pieces);
    let bird = run.await.unwrap().output;
    assert_eq!(
        bird,
        Bird {
            name: "jay".into(),
            eggs: 5
        }
    );
}

#[tokio::test]
async fn deltas_are_json_and_the_output_of_the_run_is_the_value() {
    let mut kinds = Vec::new();
    let mut run = agent(&[r#"{"name": "jay", "eggs": 5 }"#], FinishReason::Stop).run_streamed("q");
    while let Some(event) = futures::StreamExt::next(&mut run).await {
        if let EventKind::RunFinished(end) = &event.kind {
            assert_eq!(end.output.as_str(), r#"{"name":"jay","eggs":5}"#);
        }
        kinds.push(event.kind.name().to_owned());
    }
    assert!(kinds.contains(&"json_delta".to_owned()));
    assert!(!kinds.contains(&"text_delta".to_owned()));
}

#[tokio::test]
async fn a_wrong_value_is_an_error_that_keeps_the_raw_text() {
    for text in [
        r#"{"name": "jay"}"#,
        r#"{"name": "jay", "eggs": "secret"}"#,
        r#"{"name": "jay", "eggs": 5"#,
        "I would rather not.",
    ] {
        let error = agent(&[text], FinishReason::Stop)
            .run("q")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output);
        assert_eq!(error.partial().unwrap().text, text);
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[cfg(feature = "jsonschema")]
#[tokio::test]
async fn what_serde_would_take_the_schema_refuses() {
    let error = agent(&[r#"{"name": "jay", "eggs": 10}"#], FinishReason::Stop)
        .run("q")
        .await
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("/eggs"), "{cause}");
}

#[tokio::test]
async fn an_output_cut_at_the_limit_of_tokens_says_so() {
    let error = agent(&[r#"{"name": "ja"#], FinishReason::Length)
        .run("q")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Limit, Some("length"))
    );
    assert_eq!(error.partial().unwrap().text, r#"{"name": "ja"#);
    let cut = CutOutput::of(&error).unwrap();
    assert_eq!(cut.value(), serde_json::json!({"name": "ja"}));
    let shown = format!("{error:?} {cut} {cut:?}");
    assert!(!shown.contains("ja\""), "{shown}");
}

#[tokio::test]
async fn arguments_of_a_tool_are_refused_at_their_first_impossible_byte() {
    let arguments = |text: &'static str| ModelEvent::ToolArguments {
        index: 0,
        text: text.into(),
    };
    let call = ModelEvent::ToolCall {
        index: 0,
        id: "c".into(),
        name: "look".into(),
    };
    let script = Script::new().event(call).event(arguments(r#"{"at": "#));
    let model = ScriptedModel::new().script(script.event(arguments("x")).stall());
    let agent = Agent::builder(model).build().unwrap();
    let error = agent.run("q").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("(byte 7)"), "{cause}");
}

//! JSON in the middle of a model's text: only the JSON is shown, and repairs are told of.

use futures::StreamExt;
use mainstem_agent::{Agent, OutputAttempts};
use mainstem_core::{ErrorKind, EventKind, test_util::ScriptedModel};
use mainstem_structured::{Front, Repairs, TextAfter};

fn agent(pieces: impl IntoIterator<Item = &'static str>, front: Front) -> Agent<Vec<String>> {
    let model = ScriptedModel::new().answer(pieces);
    let builder = Agent::builder(model).output::<Vec<String>>();
    builder.front(front).build().expect("the schema is derived")
}

fn ignoring() -> Front {
    Front::new().text_after(TextAfter::Ignore)
}

#[tokio::test]
async fn only_the_json_is_shown_and_the_text_is_remembered() {
    let pieces = [
        "Birds [as asked]:\n``",
        "`json\n[\"jä",
        "h\", \"rook\"",
        "]\n```\nEnjoy!",
    ];
    let mut run = agent(pieces, ignoring()).run_streamed("q");
    let mut shown = String::new();
    while let Some(chunk) = run.next_text().await.unwrap() {
        assert!(!chunk.is_empty());
        shown.push_str(&chunk);
    }
    let result = run.await.unwrap();
    assert_eq!(shown, r#"["jäh", "rook"]"#);
    assert_eq!(result.output, ["jäh", "rook"]);
    let answer = result.messages.last().unwrap().text();
    assert_eq!(answer, pieces.concat());
}

#[tokio::test]
async fn a_repair_is_a_notice_before_the_json_that_has_it() {
    let front = ignoring().repairs(Repairs::all());
    let mut run = agent(["[\"a\nb\",", "]"], front).run_streamed("q");
    let mut kinds = Vec::new();
    while let Some(event) = run.next_event().await {
        match event.kind {
            EventKind::Notice(notice) => {
                assert_eq!(notice.code, "output_repaired");
                kinds.push(notice.message.to_string());
            }
            EventKind::JsonDelta(delta) => kinds.push(delta.text.to_string()),
            _ => {}
        }
    }
    assert_eq!(
        kinds,
        [
            "a control character in a string was escaped (byte 3 of the model's text)",
            "[\"a\\nb\"",
            "a comma before a closing bracket was left out (byte 6 of the model's text)",
            "]",
        ]
    );
    assert_eq!(run.await.unwrap().output, ["a\nb"]);
}

#[tokio::test]
async fn the_place_of_a_fault_is_that_in_the_models_text() {
    let error = agent(["Here:\n[\"a\", 5]"], ignoring())
        .run("q")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    let attempts = OutputAttempts::of(&error).unwrap();
    let violation = attempts.attempts()[0].violation().unwrap();
    assert_eq!((violation.offset, &*violation.pointer), (12, "/1"));
    assert_eq!(error.partial().unwrap().text, "Here:\n[\"a\", 5]");
}

#[tokio::test]
async fn prose_without_json_is_an_error_that_says_so() {
    let error = agent(["I would rather not."], ignoring())
        .run("q")
        .await
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("expected"), "{cause}");
    assert_eq!(error.partial().unwrap().text, "I would rather not.");
}

#[tokio::test]
async fn with_stop_the_models_stream_is_dropped_behind_the_json() {
    let front = Front::new().text_after(TextAfter::Stop);
    let mut run = agent(["[\"a\"] and ", "more"], front).run_streamed("q");
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    let result = run.await.unwrap();
    assert_eq!(result.output, ["a"]);
    assert_eq!(result.messages.last().unwrap().text(), "[\"a\"] and ");
}

#[tokio::test]
async fn what_is_held_is_the_json_alone() {
    let model = ScriptedModel::new().answer(["So: [\"a\"", "]!"]);
    let builder = Agent::builder(model).output::<Vec<String>>();
    let agent = builder
        .front(ignoring())
        .hold_until_valid()
        .build()
        .unwrap();
    let mut run = agent.run_streamed("q");
    assert_eq!(run.next_text().await.unwrap().unwrap(), "[\"a\"]");
    assert_eq!(run.next_text().await.unwrap(), None);
}

#[test]
fn a_front_without_an_output_type_is_refused() {
    let builder = Agent::builder(ScriptedModel::new()).front(Front::new());
    let error = builder.build().unwrap_err();
    assert!(error.to_string().contains("add `output::<T>()`"), "{error}");
}

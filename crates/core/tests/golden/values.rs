//! Values that are stored or sent, other than events.

use mainstem_core::{
    Answer, Context, Epoch, ErrorInfo, Key, MediaPart, MediaSource, Message, ModelSettings, NewRun,
    Part, Place, ReasoningEffort, ReasoningPart, Role, RunId, RunState, RunStatus, Seq, Suspension,
    TextPart, Timestamp, ToolCallPart, ToolChoice, ToolResultPart, Usage,
};

use super::{
    events::{bare_error, error, json, request, usage},
    file,
};

/// Each kind of part: with all its fields, then bare.
fn parts() -> Vec<Part> {
    let data = || Some(json(r#"{"sig":"x==", "n": 1.50}"#));
    let mut text = TextPart::new("What is this?");
    text.provider_data = data();
    let mut media = MediaPart::new(MediaSource::Base64("AAEC".into()))
        .media_type("image/png")
        .name("jay.png");
    media.provider_data = data();
    let mut call = ToolCallPart::new("call_1", "search", r#"{"q":"jays"}"#);
    call.provider_data = data();
    let mut result = ToolResultPart::new("call_1", "no such page");
    result.is_error = true;
    result.provider_data = data();
    let mut reasoning = ReasoningPart::new("Hm.");
    reasoning.provider_data = data();
    vec![
        Part::Text(text.clone()),
        Part::text("bare"),
        Part::Image(media.clone()),
        Part::image_url("https://example.org/jay.png"),
        Part::File(media.clone()),
        Part::File(MediaPart::new(MediaSource::Id("file-1".into()))),
        Part::Audio(media),
        Part::Audio(MediaPart::new(MediaSource::Url("https://a.org".into()))),
        Part::ToolCall(call),
        Part::ToolCall(ToolCallPart::new("call_2", "now", "{}")),
        Part::ToolResult(result),
        Part::ToolResult(ToolResultPart::new("call_2", "noon")),
        Part::Reasoning(reasoning),
        Part::Reasoning(ReasoningPart::new("")),
        Part::Refusal(text),
        Part::Refusal(TextPart::new("I can't.")),
    ]
}

fn messages() -> Vec<Message> {
    let mut named = Message::new(Role::Assistant, parts());
    named.name = Some("ada".into());
    named.partial = true;
    vec![
        named,
        Message::system("Be brief."),
        Message::user("What is a jay?"),
        Message::assistant("A corvid."),
        Message::tool_result("call_1", "42"),
    ]
}

#[test]
fn messages_with_every_part_are_as_in_their_golden_file() {
    file::check("values/message.json", &messages());
}

#[test]
fn error_infos_are_as_in_their_golden_file() {
    let infos = [error(), bare_error()].map(|error| ErrorInfo::from(&error));
    file::check("values/error_info.json", &infos);
}

#[test]
fn suspensions_are_as_in_their_golden_file() {
    let place = Place::new(Epoch(1), Seq(9));
    let asked = Suspension::new(RunId::from("run-1"), place, vec![request()]);
    let mut answered = asked.clone().answer("approve", &true).unwrap();
    answered.answers.push(Answer::new("more", json("null")));
    file::check("values/suspension.json", &[asked, answered]);
}

#[test]
fn run_states_are_as_in_their_golden_file() {
    let mut run = NewRun::new("run-1", "guide");
    run.created = Timestamp::from_unix_millis(1_763_692_800_123);
    let bare = RunState::new(run.clone());
    run.owner = Some("ada".into());
    let mut full = RunState::new(run);
    full.epoch = Epoch(2);
    full.last = Some(Place::new(Epoch(2), Seq(9)));
    full.changed = Some(Timestamp::from_unix_millis(1_763_692_801_000));
    full.closed = true;
    let mut all = vec![bare];
    all.extend(
        [
            RunStatus::Suspended,
            RunStatus::Finished,
            RunStatus::Failed,
            RunStatus::Cancelled,
        ]
        .map(|status| {
            let mut state = full.clone();
            state.status = status;
            state
        }),
    );
    file::check("values/run_state.json", &all);
}

#[test]
fn context_snapshots_are_as_in_their_golden_file() {
    let ctx = Context::new();
    let bare = ctx.snapshot();
    ctx.add_user_message("What is a jay?");
    ctx.thread("notes").add(Message::assistant("A corvid."));
    ctx.set(&Key::new("facts"), &vec!["blue", "loud"]).unwrap();
    ctx.set(&Key::new("nothing"), &()).unwrap();
    file::check("values/context_snapshot.json", &[ctx.snapshot(), bare]);
}

#[test]
fn usages_are_as_in_their_golden_file() {
    file::check("values/usage.json", &[usage(), Usage::default()]);
}

#[test]
fn model_settings_are_as_in_their_golden_file() {
    let full = ModelSettings::new()
        .temperature(0.25)
        .top_p(0.9)
        .max_output_tokens(500)
        .stop(["END"])
        .seed(-7)
        .tool_choice(ToolChoice::Tool("search".into()))
        .reasoning_effort(ReasoningEffort::Minimal)
        .extra_body("logit_bias", 1);
    let choices = [ToolChoice::Auto, ToolChoice::None, ToolChoice::Required];
    let efforts = [
        ReasoningEffort::None,
        ReasoningEffort::Low,
        ReasoningEffort::Medium,
        ReasoningEffort::High,
    ];
    let mut all = vec![full, ModelSettings::new()];
    all.extend(choices.map(|choice| ModelSettings::new().tool_choice(choice)));
    all.extend(efforts.map(|effort| ModelSettings::new().reasoning_effort(effort)));
    file::check("values/model_settings.json", &all);
}

#[test]
fn a_part_of_no_known_type_is_refused_by_its_name() {
    let json = r#"{"role":"user","parts":[{"type":"hologram"}]}"#;
    let error = serde_json::from_str::<Message>(json).unwrap_err();
    assert!(error.to_string().contains("hologram"), "{error}");
}

#[test]
fn a_message_is_read_from_a_value_as_from_text() {
    for message in messages() {
        let value = serde_json::to_value(&message).unwrap();
        let read: Message = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
    }
}

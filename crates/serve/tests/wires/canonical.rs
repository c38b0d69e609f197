//! One log that has every kind of event, and no retraction of what was given.

use mainstem_core::{
    Answer, Bytes, Custom, Decided, DecisionKind, Epoch, Error, ErrorInfo, ErrorKind, Evaluated,
    Event, EventKind, FinishReason, InputRequest, Json, JsonDelta, Notice, Place, Progress,
    ReasoningDelta, RefusalDelta, Retracted, RunFinished, RunResumed, RunStarted, RunSuspended,
    Seq, StepFailed, StepFinished, StepPath, StepSkipped, StepStarted, TextDelta, Timestamp,
    ToolCallDelta, ToolCallReady, ToolCallStarted, ToolResult, TurnFinished, TurnStarted,
    UnknownKind, Usage,
};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn place(epoch: u64, seq: u64) -> Place {
    Place::new(Epoch(epoch), Seq(seq))
}

/// The events, numbered; the run goes on in another epoch where it is resumed.
pub(crate) fn log() -> Vec<Event> {
    let parts = [beginning(), tool(), outputs(), trouble(), rest()];
    let mut epoch = 1;
    let number = |(seq, (path, kind)): (u64, (&str, EventKind))| {
        epoch += u64::from(matches!(kind, EventKind::RunResumed(_)));
        let path: StepPath = serde_json::from_value(path.into()).unwrap();
        let at = Timestamp::from_unix_millis(1_763_692_800_000 + seq);
        Event::new(place(epoch, seq), at, path, kind)
    };
    (1..).zip(parts.into_iter().flatten()).map(number).collect()
}

type Part = Vec<(&'static str, EventKind)>;

fn beginning() -> Part {
    let mut started = RunStarted::new("run-1".into(), "guide");
    started.input = Some(json(r#"{"q": "jays"}"#));
    started.metadata.insert("user".into(), "ada".into());
    let mut turn = TurnStarted::new("openai://gpt-5-mini");
    turn.request_id = Some("req_1".into());
    vec![
        ("", started.into()),
        ("guide", StepStarted::new("agent").into()),
        ("guide/turn[0]", turn.into()),
        ("guide/turn[0]", ReasoningDelta::new("Hm.").into()),
        ("guide/turn[0]", TextDelta::new("Jäys \"sing\"\n🐦").into()),
        (
            "guide/turn[0]",
            ToolCallStarted::new("call_1", "search").into(),
        ),
        (
            "guide/turn[0]",
            ToolCallDelta::new("call_1", r#"{"q":"jays"}"#).into(),
        ),
        (
            "guide/turn[0]",
            ToolCallReady::new("call_1", "search", json(r#"{"q":"jays"}"#)).into(),
        ),
        (
            "guide/turn[0]",
            TurnFinished::new(FinishReason::ToolCalls, Usage::new(12, 7)).into(),
        ),
    ]
}

fn tool() -> Part {
    let mut progress = Progress::new("pages", 3);
    progress.total = Some(10);
    let mut result = ToolResult::new("call_1", "search");
    result.output = Some(json(r#"["jay"]"#));
    let finished = StepFinished::new(json(r#"["jay"]"#), Usage::default());
    vec![
        ("guide/search[0]", StepStarted::new("tool").into()),
        (
            "guide/search[0]/helper",
            TextDelta::new("said inside of a tool").into(),
        ),
        ("guide/search[0]", progress.into()),
        ("guide/search[0]", finished.into()),
        ("guide", result.into()),
    ]
}

fn outputs() -> Part {
    let nodes = json("{\"z\": 1.50,\r\n \"a\": [ 2 ]}");
    vec![
        ("guide", Custom::new("app.seen", nodes).into()),
        (
            "guide",
            Bytes::new(vec![0x89, b'P', b'N', b'G', 0, 255].into()).into(),
        ),
        ("guide/bird", JsonDelta::new(r#"{"title": "#).into()),
        ("guide/bird", JsonDelta::new(r#""Jay"}"#).into()),
        ("guide", TextDelta::new("").into()),
        ("guide", TextDelta::new(" They do.").into()),
        ("guide", RefusalDelta::new("I can't.").into()),
    ]
}

fn trouble() -> Part {
    let mut evaluated = Evaluated::new(87.5, true);
    evaluated.feedback = Some("Name the source.".into());
    let error = Error::new(ErrorKind::Step, "the step's function failed").retryable(true);
    let request = InputRequest::new("ok", StepPath::run().child("guide"), "Go on?");
    vec![
        (
            "guide",
            Decided::new("arm", DecisionKind::Branch, json(r#""left""#)).into(),
        ),
        ("guide", Notice::new("demo_model", "A demo answers.").into()),
        ("guide", evaluated.into()),
        ("guide/other", ReasoningDelta::new("Wrong.").into()),
        (
            "guide/other",
            Retracted::new(place(1, 25), "another attempt").into(),
        ),
        (
            "guide/other",
            StepFailed::new(ErrorInfo::from(&error)).into(),
        ),
        ("guide/third", StepSkipped::new("not asked for").into()),
        ("", RunSuspended::new(vec![request]).into()),
    ]
}

fn rest() -> Part {
    let answer = Answer::new("ok", json("true"));
    let mut finished = RunFinished::new(json(r#""Jays.""#), Usage::new(24, 14));
    finished.finish_reason = Some(FinishReason::Stop);
    let newer = UnknownKind::new("from_tomorrow", Some(json(r#"{"z":1}"#)));
    vec![
        ("", RunResumed::new(vec![answer]).into()),
        ("guide", EventKind::Unknown(newer)),
        (
            "guide",
            StepFinished::new(json(r#""Jays.""#), Usage::new(24, 14)).into(),
        ),
        ("", finished.into()),
    ]
}

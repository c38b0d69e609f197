//! The table of all kinds: each with all its fields, then with as few as it can have.

use mainstem_core::{
    Answer, Bytes, CancelledBy, ContextDelta, Custom, Decided, DecisionKind, Epoch, Error,
    ErrorInfo, ErrorKind, Evaluated, Event, EventKind, FinishReason, InputRequest, Json, JsonDelta,
    Merge, Message, Notice, Partial, Place, Progress, ReasoningDelta, RefusalDelta, Retracted,
    RunCancelled, RunFailed, RunFinished, RunResumed, RunStarted, RunSuspended, Seq, StepFailed,
    StepFinished, StepPath, StepSkipped, StepStarted, TextDelta, Timestamp, ToolCallDelta,
    ToolCallReady, ToolCallStarted, ToolResult, TurnFinished, TurnStarted, UpstreamError, Usage,
    ValueDelta,
};

pub(crate) fn all() -> Vec<(String, Vec<Event>)> {
    [runs(), steps(), turns(), texts(), tools(), notes()]
        .into_iter()
        .flatten()
        .map(|variants| {
            let name = variants[0].name().to_owned();
            (name, variants.into_iter().map(event).collect())
        })
        .collect()
}

pub(crate) fn event(kind: EventKind) -> Event {
    let path = StepPath::run()
        .child("guide")
        .index(1)
        .child("a/b")
        .attempt(2);
    let at = Timestamp::from_unix_millis(1_763_692_800_123);
    Event::new(Place::new(Epoch(2), Seq(42)), at, path, kind)
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) fn usage() -> Usage {
    let mut usage = Usage::new(120, 34);
    usage.requests = 2;
    usage.cached_input_tokens = 100;
    usage.reasoning_tokens = 9;
    usage.estimated = true;
    usage
}

pub(crate) fn error() -> Error {
    Error::new(ErrorKind::Model, "the model answered 429")
        .with_step(&StepPath::run().child("guide"))
        .retryable(true)
        .with_retry_after(std::time::Duration::from_millis(1500))
        .with_status(429)
        .with_code("rate_limit_exceeded")
        .with_source(UpstreamError::new("slow down"))
}

pub(crate) fn bare_error() -> Error {
    Error::new(ErrorKind::Step, "the step's function failed")
}

pub(crate) fn partial() -> Partial {
    Partial::new("Jays ar", usage(), Some(FinishReason::Length))
}

pub(crate) fn request() -> InputRequest {
    let mut request = InputRequest::new("approve", StepPath::run().child("pay"), "Pay 7 €?");
    request.schema = Some(json(r#"{"type": "boolean"}"#));
    request.expires = Some(Timestamp::from_unix_millis(1_763_692_900_000));
    request
}

fn runs() -> Vec<Vec<EventKind>> {
    let mut started = RunStarted::new("run-1".into(), "guide");
    started.input = Some(json(r#"{"q":"jays"}"#));
    started.metadata.insert("user".into(), "ada".into());
    started.metadata.insert("page".into(), 7.into());
    let mut of_null = RunStarted::new("run-1".into(), "guide");
    of_null.input = Some(Json::null());
    let mut finished = RunFinished::new(json(r#""Jays are corvids.""#), usage());
    finished.finish_reason = Some(FinishReason::Stop);
    let mut failed = RunFailed::new(ErrorInfo::from(&error()));
    failed.partial = Some(Box::new(partial()));
    let mut cancelled = RunCancelled::new(CancelledBy::Disconnect);
    cancelled.partial = Some(Box::new(partial()));
    let mut suspended = RunSuspended::new(vec![request()]);
    suspended.partial = Some(Box::new(partial()));
    let bare_request = InputRequest::new("ok", StepPath::run(), "Go on?");
    let mut other = RunFinished::new(Json::null(), Usage::default());
    other.finish_reason = Some(FinishReason::Other("eos".into()));
    vec![
        vec![
            started.into(),
            RunStarted::new("run-1".into(), "guide").into(),
            of_null.into(),
        ],
        vec![
            RunResumed::new(vec![Answer::new("approve", json("true"))]).into(),
            RunResumed::new(vec![]).into(),
        ],
        vec![
            finished.into(),
            RunFinished::new(Json::null(), Usage::default()).into(),
            other.into(),
        ],
        vec![
            failed.into(),
            RunFailed::new(ErrorInfo::from(&bare_error())).into(),
        ],
        vec![
            cancelled.into(),
            RunCancelled::new(CancelledBy::Stop).into(),
            RunCancelled::new(CancelledBy::Shutdown).into(),
            RunCancelled::new(CancelledBy::Other("budget".into())).into(),
        ],
        vec![
            suspended.into(),
            RunSuspended::new(vec![bare_request]).into(),
        ],
    ]
}

/// Each part of what a step may change in its context.
fn delta() -> ContextDelta {
    let mut delta = ContextDelta::default();
    delta.forgotten.insert("notes".into(), 4);
    let message = Message::user("Which birds?");
    delta.messages.insert("".into(), vec![message]);
    let rules = [
        ("a", Merge::Refuse, "null"),
        ("b", Merge::Replace, "1.50"),
        ("c", Merge::Append, "[1]"),
        ("d", Merge::Reduce, r#"{"n": 1}"#),
    ];
    for (name, merge, value) in rules {
        let set = ValueDelta::new(merge, json(value));
        delta.values.insert(name.into(), set);
    }
    delta.removed.insert("e".into(), Merge::Refuse);
    delta
}

fn steps() -> Vec<Vec<EventKind>> {
    let mut started = StepStarted::new("flow");
    (started.weight, started.total) = (Some(3), Some(7));
    let mut finished = StepFinished::new(json(r#"{"n": 1}"#), usage());
    finished.context_delta = Some(Box::new(delta()));
    let mut bare = StepFinished::new(json("1.50"), Usage::default());
    bare.context_delta = Some(Box::default());
    let decisions = [
        DecisionKind::Branch,
        DecisionKind::Loop,
        DecisionKind::MapList,
        DecisionKind::Route,
        DecisionKind::Time,
        DecisionKind::Random,
        DecisionKind::Unit,
        DecisionKind::Winner,
        DecisionKind::Order,
        DecisionKind::Other,
    ];
    vec![
        vec![StepStarted::new("agent").into(), started.into()],
        vec![
            finished.into(),
            StepFinished::new(json("1.50"), Usage::default()).into(),
            bare.into(),
        ],
        vec![
            StepFailed::new(ErrorInfo::from(&error())).into(),
            StepFailed::new(ErrorInfo::from(&bare_error())).into(),
        ],
        vec![StepSkipped::new("not asked for").into()],
        decisions
            .map(|what| Decided::new("arm", what, json(r#""left""#)).into())
            .into(),
        vec![Retracted::new(Place::new(Epoch(1), Seq(17)), "another attempt").into()],
    ]
}

fn turns() -> Vec<Vec<EventKind>> {
    let mut started = TurnStarted::new("openai://gpt-5-mini");
    started.request_id = Some("req_1".into());
    let reasons = ["stop", "length", "tool_calls", "content_filter", "eos"];
    vec![
        vec![started.into(), TurnStarted::new("m").into()],
        reasons
            .map(|reason| TurnFinished::new(reason.into(), usage()).into())
            .into(),
    ]
}

fn texts() -> Vec<Vec<EventKind>> {
    let text = "Jäys \"\\\n\u{7}\u{2028}🐦";
    vec![
        vec![TextDelta::new(text).into(), TextDelta::new("").into()],
        vec![ReasoningDelta::new("Hm.").into()],
        vec![RefusalDelta::new("I can't.").into()],
        vec![JsonDelta::new(r#"{"title":"Ja"#).into()],
        vec![
            Bytes::new(vec![0, 255, 62, 63].into()).into(),
            Bytes::new(vec![].into()).into(),
        ],
    ]
}

fn tools() -> Vec<Vec<EventKind>> {
    let mut answered = ToolResult::new("call_1", "search");
    answered.output = Some(json(r#"["jay"]"#));
    let mut nothing = ToolResult::new("call_1", "search");
    nothing.output = Some(Json::null());
    let mut failed = ToolResult::new("call_1", "search");
    failed.error = Some(Box::new(ErrorInfo::from(&bare_error())));
    vec![
        vec![ToolCallStarted::new("call_1", "search").into()],
        vec![ToolCallDelta::new("call_1", r#"{"q":"#).into()],
        vec![ToolCallReady::new("call_1", "search", json(r#"{ "q" : "jays" }"#)).into()],
        vec![answered.into(), nothing.into(), failed.into()],
    ]
}

fn notes() -> Vec<Vec<EventKind>> {
    let mut progress = Progress::new("pages", 3);
    progress.total = Some(10);
    let mut evaluated = Evaluated::new(87.5, true);
    evaluated.feedback = Some("Name the source.".into());
    vec![
        vec![progress.into(), Progress::new("pages", 3).into()],
        vec![Notice::new("demo_model", "A demo answers.").into()],
        vec![
            Custom::new("app.seen", json(r#"{"z":1, "a":[ 2 ]}"#)).into(),
            Custom::new("app.nothing", Json::null()).into(),
        ],
        vec![evaluated.into(), Evaluated::new(0.0, false).into()],
    ]
}

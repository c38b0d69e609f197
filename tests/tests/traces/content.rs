//! What is said is in no span, unless it was asked for.

use mainstem::{
    Agent, Error, ErrorKind, Flow, ModelEvent, StepResult, Traces, optional,
    test_util::{Script, ScriptedModel},
};

use crate::recorder::Recorder;

const SECRET: &str = "xyzzy";

fn agent(name: &str, script: Script) -> Agent {
    let model = ScriptedModel::new().script(script);
    let agent = Agent::builder(model).name(name);
    let agent = agent.instructions(format!("Say {SECRET}."));
    agent.build().unwrap()
}

/// Everything that is said and given in the run has the secret in it; it fails.
async fn run(traces: Traces) -> Recorder {
    let recorder = Recorder::new();
    let cause = std::io::Error::other(SECRET);
    let failed = Error::new(ErrorKind::Model, format!("no {SECRET}")).with_source(cause);
    let piece = ModelEvent::Text(format!("a {SECRET} b").into());
    let failing = Script::new().event(piece).fail(failed);
    let fails = async |_: String| -> StepResult<String> { Err(std::io::Error::other(SECRET))? };
    let flow = Flow::new("guide")
        .step("ask", |topic: String| topic)
        .step(
            "answer",
            agent("answering", Script::text([SECRET, " birds"])),
        )
        .step("optional", optional(fails))
        .step("again", |it: Option<String>| {
            it.unwrap_or_else(|| SECRET.to_owned())
        })
        .step("fail", agent("failing", failing));
    let run = flow.run(format!("What is {SECRET}?")).traces(traces);
    let error = run.metadata("secret", SECRET).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    recorder
}

#[tokio::test]
async fn without_being_asked_for_no_span_has_any() {
    let recorder = run(Traces::new().conversation("c1")).await;
    assert_eq!(recorder.span("run guide").field("error.type"), "model");
    let everything = recorder.everything();
    assert!(everything.contains("invoke_agent fail"), "{everything}");
    assert!(!everything.contains(SECRET), "{everything}");
}

#[tokio::test]
async fn asked_for_the_spans_have_what_is_said() {
    let recorder = run(Traces::new().with_content()).await;
    let spans = recorder.spans();
    let chats: Vec<_> = spans.iter().filter(|span| span.name == "chat").collect();
    let [answered, failed] = &chats[..] else {
        panic!("two requests: {chats:?}");
    };
    let text = |text: &str| format!(r#"{{"type":"text","content":"{text}"}}"#);
    let asked = format!(
        r#"[{{"role":"user","parts":[{}]}}]"#,
        text("What is xyzzy?")
    );
    let said = |said: &str, reason: &str| {
        let said = text(said);
        format!(r#"[{{"role":"assistant","parts":[{said}],"finish_reason":{reason}}}]"#)
    };
    let of_both = format!("[{}]", text("Say xyzzy."));
    assert_eq!(answered.field("gen_ai.system_instructions"), of_both);
    assert_eq!(answered.field("gen_ai.input.messages"), asked);
    let output = said("xyzzy birds", r#""stop""#);
    assert_eq!(answered.field("gen_ai.output.messages"), output);
    assert_eq!(failed.field("gen_ai.system_instructions"), of_both);
    let output = said("a xyzzy b", "null");
    assert_eq!(failed.field("gen_ai.output.messages"), output);
    for span in [failed, &&recorder.span("run guide")] {
        assert_eq!(span.field("otel.status_description"), "no xyzzy");
    }
    // Titles, by which traces are searched and grouped, are what the program says.
    assert!(!spans.iter().any(|span| span.title().contains(SECRET)));
}

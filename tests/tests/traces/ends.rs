//! How spans end: with their step, whatever becomes of it.

use mainstem::{
    Agent, Error, ErrorKind, Flow, ModelEvent, Result, Run, RunContext, StepResult, named,
    test_util::{Script, ScriptedModel},
};

use crate::{recorder::Recorder, tree::agent};

/// How the spans with these titles ended: status, error type, OpenTelemetry's status.
fn ends<'a>(recorder: &Recorder, titles: impl IntoIterator<Item = &'a str>) -> Vec<[String; 3]> {
    let end = |title| {
        let span = recorder.span(title);
        assert!(span.is_closed, "{title}");
        ["mainstem.status", "error.type", "otel.status_code"]
            .map(|name| span.field(name).to_owned())
    };
    titles.into_iter().map(end).collect()
}

#[tokio::test]
async fn a_failure_is_one_of_all_around_it() {
    let recorder = Recorder::new();
    let failed = Error::new(ErrorKind::Model, "no such model").with_status(404);
    let model = ScriptedModel::new().script(Script::new().fail(failed));
    let broken = Agent::builder(model).name("broken").build().unwrap();
    let flow = Flow::new("guide")
        .step("ask", |topic: String| topic)
        .step("answer", broken);
    flow.run("jays".to_owned()).await.unwrap_err();
    let titles = [
        "chat scripted",
        "invoke_agent answer",
        "invoke_workflow guide",
        "run guide",
    ];
    for end in ends(&recorder, titles) {
        assert_eq!(end, ["failed", "model", "error"]);
    }
    assert_eq!(ends(&recorder, ["function ask"])[0], ["finished", "", ""]);
    let chat = recorder.span("chat scripted");
    assert_eq!(chat.field("http.response.status_code"), "404");
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    let recorder = Recorder::new();
    let panics = async |_: String| -> StepResult<String> { panic!("by design") };
    let flow = Flow::new("guide").step("panics", panics);
    flow.run("jays".to_owned()).await.unwrap_err();
    for end in ends(&recorder, ["function panics", "run guide"]) {
        assert_eq!(end, ["failed", "step", "error"]);
    }
}

fn stalled() -> Agent {
    let piece = ModelEvent::Text("Ja".into());
    let model = ScriptedModel::new().script(Script::new().event(piece).stall());
    Agent::builder(model).name("slow").build().unwrap()
}

const SLOW: [&str; 3] = ["chat scripted", "invoke_agent slow", "run slow"];

#[tokio::test]
async fn a_run_that_is_dropped_closes_its_spans_and_says_so() {
    let recorder = Recorder::new();
    let mut run = stalled().run_streamed("Which birds?");
    run.next_text().await.unwrap();
    assert!(recorder.spans().iter().all(|span| !span.is_closed));
    drop(run);
    for end in ends(&recorder, SLOW) {
        assert_eq!(end, ["cancelled", "", ""]);
    }
}

#[tokio::test]
async fn so_does_one_that_is_stopped() {
    let recorder = Recorder::new();
    let mut run = stalled().run_streamed("Which birds?");
    run.next_text().await.unwrap();
    run.stop();
    run.await.unwrap_err();
    for end in ends(&recorder, SLOW) {
        assert_eq!(end, ["cancelled", "", ""]);
    }
}

#[tokio::test]
async fn and_who_lost_a_race() {
    let recorder = Recorder::new();
    let flow = Flow::new("guide").race("first", (stalled(), agent("fast")));
    flow.run("jays".to_owned()).await.unwrap();
    let titles = ["invoke_agent slow", "invoke_agent fast", "race first"];
    let expected = ["cancelled", "finished", "finished"];
    let statuses = ends(&recorder, titles)
        .into_iter()
        .map(|[status, ..]| status);
    assert_eq!(statuses.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_context_that_is_kept_keeps_no_span_open() {
    let recorder = Recorder::new();
    let (give, kept) = std::sync::mpsc::channel();
    let run = Run::new("dig", move |ctx: RunContext| async move {
        ctx.step("inner", "function", async |ctx| -> Result<()> {
            give.send(ctx).unwrap();
            Ok(())
        })
        .await
    });
    run.await.unwrap();
    let kept: RunContext = kept.recv().unwrap();
    assert_eq!(ends(&recorder, ["function inner", "run dig"]).len(), 2);
    // What begins there is inside of nothing any more.
    let late = tokio::spawn(async move { kept.clone().step("late", "x", async |_| Ok(())).await });
    late.await.unwrap().unwrap();
    assert_eq!(recorder.tree(), "run dig\n  function inner\nx late\n");
}

#[tokio::test]
async fn a_run_that_was_never_polled_is_over_too() {
    let recorder = Recorder::new();
    drop(agent("poet").run_streamed("Which birds?"));
    assert_eq!(ends(&recorder, ["run poet"])[0], ["cancelled", "", ""]);
    let _never_streamed = agent("poet").run("Which birds?");
    assert_eq!(recorder.spans().len(), 1);
}

#[tokio::test]
async fn an_output_that_does_not_fit_fails_its_request_and_not_the_next_one() {
    let recorder = Recorder::new();
    let model = ScriptedModel::new().answer(["five"]).answer(["5"]);
    let agent = Agent::builder(model).output::<u8>().output_attempts(2);
    let agent = agent.build().unwrap();
    agent.run("How many?").await.unwrap();
    let spans = recorder.spans();
    let chats = spans.iter().filter(|span| span.name == "chat");
    let ends: Vec<_> = chats
        .map(|chat| {
            ["mainstem.status", "error.type", "gen_ai.output.type"].map(|it| chat.field(it))
        })
        .collect();
    assert_eq!(
        ends,
        [["failed", "output", "json"], ["finished", "", "json"]]
    );
}

#[tokio::test]
async fn a_step_of_another_kind_is_called_by_it() {
    let recorder = Recorder::new();
    let flow = Flow::new("guide").parallel("both", (named("a", |x: u8| x), |x: u8| x));
    flow.run(1).await.unwrap();
    assert_eq!(
        recorder.tree(),
        "run guide\n  invoke_workflow guide\n    parallel both\n      function a\n      function\n"
    );
}

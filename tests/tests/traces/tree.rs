//! Which spans there are, which is inside of which, and what they are told.

use std::time::Duration;

use mainstem::{
    Agent, Error, ErrorKind, Flow, MemoryStore, Question, Retry, Run, RunContext, RunId,
    StepResult, Traces, ask, named, retry, test_util::ScriptedModel,
};
use tracing::Instrument as _;

use crate::recorder::Recorder;

const MOMENT: Duration = Duration::from_millis(1);

pub(crate) fn agent(name: &str) -> Agent {
    let model = ScriptedModel::new().always(["Ja", "ys"]);
    Agent::builder(model).name(name).build().unwrap()
}

#[tokio::test]
async fn a_flow_is_one_tree_with_its_branches_side_by_side() {
    let recorder = Recorder::new();
    let flow = Flow::new("guide")
        .step("ask", |topic: String| format!("What is {topic}?"))
        .parallel("views", (agent("poet"), named("critic", agent("expert"))))
        .step("join", |(one, other): (String, String)| one + &other);
    flow.run("a jay".to_owned()).await.unwrap();
    let tree = "\
run guide
  invoke_workflow guide
    function ask
    parallel views
      invoke_agent poet
        chat scripted
      invoke_agent critic
        chat scripted
    function join
";
    assert_eq!(recorder.tree(), tree);
    for span in recorder.spans() {
        assert!(span.is_closed, "{span:?}");
        assert_eq!(span.field("mainstem.status"), "finished");
    }
    let critic = recorder.span("invoke_agent critic");
    assert_eq!(critic.field("mainstem.step.path"), "guide/views[1]/critic");
}

#[tokio::test]
async fn a_request_says_what_was_asked_and_what_it_took() {
    let recorder = Recorder::new();
    let model = ScriptedModel::new().answer(["Ja", "ys"]);
    let settings = mainstem::ModelSettings::new()
        .temperature(0.5)
        .max_output_tokens(9);
    let agent = Agent::builder(model)
        .name("poet")
        .settings(settings)
        .build()
        .unwrap();
    let run = agent.run("Which birds?").id("r1");
    run.traces(Traces::new().conversation("c1")).await.unwrap();
    let run = recorder.span("run poet");
    assert_eq!(run.name, "run");
    let usage = [
        ("gen_ai.usage.input_tokens", "3"),
        ("gen_ai.usage.output_tokens", "2"),
        ("gen_ai.conversation.id", "c1"),
        ("mainstem.status", "finished"),
        ("otel.status_code", ""),
        ("error.type", ""),
    ];
    let asked = [
        ("gen_ai.provider.name", "scripted"),
        ("gen_ai.request.model", "scripted"),
    ];
    let own = [("mainstem.run.id", "r1"), ("mainstem.run.resumed", "false")];
    let invoke = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "poet"),
        ("otel.kind", "internal"),
        ("mainstem.step.path", "poet"),
    ];
    let chat = [
        ("gen_ai.operation.name", "chat"),
        ("otel.kind", "client"),
        ("gen_ai.request.temperature", "0.5"),
        ("gen_ai.request.max_tokens", "9"),
        ("gen_ai.output.type", "text"),
        ("gen_ai.response.model", "scripted"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
    ];
    for (title, fields) in [
        ("run poet", [&usage[..], &own].concat()),
        ("invoke_agent poet", [&usage[..], &asked, &invoke].concat()),
        ("chat scripted", [&usage[..], &asked, &chat].concat()),
    ] {
        let span = recorder.span(title);
        for (name, value) in fields {
            assert_eq!(span.field(name), value, "{name} of {title}");
        }
    }
    let chat = recorder.span("chat scripted");
    let first = chat.field("gen_ai.response.time_to_first_chunk");
    assert!(first.parse::<f64>().unwrap() < 60.0, "in seconds");
}

/// What a function logs is inside of its step, also between the pieces of others.
#[tokio::test]
async fn what_a_function_logs_is_inside_of_its_step() {
    let recorder = Recorder::new();
    async fn chatty(ctx: RunContext, topic: String) -> StepResult<String> {
        let name = ctx.path().last().unwrap().name().into_owned();
        for round in 0..3 {
            ctx.emit(mainstem::Notice::new("round", &*name)).await;
            tokio::task::yield_now().await;
            tracing::info!("{name} {round}");
        }
        let inner = async { tracing::info!("{name} inside") };
        inner.instrument(tracing::info_span!("mine")).await;
        Ok(topic)
    }
    let flow =
        Flow::new("guide").parallel("views", (named("left", chatty), named("right", chatty)));
    flow.run("jays".to_owned()).await.unwrap();
    for name in ["left", "right"] {
        let step = format!("function {name}");
        let around = [
            &*step,
            "parallel views",
            "invoke_workflow guide",
            "run guide",
        ];
        for round in 0..3 {
            assert_eq!(recorder.around(&format!("{name} {round}")), around);
        }
        let inside = recorder.around(&format!("{name} inside"));
        assert_eq!(inside[..2], ["mine", &step]);
    }
}

#[tokio::test]
async fn what_a_function_runs_is_inside_of_it_by_its_own_name_and_not_by_its_key() {
    let recorder = Recorder::new();
    let run = Run::new("dig", |ctx: RunContext| async move {
        let poet = agent("poet");
        ctx.run("a secret key", &poet, "Jays?".to_owned()).await?;
        let inner = ctx.clone();
        let task = async move { inner.step("apart", "function", async |_| Ok(7)).await };
        let mine = tracing::info_span!("mine");
        async { ctx.step("between", "function", async |_| Ok(8)).await }
            .instrument(mine)
            .await?;
        ctx.step("outer", "function", async |ctx| {
            // A task of its own knows no span; the context does.
            let inner = ctx.clone();
            let task = async move { inner.step("within", "function", async |_| Ok(7)).await };
            tokio::spawn(task).await.unwrap()
        })
        .await?;
        task.await
    });
    run.await.unwrap();
    let tree = "\
run dig
  invoke_agent poet
    chat scripted
  mine
    function between
  function outer
    function within
  function apart
";
    assert_eq!(recorder.tree(), tree);
    let poet = recorder.span("invoke_agent poet");
    assert_eq!(poet.field("mainstem.step.path"), "a secret key");
}

#[tokio::test]
async fn each_attempt_is_a_span_of_its_own() {
    let recorder = Recorder::new();
    let failing = async |ctx: RunContext, topic: String| -> StepResult<String> {
        match ctx.path().as_str().contains('#') {
            true => Ok(topic),
            false => Err(Error::new(ErrorKind::Timeout, "too slow").into()),
        }
    };
    let flow = Flow::new("guide").step(
        "again",
        retry(Retry::attempts(2).backoff(MOMENT, MOMENT), failing),
    );
    flow.run("jays".to_owned()).await.unwrap();
    let spans = recorder.spans();
    let ends: Vec<_> = spans
        .iter()
        .map(|span| (span.field("mainstem.step.path"), span.field("error.type")))
        .filter(|(path, _)| path.contains("function"))
        .collect();
    let expected = [
        ("guide/again/function", "timeout"),
        ("guide/again/function#2", ""),
    ];
    assert_eq!(ends, expected);
}

#[tokio::test]
async fn a_run_is_inside_of_the_span_in_which_it_was_begun() {
    let recorder = Recorder::new();
    let mut run = {
        let request = tracing::info_span!("request");
        request.in_scope(|| agent("poet").run_streamed("Which birds?"))
    };
    while run.next_event().await.is_some() {}
    let tree = "\
request
  run poet
    invoke_agent poet
      chat scripted
";
    assert_eq!(recorder.tree(), tree);
}

#[tokio::test]
async fn a_run_that_goes_on_is_another_trace_with_the_same_run_id() {
    let recorder = Recorder::new();
    let flow = Flow::new("pay").step("sum", |euros: u32| euros).step(
        "approve",
        ask::<bool, _>(|euros: &u32| Question::new(format!("Pay {euros} €?"))),
    );
    let (store, id) = (MemoryStore::new(), RunId::from("r1"));
    let run = flow.run(7_u32).store(store.clone()).id(id.clone());
    let error = run.await.unwrap_err();
    let resume = error.suspension().unwrap().clone();
    let resume = resume.answer("approve", &true).unwrap();
    flow.resume(resume).store(store).await.unwrap();
    let tree = "\
run pay
  invoke_workflow pay
    function sum
    ask approve
run pay
  invoke_workflow pay
    ask approve
";
    assert_eq!(recorder.tree(), tree);
    let spans = recorder.spans();
    let runs = spans.iter().filter(|span| span.name == "run");
    let runs: Vec<_> = runs
        .map(|run| {
            ["mainstem.run.id", "mainstem.run.resumed", "mainstem.status"].map(|it| run.field(it))
        })
        .collect();
    let expected = [["r1", "false", "suspended"], ["r1", "true", "finished"]];
    assert_eq!(runs, expected);
    assert!(spans.iter().all(|span| span.field("error.type").is_empty()));
}

//! Traces as OpenTelemetry has them, over a real socket.

use std::{collections::HashMap, time::Duration};

use mainstem::{
    Agent, Flow, MemoryStore, Question, RunContext, RunId, SpanLinks, StepResult, Text, TimeLimits,
    Traces, ask, named,
    test_util::{Script, ScriptedModel},
};
use mainstem_testkit::Reply;
use mainstem_tests::{agent, server_with, within};
use opentelemetry::{
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::receiver::{Receiver, Sent};

/// Sends what is traced while the future runs.
async fn traced<F: IntoFuture>(receiver: &Receiver, work: F) -> F::Output {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(receiver.endpoint())
        .build()
        .unwrap();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("mainstem"));
    let guard = tracing::subscriber::set_default(Registry::default().with(layer));
    let done = within(work).await;
    drop(guard);
    provider.shutdown().unwrap();
    done
}

/// A tool that looks something up, as a step of its own.
async fn look_up(ctx: RunContext, topic: String) -> StepResult<String> {
    let found = ctx.step("search", "tool", async |_| Ok(format!("about {topic}")));
    Ok(found.await?)
}

#[tokio::test]
async fn a_flow_with_agents_at_once_a_tool_and_a_failure() {
    let answer = |text: &str| {
        Reply::stream()
            .content(text)
            .finish("stop")
            .usage(9, 2)
            .done()
    };
    let (poet, critic) = (
        server_with([answer("a poem")]).await,
        server_with([answer("so so")]).await,
    );
    let silent = ScriptedModel::new().script(Script::new().stall());
    let limits = TimeLimits::NONE.first_event(Duration::from_millis(20));
    let last = Agent::builder(silent).time_limits(limits).build().unwrap();
    let flow = Flow::new("guide")
        .step("look up", look_up)
        .parallel(
            "views",
            (named("poet", agent(&poet)), named("critic", agent(&critic))),
        )
        .step("join", |(one, other): (String, String)| one + &other)
        .step("last", last);
    let receiver = Receiver::new();
    let run = flow.run("jays").id("r1");
    traced(&receiver, run).await.unwrap_err();

    let spans = receiver.spans();
    assert_eq!(spans.len(), 12);
    let root = receiver.span("run guide");
    assert_eq!(root.text("parentSpanId"), "");
    let trace = root.text("traceId");
    assert!(trace.len() == 32 && spans.iter().all(|span| span.text("traceId") == trace));
    for (inner, outer) in [
        ("invoke_workflow guide", "run guide"),
        ("function look up", "invoke_workflow guide"),
        ("execute_tool search", "function look up"),
        ("parallel views", "invoke_workflow guide"),
        ("invoke_agent poet", "parallel views"),
        ("invoke_agent critic", "parallel views"),
        ("function join", "invoke_workflow guide"),
        ("invoke_agent last", "invoke_workflow guide"),
    ] {
        let outer = receiver.span(outer);
        assert_eq!(
            receiver.span(inner).text("parentSpanId"),
            outer.text("spanId"),
            "{inner}"
        );
    }
    check_requests(&receiver);
    check_failure(&receiver);
    let attribute = |name: &str, key: &str| receiver.span(name).attribute(key);
    assert_eq!(attribute("run guide", "mainstem.run.id").unwrap(), "r1");
    let tool = attribute("execute_tool search", "gen_ai.tool.name");
    assert_eq!(tool.unwrap(), "search");
    let workflow = attribute("invoke_workflow guide", "gen_ai.workflow.name");
    assert_eq!(workflow.unwrap(), "guide");
    let usage = attribute("run guide", "gen_ai.usage.output_tokens");
    assert_eq!(usage.unwrap(), "4");
}

/// A request is a client's span inside of its agent.
fn check_requests(receiver: &Receiver) {
    for name in ["poet", "critic"] {
        let agent = receiver.span(&format!("invoke_agent {name}"));
        assert_eq!(agent.attribute("gen_ai.agent.name").unwrap(), name);
        let inside = |span: &Sent| span.text("parentSpanId") == agent.text("spanId");
        let spans = receiver.spans();
        let chat = spans.iter().find(|span| inside(span)).unwrap();
        assert_eq!((agent.kind(), chat.kind()), (1, 3));
        assert!(chat.took() <= agent.took());
        for (key, value) in [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.response.finish_reasons", r#"["stop"]"#),
            ("gen_ai.usage.input_tokens", "9"),
            ("gen_ai.usage.output_tokens", "2"),
            ("mainstem.status", "finished"),
        ] {
            assert_eq!(chat.attribute(key).unwrap(), value, "{key} of {name}");
        }
        assert!(chat.attribute("gen_ai.output.messages").is_none());
    }
}

fn check_failure(receiver: &Receiver) {
    let failed = |name: &str| {
        let span = receiver.span(name);
        (span.status(), span.attribute("error.type"))
    };
    for name in [
        "chat scripted",
        "invoke_agent last",
        "invoke_workflow guide",
        "run guide",
    ] {
        assert_eq!(failed(name), (2, Some("timeout".to_owned())), "{name}");
    }
    assert_eq!(failed("function join"), (0, None));
}

/// Where a run began, as W3C's `traceparent`; the example `traces` has the same.
struct TraceParents;

impl SpanLinks for TraceParents {
    fn place(&self, span: &Span) -> Option<Text> {
        let mut headers = HashMap::new();
        TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
        headers.remove("traceparent").map(Text::from)
    }

    fn link(&self, span: &Span, earlier: &str) {
        let headers = HashMap::from([("traceparent".to_owned(), earlier.to_owned())]);
        let began = TraceContextPropagator::new().extract(&headers);
        span.add_link(began.span().span_context().clone());
    }
}

/// The process may be another one each time: its tracer has forgotten the spans before.
#[tokio::test]
async fn a_run_that_goes_on_is_linked_to_the_trace_in_which_it_began() {
    let flow = Flow::new("pay").step("sum", |euros: u32| euros).step(
        "approve",
        ask::<bool, _>(|euros: &u32| Question::new(format!("Pay {euros} €?"))),
    );
    let store = MemoryStore::new();
    let traces = || Traces::new().links(TraceParents);
    let run = flow.run(7_u32).store(store.clone()).id(RunId::from("r1"));
    let first = Receiver::new();
    let error = traced(&first, run.traces(traces())).await.unwrap_err();
    let began = first.span("run pay");
    assert!(began.links().is_empty());
    assert_eq!(began.attribute("mainstem.status").unwrap(), "suspended");

    // Once without an answer, once with it.
    let suspension = error.suspension().unwrap().clone();
    let again = flow
        .resume(&suspension)
        .store(store.clone())
        .traces(traces());
    let second = Receiver::new();
    traced(&second, again).await.unwrap_err();
    let answered = suspension.answer("approve", &true).unwrap();
    let last = flow.resume(answered).store(store.clone()).traces(traces());
    let third = Receiver::new();
    traced(&third, last).await.unwrap();

    let place = (
        began.text("traceId").to_owned(),
        began.text("spanId").to_owned(),
    );
    for (receiver, status) in [(&second, "suspended"), (&third, "finished")] {
        let root = receiver.span("run pay");
        assert_eq!(root.links(), std::slice::from_ref(&place));
        assert_ne!(root.text("traceId"), place.0);
        assert_eq!(root.attribute("mainstem.status").unwrap(), status);
        // The run's own span alone.
        let spans = receiver.spans();
        assert!(spans.len() > 1);
        assert_eq!(
            spans.iter().filter(|span| !span.links().is_empty()).count(),
            1
        );
    }
}

/// It panics each time.
struct Broken;

impl SpanLinks for Broken {
    fn place(&self, _: &Span) -> Option<Text> {
        panic!("no place")
    }

    fn link(&self, _: &Span, _: &str) {
        panic!("no link")
    }
}

#[tokio::test]
async fn links_that_panic_fail_no_run() {
    let flow = Flow::new("pay").step(
        "approve",
        ask::<bool, _>(|euros: &u32| Question::new(format!("Pay {euros} €?"))),
    );
    let store = MemoryStore::new();
    // Placed by the one, linked by the other; and neither.
    for (placing, linking) in [
        (
            Traces::new().links(TraceParents),
            Traces::new().links(Broken),
        ),
        (Traces::new().links(Broken), Traces::new().links(Broken)),
    ] {
        let receiver = Receiver::new();
        let run = flow.run(7_u32).store(store.clone()).traces(placing);
        let error = traced(&receiver, run).await.unwrap_err();
        let suspension = error.suspension().unwrap().clone();
        let answered = suspension.answer("approve", &true).unwrap();
        let again = flow.resume(answered).store(store.clone()).traces(linking);
        let receiver = Receiver::new();
        assert_eq!(traced(&receiver, again).await.unwrap().output, (7, true));
        assert!(receiver.span("run pay").links().is_empty());
    }
}

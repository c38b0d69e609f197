//! Two agents at the same time, traced: in the terminal, and to a collector if there is one.
//!
//! With `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318` the spans go there, as OTLP over HTTP: to
//! Jaeger, say, by `docker run --rm -p 4318:4318 -p 16686:16686 jaegertracing/jaeger`.

use std::{collections::HashMap, env};

use mainstem::{SpanLinks, Text, Traces, prelude::*};
use opentelemetry::{
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    Layer as _, Registry,
    filter::Targets,
    fmt::{
        self,
        format::{self, FmtSpan},
    },
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Listens to spans, in the terminal and for a collector.
fn listen() -> anyhow::Result<SdkTracerProvider> {
    let mut provider = SdkTracerProvider::builder();
    if let Ok(endpoint) = env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')));
        provider = provider.with_batch_exporter(exporter.build()?);
    }
    let provider = provider.build();
    // By the names that a collector would show; a collector gets all fields.
    let names = format::debug_fn(|out, field, value| match field.name() {
        "otel.name" => write!(out, "{}", format!("{value:?}").trim_matches('"')),
        name if name.starts_with("mainstem") || name.starts_with("gen_ai") => Ok(()),
        "otel.kind" | "otel.status_code" => Ok(()),
        "message" => write!(out, "{value:?} "),
        name => write!(out, "{name}={value:?} "),
    });
    let terminal = fmt::layer()
        .with_span_events(FmtSpan::CLOSE)
        .with_target(false)
        .fmt_fields(names);
    let exported = tracing_opentelemetry::layer().with_tracer(provider.tracer("mainstem"));
    // What the exporter itself traces, while it sends, is left out.
    let ours = Targets::new()
        .with_target("mainstem", tracing::Level::INFO)
        .with_target("traces", tracing::Level::INFO);
    Registry::default()
        .with(terminal.with_filter(ours.clone()))
        .with(exported.with_filter(ours))
        .init();
    Ok(provider)
}

/// Where a run began, as the text of W3C's `traceparent`: a run that is resumed, perhaps by another process,
/// is linked to it. It is for runs with a store.
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let provider = listen()?;
    let address = env::var("MAINSTEM_MODEL").unwrap_or_else(|_| "demo".into());
    let agent = |name: &str| {
        let agent = Agent::builder(mainstem::model(&address)?).name(name);
        agent.instructions("Be brief.").build()
    };
    let flow = Flow::new("guide")
        .step("ask", |topic: String| {
            // Inside of the step's span, without a word about spans.
            tracing::info!(bytes = topic.len(), "asked");
            format!("What is {topic}?")
        })
        .parallel("views", (agent("poet")?, agent("critic")?))
        .step("join", |(one, other): (String, String)| {
            format!("{one}\n\n{other}")
        });

    // `with_content()` would add what is said.
    let traces = Traces::new().conversation("example").links(TraceParents);
    let answer = flow.run("an event").traces(traces).await?.output;
    println!("{answer}");
    provider.shutdown()?;
    Ok(())
}

//! What the server counts of itself, for Prometheus.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::response::Response;
use futures::{Stream, StreamExt};
use http::Method;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{refusal::Refused, session::Sessions};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedFor {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRun {
    run: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OverWire {
    wire: &'static str,
}

/// Counters, each of which has few labels, whatever clients send.
pub(crate) struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    refused: Family<RefusedFor, Counter>,
    seconds: Histogram,
    started: Family<OfRun, Counter>,
    readers: Family<OverWire, Gauge>,
    /// The bytes of all bodies.
    pub(crate) sent_bytes: Counter,
    /// The connections that are open.
    pub(crate) connections: Gauge,
}

impl Metrics {
    pub(crate) fn new(sessions: &Sessions) -> Self {
        let mut registry = Registry::with_prefix("mainstem");
        registry.register_collector(Box::new(OfSessions(sessions.clone())));
        let answered = Family::default();
        let refused = Family::default();
        let seconds = Histogram::new(exponential_buckets(0.001, 4.0, 8));
        let started = Family::default();
        let readers = Family::default();
        let (sent_bytes, connections) = (Counter::default(), Gauge::default());
        registry.register(
            "http_requests",
            "Requests that were answered",
            answered.clone(),
        );
        registry.register(
            "http_refused",
            "Requests that were refused, by the code of the refusal",
            refused.clone(),
        );
        registry.register_with_unit(
            "http_head",
            "Time from a request to the head of its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register("runs_started", "Runs that were started", started.clone());
        registry.register("readers", "Responses that read a run now", readers.clone());
        registry.register_with_unit(
            "sent",
            "Bytes of the bodies of all answers",
            Unit::Bytes,
            sent_bytes.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            connections.clone(),
        );
        Self {
            registry,
            answered,
            refused,
            seconds,
            started,
            readers,
            sent_bytes,
            connections,
        }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, method: &Method, route: &str, answer: &Response, took: Duration) {
        let labels = Answered {
            route: route.to_owned(),
            method: known(method),
            status: answer.status().as_u16(),
        };
        self.answered.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
        if let Some(Refused(code)) = answer.extensions().get() {
            self.refused.get_or_create(&RefusedFor { code }).inc();
        }
    }

    /// Counts a run that was started.
    pub(crate) fn run_started(&self, name: &str) {
        let labels = OfRun {
            run: name.to_owned(),
        };
        self.started.get_or_create(&labels).inc();
    }

    /// Counts a reader until what it gives is dropped.
    pub(crate) fn reader(&self, wire: &'static str) -> Held {
        Held::new(&self.readers.get_or_create(&OverWire { wire }))
    }

    /// All of it as text, for Prometheus.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Methods by name; what isn't known is one, since clients may send any word.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// Something that counts for as long as this is there.
#[derive(Debug)]
pub(crate) struct Held(Gauge);

impl Held {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Events that are counted as being read.
#[derive(Debug)]
pub(crate) struct Read<S> {
    events: S,
    _held: Held,
}

impl<S> Read<S> {
    pub(crate) fn new(events: S, held: Held) -> Self {
        Self {
            events,
            _held: held,
        }
    }
}

impl<S: Stream + Unpin> Stream for Read<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.events.poll_next_unpin(cx)
    }
}

/// The numbers of the sessions, read when they are asked for.
#[derive(Debug)]
struct OfSessions(Sessions);

impl Collector for OfSessions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.0.stats();
        let now = [
            ("runs_live", "Runs that are under way here", stats.runs),
            (
                "kept_events",
                "Events in memory for readers of these",
                stats.kept_events,
            ),
            ("kept_bytes", "Roughly the bytes of these", stats.kept_bytes),
        ];
        for (name, help, value) in now {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        let so_far = [
            ("runs_finished", "Runs that finished", stats.runs_finished),
            ("runs_failed", "Runs that failed", stats.runs_failed),
            (
                "runs_cancelled",
                "Runs that were stopped",
                stats.runs_cancelled,
            ),
            (
                "runs_suspended",
                "Runs that began to wait for answers",
                stats.runs_suspended,
            ),
            ("events", "Events that runs have given", stats.events),
            (
                "holds",
                "Times that a run began to wait for a slow reader",
                stats.holds,
            ),
            (
                "readers_cut",
                "Readers that were cut because they were slow",
                stats.readers_cut,
            ),
        ];
        for (name, help, value) in so_far {
            let counter = ConstCounter::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(encoder)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn what_happens_is_counted() {
        let metrics = Metrics::new(&Sessions::builder().build().unwrap());
        let answer = crate::refusal::Refusal::no_such_run().into_response();
        let took = Duration::from_millis(2);
        metrics.answered(&Method::GET, "/runs/{id}", &answer, took);
        metrics.run_started("guide");
        let reader = metrics.reader("sse");
        let text = metrics.text();
        for line in [
            r#"mainstem_http_requests_total{route="/runs/{id}",method="GET",status="404"} 1"#,
            r#"mainstem_http_refused_total{code="run_not_found"} 1"#,
            r#"mainstem_runs_started_total{run="guide"} 1"#,
            r#"mainstem_readers{wire="sse"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        drop(reader);
        assert!(metrics.text().contains(r#"mainstem_readers{wire="sse"} 0"#));
    }
}

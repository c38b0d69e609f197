//! A subscriber that keeps all that it is told.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// A span as it was recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    id: u64,
    parent: Option<u64>,
    /// What it is called without its own fields.
    pub(crate) name: &'static str,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) is_closed: bool,
}

impl Span {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// What OpenTelemetry calls it.
    pub(crate) fn title(&self) -> &str {
        match self.field("otel.name") {
            "" => self.name,
            name => name,
        }
    }
}

/// The spans and events of this thread, for as long as it is there.
pub(crate) struct Recorder {
    told: Arc<Mutex<Told>>,
    _guard: DefaultGuard,
}

#[derive(Default)]
struct Told {
    spans: Vec<Span>,
    /// Each event's message, with the span that it is in.
    events: Vec<(String, Option<u64>)>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let told = Arc::default();
        let subscriber = Registry::default().with(Recording(Arc::clone(&told)));
        let _guard = tracing::subscriber::set_default(subscriber);
        Self { told, _guard }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// All spans, in the order in which they began.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.told().spans.clone()
    }

    /// The only span that OpenTelemetry calls so.
    pub(crate) fn span(&self, title: &str) -> Span {
        let mut spans = self.spans();
        spans.retain(|span| span.title() == title);
        assert_eq!(spans.len(), 1, "{title}: {spans:?}");
        spans.remove(0)
    }

    /// The spans as a tree of titles.
    pub(crate) fn tree(&self) -> String {
        let told = self.told();
        let mut lines = String::new();
        told.inside(None, 0, &mut lines);
        lines
    }

    /// The titles of the spans around an event, the innermost first.
    pub(crate) fn around(&self, message: &str) -> Vec<String> {
        let told = self.told();
        let found = told.events.iter().find(|(it, _)| it == message);
        let mut at = found.unwrap_or_else(|| panic!("no event {message}")).1;
        let mut titles = Vec::new();
        while let Some(span) = at.and_then(|id| told.spans.iter().find(|span| span.id == id)) {
            titles.push(span.title().to_owned());
            at = span.parent;
        }
        titles
    }

    /// All that was told, in no particular form.
    pub(crate) fn everything(&self) -> String {
        let told = self.told();
        format!("{:?} {:?}", told.spans, told.events)
    }
}

impl Told {
    fn inside(&self, around: Option<u64>, depth: usize, lines: &mut String) {
        for span in self.spans.iter().filter(|span| span.parent == around) {
            lines.push_str(&format!("{}{}\n", "  ".repeat(depth), span.title()));
            self.inside(Some(span.id), depth + 1, lines);
        }
    }
}

/// Ids are given again once a span is closed: what comes later is a span of its own.
struct Recording(Arc<Mutex<Told>>);

struct Number(u64);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recording {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let it = ctx.span(id).unwrap();
        let parent = it.parent().map(|parent| number(&parent.extensions()));
        let mut told = self.0.lock().unwrap();
        let id = told.spans.len() as u64 + 1;
        it.extensions_mut().insert(Number(id));
        let mut span = Span {
            id,
            parent,
            name: it.name(),
            ..Span::default()
        };
        attributes.record(&mut Fields(&mut span.fields));
        told.spans.push(span);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, ctx: Context<'_, S>) {
        let id = number(&ctx.span(id).unwrap().extensions());
        let mut told = self.0.lock().unwrap();
        record.record(&mut Fields(&mut told.spans[id as usize - 1].fields));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let span = ctx.event_span(event);
        let span = span.map(|span| number(&span.extensions()));
        let message = fields.remove("message").unwrap_or_default();
        self.0.lock().unwrap().events.push((message, span));
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let id = number(&ctx.span(&id).unwrap().extensions());
        self.0.lock().unwrap().spans[id as usize - 1].is_closed = true;
    }
}

fn number(extensions: &tracing_subscriber::registry::Extensions<'_>) -> u64 {
    extensions.get::<Number>().unwrap().0
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        self.0.insert(field.name().to_owned(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

//! Runs as responses.

use std::{fmt, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream::Map};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS},
};
use mainstem_core::{Event, Place, Result, Run, RunId, RunStream};
use serde::Serialize;

use crate::{
    body::{Flush, WireBody},
    compress::Encoding,
    wire::{Format, Sse, binary},
};

/// The header that says which run a response is of.
pub const RUN_HEADER: HeaderName = HeaderName::from_static("mainstem-run");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A response that shows events in a format.
///
/// The events have to end with an end of the run. A stream that stops without one, or with an error,
/// gives a response that is cut: no client takes it for a whole one. The response is read as fast as its
/// client reads; dropping it drops the events.
///
/// With [`after`](ResponseOptions::after), the events of a format that
/// [needs the past](Format::needs_past) are still those from the run's first one.
pub fn respond<S>(format: Format, events: S, options: ResponseOptions) -> Response
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    response(
        body(format, events, &options),
        format.content_type(),
        options,
    )
}

/// As [`respond`], but that the content type of bytes is that of what they are, if that can be seen.
///
/// For that it waits for the first of them; for another format it doesn't wait.
pub async fn respond_sniffed<S>(format: Format, events: S, options: ResponseOptions) -> Response
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    let mut body = body(format, events, &options);
    let content_type = match format {
        Format::Binary => binary::content_type(&body.head(binary::HEAD).await),
        _ => format.content_type(),
    };
    response(body, content_type, options)
}

fn body<S>(format: Format, events: S, options: &ResponseOptions) -> WireBody<S>
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    WireBody::new(events, format.wire_with(options.retry))
        .after(options.after)
        .flush(options.flush)
        .heartbeat(options.heartbeat)
        .encoding(options.encoding)
}

fn response<S>(body: WireBody<S>, content_type: &'static str, options: ResponseOptions) -> Response
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if options.encoding != Encoding::Identity {
        let encoding = HeaderValue::from_static(options.encoding.name());
        headers.insert(CONTENT_ENCODING, encoding);
    }
    if options.varies {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    // An id that can't stand in a header is the caller's own, who knows it.
    let run = options.run.map(|run| HeaderValue::from_str(run.as_str()));
    if let Some(Ok(run)) = run {
        headers.insert(RUN_HEADER, run);
    }
    response
}

/// How a response is sent.
#[derive(Clone, Debug)]
#[must_use]
pub struct ResponseOptions {
    heartbeat: Option<Duration>,
    flush: Flush,
    retry: Duration,
    after: Option<Place>,
    run: Option<RunId>,
    encoding: Encoding,
    varies: bool,
}

impl Default for ResponseOptions {
    fn default() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(15)),
            flush: Flush::default(),
            retry: Sse::RETRY,
            after: None,
            run: None,
            encoding: Encoding::Identity,
            varies: false,
        }
    }
}

impl ResponseOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a connection may be silent before something is sent that readers ignore; 15 seconds by
    /// default, none for never.
    ///
    /// Only some formats have such a thing: text and bytes have none, nor has NDJSON.
    pub fn heartbeat(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = interval.into();
        self
    }

    /// Sends at the latest when that many bytes have come together, or that long after the first of them.
    ///
    /// By default 8 KiB, and no time: what there is goes as soon as nothing more is ready, each event on its
    /// own while a model writes. A delay joins what comes within it.
    pub fn flush(mut self, bytes: usize, delay: Duration) -> Self {
        let bytes = bytes.max(1);
        self.flush = Flush { bytes, delay };
        self
    }

    /// How long a client of server-sent events is asked to wait before it comes back; a second by default.
    pub fn retry(mut self, wait: Duration) -> Self {
        self.retry = wait;
        self
    }

    /// Compresses the response; not so by default.
    ///
    /// Each time that something is sent, all that was sent so far can be read. Small pieces gain little.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Compresses the response in the way that the client likes most, by the headers of its request.
    pub fn accept_encoding(mut self, headers: &HeaderMap) -> Self {
        self.varies = true;
        self.encoding(Encoding::from_accept(headers))
    }

    /// The place of the last event that the client has: it is sent what follows.
    pub fn after(mut self, place: impl Into<Option<Place>>) -> Self {
        self.after = place.into();
        self
    }

    /// Which run it is, for the header `mainstem-run`.
    pub fn run(mut self, run: &RunId) -> Self {
        self.run = Some(run.clone());
        self
    }
}

/// A run that will be a response: set it up, or return it from a handler.
#[must_use = "it is a response only if a handler returns it"]
pub struct WireResponse<S> {
    format: Format,
    events: S,
    options: ResponseOptions,
}

impl<S> WireResponse<S>
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    /// The events of a run, in a format.
    pub fn new(format: Format, events: S) -> Self {
        let options = ResponseOptions::new();
        Self {
            format,
            events,
            options,
        }
    }

    /// How it is sent.
    pub fn options(self, options: ResponseOptions) -> Self {
        Self { options, ..self }
    }

    /// As [`ResponseOptions::heartbeat`].
    pub fn heartbeat(self, interval: impl Into<Option<Duration>>) -> Self {
        let options = self.options.clone().heartbeat(interval);
        self.options(options)
    }

    /// As [`ResponseOptions::flush`].
    pub fn flush(self, bytes: usize, delay: Duration) -> Self {
        let options = self.options.clone().flush(bytes, delay);
        self.options(options)
    }

    /// As [`ResponseOptions::retry`].
    pub fn retry(self, wait: Duration) -> Self {
        let options = self.options.clone().retry(wait);
        self.options(options)
    }

    /// As [`ResponseOptions::encoding`].
    pub fn encoding(self, encoding: Encoding) -> Self {
        let options = self.options.clone().encoding(encoding);
        self.options(options)
    }

    /// As [`ResponseOptions::accept_encoding`].
    pub fn accept_encoding(self, headers: &HeaderMap) -> Self {
        let options = self.options.clone().accept_encoding(headers);
        self.options(options)
    }

    /// The response, once it is known what the run's bytes are: see [`respond_sniffed`].
    pub async fn sniff(self) -> Response {
        respond_sniffed(self.format, self.events, self.options).await
    }
}

impl<S> IntoResponse for WireResponse<S>
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    fn into_response(self) -> Response {
        respond(self.format, self.events, self.options)
    }
}

impl<S> fmt::Debug for WireResponse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireResponse")
            .field("format", &self.format)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The events of a run as a response reads them; made by [`IntoWire`].
pub type RunEvents<T> = Map<RunStream<T>, fn(Event) -> Result<Event>>;

/// Runs as responses: for [`Run`] and [`RunStream`].
///
/// Each gives a value that a handler of axum returns. The run is read as fast as its client reads; a
/// client that goes away stops it.
///
/// Of a [resumed](Run::resume) run it is what follows. Formats that
/// [need the past](Format::needs_past) don't have it then: what is said inside of a tool that was under way
/// before counts as text of the run. Read the log from its start where that matters.
///
/// ```
/// use axum::response::IntoResponse;
/// use mainstem_core::{Run, TextDelta};
/// use mainstem_serve::IntoWire;
///
/// async fn greet() -> impl IntoResponse {
///     let run = Run::new("greet", |ctx| async move {
///         ctx.emit(TextDelta::new("Hello")).await;
///         Ok("Hello")
///     });
///     run.into_sse()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let response = greet().await.into_response();
/// assert_eq!(response.headers()["content-type"], "text/event-stream");
/// # }
/// ```
pub trait IntoWire<T>: Sized {
    /// The run as a response in a format that the client has asked for.
    fn into_wire(self, format: Format) -> WireResponse<RunEvents<T>>;

    /// The run as server-sent events.
    fn into_sse(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Sse)
    }

    /// The text of the run, as it comes.
    fn into_text(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Text)
    }

    /// What the run says, as one JSON array.
    fn into_json(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Json)
    }

    /// The events of the run as lines of JSON.
    fn into_ndjson(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Ndjson)
    }

    /// The bytes of the run, as they come; [`sniff`](WireResponse::sniff) says what they are.
    fn into_bytes(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Binary)
    }

    /// The events of the run as CBOR, in frames with their length.
    fn into_frames(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Frames)
    }

    /// The run as server-sent events of one shape.
    fn into_envelope(self) -> WireResponse<RunEvents<T>> {
        self.into_wire(Format::Envelope)
    }
}

impl<T: Send + 'static> IntoWire<T> for RunStream<T> {
    fn into_wire(self, format: Format) -> WireResponse<RunEvents<T>> {
        let options = ResponseOptions::new().run(self.id());
        WireResponse::new(format, self.map(Ok as fn(Event) -> Result<Event>)).options(options)
    }
}

impl<T: Serialize + Send + 'static> IntoWire<T> for Run<T> {
    fn into_wire(self, format: Format) -> WireResponse<RunEvents<T>> {
        self.stream().into_wire(format)
    }
}

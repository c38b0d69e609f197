use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tracing::Span;

use crate::Text;

/// What a run tells those who listen to its spans.
///
/// A run, its steps and its requests to models are spans of the crate `tracing`, with the names of
/// OpenTelemetry's conventions for generative AI. Without a subscriber there are none, and this has
/// no effect.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{Run, Traces};
///
/// let traces = Traces::new().conversation("c1").with_content();
/// let run = Run::new("greet", |ctx| async move {
///     assert!(ctx.traces().content);
///     Ok(())
/// });
/// run.traces(traces).await?;
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traces {
    /// Whether the spans have what is said: instructions, messages, the arguments and results of
    /// tools, and the messages of errors. Not so by default: it goes wherever the traces go.
    pub content: bool,
    /// Which conversation the run belongs to: `gen_ai.conversation.id`.
    pub conversation: Option<Text>,
    links: Option<Links>,
}

/// Finds spans again after their process has gone: links the span of a run that goes on to the one in which
/// it began.
///
/// This crate knows `tracing` alone, whose spans are forgotten when they are closed. Whoever exports them
/// knows them by another id: the trace and the span of OpenTelemetry, say, as the text of W3C's
/// `traceparent`. Of a run with a store that text is kept beside the log, and given back when the run is
/// resumed, by whichever process.
///
/// ```
/// use mainstem_core::{SpanLinks, Text, Traces};
///
/// struct MyTracer;
///
/// impl SpanLinks for MyTracer {
///     fn place(&self, span: &tracing::Span) -> Option<Text> {
///         Some(format!("{:?}", span.id()?).into())
///     }
///
///     fn link(&self, span: &tracing::Span, earlier: &str) {
///         tracing::info!(parent: span, "it began in {earlier}");
///     }
/// }
///
/// let traces = Traces::new().links(MyTracer);
/// # let _ = traces;
/// ```
pub trait SpanLinks: Send + Sync + 'static {
    /// What a span is found by later; none, if it isn't exported.
    fn place(&self, span: &Span) -> Option<Text>;

    /// Links a span to an earlier one, which is found by this.
    fn link(&self, span: &Span, earlier: &str);
}

/// By which spans are found again.
#[derive(Clone)]
struct Links(Arc<dyn SpanLinks>);

impl PartialEq for Links {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Links {}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpanLinks")
    }
}

impl Traces {
    /// Spans without content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`content`](Self::content).
    #[must_use]
    pub fn with_content(mut self) -> Self {
        self.content = true;
        self
    }

    /// Sets [`conversation`](Self::conversation).
    #[must_use]
    pub fn conversation(mut self, id: impl Into<Text>) -> Self {
        self.conversation = Some(id.into());
        self
    }

    /// Links the span of a run that goes on to the one in which it began, if the run has a store.
    #[must_use]
    pub fn links(mut self, links: impl SpanLinks) -> Self {
        self.links = Some(Links(Arc::new(links)));
        self
    }

    /// What a run's span is found by later.
    pub(crate) fn place(&self, span: &Span) -> Option<Text> {
        let links = &self.links.as_ref()?.0;
        // What is told to a tracer is nothing that a run may fail by.
        catch_unwind(AssertUnwindSafe(|| links.place(span))).ok()?
    }

    /// Links the span of a run to where it began.
    pub(crate) fn link(&self, span: &Span, began: Option<&str>) {
        if let (Some(links), Some(began)) = (&self.links, began) {
            let _panic = catch_unwind(AssertUnwindSafe(|| links.0.link(span, began)));
        }
    }
}

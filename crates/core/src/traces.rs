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
}

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;

/// Whether what was given of an answer can still be taken back.
///
/// It is a part of a [`ModelRequest`](crate::ModelRequest), set by who reads the answer. A layer that
/// would begin an answer anew asks first: a reader of text alone has seen it, and can't unsee it.
///
/// The default is [`never`](Self::never).
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{Message, ModelRequest, Recall};
///
/// let mut request = ModelRequest::new([Message::user("Name a bird.")]);
/// assert!(!request.recall.is_possible().await);
/// request.recall = Recall::always();
/// assert!(request.recall.is_possible().await);
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Recall(Answer);

#[derive(Clone, Default)]
enum Answer {
    #[default]
    Never,
    Always,
    Ask(Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>),
}

impl Recall {
    /// Nothing can be taken back: pieces go to a reader as they come, for good.
    pub fn never() -> Self {
        Self(Answer::Never)
    }

    /// All can be taken back: the reader understands a
    /// [`NextAttempt`](crate::ModelEvent::NextAttempt) that voids the answer.
    pub fn always() -> Self {
        Self(Answer::Always)
    }

    /// Asks each time.
    pub fn ask(ask: impl Fn() -> BoxFuture<'static, bool> + Send + Sync + 'static) -> Self {
        Self(Answer::Ask(Arc::new(ask)))
    }

    /// Whether all that was given so far can be taken back.
    ///
    /// It may wait until the reader has taken what it was given.
    pub async fn is_possible(&self) -> bool {
        match &self.0 {
            Answer::Never => false,
            Answer::Always => true,
            Answer::Ask(ask) => ask().await,
        }
    }
}

/// Requests that differ in it ask for the same.
impl PartialEq for Recall {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Answer::Never => "Recall::never",
            Answer::Always => "Recall::always",
            Answer::Ask(_) => "Recall::ask",
        })
    }
}

//! What goes into a request beside the instructions and the input.

mod block;
mod blocking;
mod budget;
mod file;
mod function;
mod history;
mod summary;
mod supply;
mod tree;

use std::sync::Arc;

pub use block::ContextBlock;
pub use file::FileContext;
pub use function::{FunctionContext, ProvidedContext, context_fn};
use futures::future::BoxFuture;
use mainstem_core::{History, Message, RunContext, StepResult, Text};
pub use summary::{OlderTurns, Summarizer};
pub(crate) use supply::Supply;
pub use tree::SourceTree;

use crate::AgentBuilder;

/// Gives an agent's model something to read beside its instructions and the conversation: a file, what a
/// search found, the state of an order.
///
/// It is asked once in each run, before the model, and what it gives is the same for all turns of that run.
/// It is a step of the run, `agent/context:NAME`: what it uses counts, what it says is no text of the run,
/// and a run that is resumed finds what it gave instead of asking again.
///
/// What it gives is data. It gets to the model as it is, between marks that can't stand in it, never as
/// instructions, and nothing in it is expanded as a template.
///
/// A function is made one by [`context_fn`]; [`FileContext`] and [`SourceTree`] are ready.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::ScriptedModel;
/// # let model = ScriptedModel::new().answer(["It hides acorns."]);
/// use futures::future::BoxFuture;
/// use mainstem_agent::{Agent, ContextBlock, ContextProvider, ContextQuery};
/// use mainstem_core::{RunContext, StepResult};
///
/// struct Glossary;
///
/// impl ContextProvider for Glossary {
///     fn name(&self) -> &str {
///         "glossary"
///     }
///
///     fn provide(
///         &self,
///         _ctx: RunContext,
///         query: ContextQuery,
///     ) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>> {
///         Box::pin(async move {
///             let known = query.input.contains("jay");
///             Ok(known.then(|| ContextBlock::new("jay", "A bird.")).into_iter().collect())
///         })
///     }
/// }
///
/// let agent = Agent::builder(model.clone()).context_from(Glossary).build()?;
/// agent.run("What does a jay do?").await?;
/// let asked = model.requests()[0].messages[0].text();
/// assert!(asked.contains("<context name=\"jay\">\nA bird.\n</context>"), "{asked}");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives an agent no context",
    note = "a function becomes one by `context_fn(\"name\", function)`; a type of your own implements \
            `ContextProvider`"
)]
pub trait ContextProvider: Send + Sync + 'static {
    /// What it is called; each one of an agent has its own name.
    fn name(&self) -> &str;

    /// What it gives for a run. Blocks without text are left out.
    ///
    /// An error fails the run.
    fn provide(
        &self,
        ctx: RunContext,
        query: ContextQuery,
    ) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>>;
}

impl<P: ContextProvider + ?Sized> ContextProvider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn provide(
        &self,
        ctx: RunContext,
        query: ContextQuery,
    ) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>> {
        (**self).provide(ctx, query)
    }
}

/// What context is asked for: who is asked what, and what was said before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContextQuery {
    /// The agent's name.
    pub agent: Text,
    /// What the run was given.
    pub input: Text,
    history: History,
    before: usize,
}

impl ContextQuery {
    /// The conversation before the input: all of it, also what the limits of the history leave out.
    pub fn history(&self) -> &[Message] {
        &self.history[..self.before]
    }
}

impl<T> AgentBuilder<T> {
    /// Gives the model something to read beside its instructions and the conversation.
    ///
    /// May be called several times. The model reads it in this order, before the conversation; with
    /// [`max_context_tokens`](Self::max_context_tokens) the first ones are the last to be cut.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["Five."]);
    /// use mainstem_agent::{Agent, ContextQuery, context_fn};
    ///
    /// let orders = context_fn("orders", async |query: ContextQuery| {
    ///     Ok(format!("{} has 5 open orders", query.agent))
    /// });
    /// let agent = Agent::builder(model.clone()).name("Ada").context_from(orders).build()?;
    /// agent.run("How many orders are open?").await?;
    /// assert!(model.requests()[0].messages[0].text().contains("Ada has 5 open orders"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn context_from(mut self, provider: impl ContextProvider) -> Self {
        self.parts.supply.providers.push(Arc::new(provider));
        self
    }

    /// The most tokens of what all [providers](Self::context_from) give, by the agent's
    /// [counter](Self::token_counter); no limit by default.
    ///
    /// It counts with the marks around it. What was added first goes first: each block takes what it needs
    /// of what is left, one that doesn't fit is cut, at the end of a line if it has one, with a word on it
    /// for the model, and one of which nothing fits is left out. A notice with the code `context_cut` names each.
    pub fn max_context_tokens(mut self, tokens: u64) -> Self {
        self.parts.supply.max_context_tokens = Some(tokens);
        self
    }

    /// The most messages of the conversation so far that the model is sent; no limit by default.
    ///
    /// Whole turns are left out, the oldest first: a turn begins with a user's message, and a tool's result
    /// never goes without its call. Messages of the system stay, and count. What the run itself adds, its
    /// input and the calls and results of its own, is always sent and doesn't count. The context keeps
    /// everything: a limit is what a request holds.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().always(["Yes."]);
    /// use mainstem_agent::Agent;
    /// use mainstem_core::Context;
    ///
    /// let agent = Agent::builder(model.clone()).max_history_messages(2).build()?;
    /// let ctx = Context::new();
    /// for question in ["One?", "Two?", "Three?"] {
    ///     agent.run(question).context(&ctx).await?;
    /// }
    /// let sent: Vec<_> = model.requests()[2].messages.iter().map(|it| it.text()).collect();
    /// assert_eq!(sent, ["Two?", "Yes.", "Three?"]);
    /// assert_eq!(ctx.messages().len(), 6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_history_messages(mut self, messages: usize) -> Self {
        self.parts.supply.max_history_messages = Some(messages);
        self
    }

    /// The most tokens of the conversation so far that the model is sent, by the agent's
    /// [counter](Self::token_counter); no limit by default.
    ///
    /// What is left out is as for [`max_history_messages`](Self::max_history_messages); with both, both
    /// hold.
    pub fn max_history_tokens(mut self, tokens: u64) -> Self {
        self.parts.supply.max_history_tokens = Some(tokens);
        self
    }

    /// Has the turns that the limits of the history leave out summarised, instead of forgotten.
    ///
    /// When the conversation passes [`max_history_messages`](Self::max_history_messages) or
    /// [`max_history_tokens`](Self::max_history_tokens), its older turns are summarised until what is left
    /// is half of the limit: so it isn't summarised again in each run. The summary is kept in the context,
    /// and the next one goes on from it. The model reads it before the turns that are left; it doesn't
    /// count against the limits.
    ///
    /// An [`Agent`](crate::Agent) becomes a [`Summarizer`] by itself. It is a step of the run,
    /// `agent/summary`: what it uses counts, and what it writes is no text of the run. If it fails, so does
    /// the run.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().always(["Yes."]);
    /// # let small = ScriptedModel::new().answer(["They asked for numbers."]);
    /// use mainstem_agent::Agent;
    /// use mainstem_core::Context;
    ///
    /// let summarizer = Agent::builder(small)
    ///     .name("summarizer")
    ///     .instructions("Summarise conversations in a few sentences.")
    ///     .build()?;
    /// let agent = Agent::builder(model.clone())
    ///     .max_history_messages(4)
    ///     .summarize_history(summarizer)
    ///     .build()?;
    /// let ctx = Context::new();
    /// for question in ["One?", "Two?", "Three?", "Four?"] {
    ///     agent.run(question).context(&ctx).await?;
    /// }
    /// let sent = &model.requests()[3].messages;
    /// assert!(sent[0].text().contains("They asked for numbers."));
    /// let texts: Vec<_> = sent[1..].iter().map(|it| it.text()).collect();
    /// assert_eq!(texts, ["Yes.", "Four?"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn summarize_history(mut self, summarizer: impl Into<Summarizer>) -> Self {
        self.parts.supply.summarizer = Some(summarizer.into());
        self
    }
}

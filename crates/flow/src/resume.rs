//! Flows that go on where they stopped.

use std::sync::Arc;

use mainstem_core::{Key, Question, Resume, Run, Text};
use schemars::JsonSchema;

use crate::{Flow, StepValue, ask};

impl<I: StepValue, O: StepValue> Flow<I, O> {
    /// A run that goes on: one that was suspended, with answers, or one whose process died.
    ///
    /// It takes a [`Suspension`](mainstem_core::Suspension) or the run's id, and needs the store that
    /// has the run's log. Steps that had finished aren't done again: what they gave, what they changed
    /// in the context, and what was decided comes from the log. A step that was under way is retracted
    /// and begins again, as its next attempt; a flow, a branch, a loop or a question goes on.
    ///
    /// A flow that has changed since is refused, with an error that names the step that differs: see
    /// [`version`](Self::version). [`Run::resume`] tells the rest.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// use mainstem_core::{MemoryStore, Outcome, Question};
    /// use mainstem_flow::Flow;
    ///
    /// let flow = Flow::new("pay")
    ///     .step("price", |order: String| order.len() as u32)
    ///     .ask::<bool>("approve", |price: &u32| Question::new(format!("Pay {price} €?")))
    ///     .step("pay", |(price, yes): (u32, bool)| if yes { price } else { 0 });
    ///
    /// let store = MemoryStore::new();
    /// let Outcome::Suspended(asked) = flow.run("seven").store(store.clone()).outcome().await? else {
    ///     panic!("it asks");
    /// };
    /// assert_eq!(asked.requests[0].prompt, "Pay 5 €?");
    ///
    /// // Later, in another process perhaps.
    /// let answered = asked.answer("approve", &true)?;
    /// assert_eq!(flow.resume(answered).store(store).await?.output, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(&self, run: impl Into<Resume>) -> Run<O> {
        Run::resume(self.clone(), run)
    }
}

impl<I, O: StepValue> Flow<I, O> {
    /// Asks a person about what the step before gives, and gives that with the typed answer.
    ///
    /// While there is no answer the run is suspended: other branches run to their end, then the run's
    /// segment ends with all that is asked. [`resume`](Self::resume) goes on with some or all answers.
    /// An answer is checked against the schema of `A` before the run goes on. A refusal
    /// ([`Suspension::refuse`](mainstem_core::Suspension::refuse)), and a question that
    /// [expires](Question::expires_in), are failures of this step.
    pub fn ask<A>(
        self,
        name: impl Into<Text>,
        question: impl Fn(&O) -> Question + Send + Sync + 'static,
    ) -> Flow<I, (O, A)>
    where
        A: StepValue + JsonSchema,
    {
        self.step(name, ask::<A, _>(question))
    }
}

impl<I, O> Flow<I, O> {
    /// Declares a key of the context whose values are [reduced](Key::reduced_by) where branches come
    /// together.
    ///
    /// A run with a store needs it: when the run is resumed, what its branches had written comes from
    /// the log, which can't hold the function.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// use mainstem_core::{Context, Key, MemoryStore, RunContext, StepResult};
    /// use mainstem_flow::{Flow, named, with};
    ///
    /// const BEST: Key<u32> = Key::new("best").reduced_by(|_, best, bid| best.max(bid));
    ///
    /// async fn bid(ctx: RunContext, more: u32, price: u32) -> StepResult<()> {
    ///     Ok(ctx.context().set(&BEST, &(price + more))?)
    /// }
    ///
    /// let flow = Flow::new("auction")
    ///     .key(&BEST)
    ///     .parallel("bids", (named("ada", with(1, bid)), named("bob", with(3, bid))));
    /// let ctx = Context::new();
    /// flow.run(5u32).context(&ctx).store(MemoryStore::new()).await?;
    /// assert_eq!(ctx.get(&BEST)?, Some(8));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn key<T: 'static>(mut self, key: &'static Key<T>) -> Self {
        self.keys
            .push(Arc::new(move |context| context.declare(key)));
        self
    }

    /// Says which version of the flow it is; `1` by default.
    ///
    /// It matters to runs that are resumed: they go on with a flow of the same version and steps, or with
    /// one that says that it is [compatible](Self::compatible_with).
    #[must_use]
    pub fn version(mut self, version: impl Into<Text>) -> Self {
        self.version = version.into();
        self
    }

    /// Lets runs of an earlier version go on with this one, though its steps differ.
    ///
    /// Steps are found again by their paths. One that was renamed is a new one; one that isn't there any
    /// more is forgotten; what one had given must still be read as what it gives now.
    #[must_use]
    pub fn compatible_with(mut self, version: impl Into<Text>) -> Self {
        self.compatible_with.push(version.into());
        self
    }
}

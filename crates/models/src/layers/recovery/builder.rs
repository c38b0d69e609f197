use std::{fmt, sync::Arc, time::Duration};

use mainstem_core::{
    Backoff, Error, ErrorKind, Model, ModelRequest, Result, RoughTokens, TimeLimits, TokenCounter,
};

use super::{Plan, Recovery, WhenCut};

/// Sets up a [`Recovery`]; made by [`Recovery::of`].
#[must_use = "a model is made by `build`"]
pub struct RecoveryBuilder(Plan);

impl RecoveryBuilder {
    pub(super) fn new(model: Arc<dyn Model>) -> Self {
        Self(Plan {
            models: vec![model],
            attempts: 3,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            total: None,
            time_limits: TimeLimits::default(),
            when_cut: WhenCut::default(),
            when_cut_in_text: WhenCut::default(),
            go_on: Arc::new(|request, said| request.go_on(said)),
            counter: Arc::new(RoughTokens),
        })
    }

    /// Asks this model once the ones before it have failed; also in the middle of an answer, where
    /// [`when_cut`](Self::when_cut) allows it.
    ///
    /// Failures that another attempt would meet again (401, 404) lead to it at once, and so does a
    /// server that asks for a longer pause than the longest [`backoff`](Self::backoff). It may be the
    /// same model on another way:
    /// [`without_streaming`](crate::ChatCompletions::without_streaming).
    pub fn fallback(mut self, model: impl Model) -> Self {
        self.0.models.push(Arc::new(model));
        self
    }

    /// How often each model is asked, the first time included; 3 by default.
    ///
    /// Attempts before an answer and in the middle of it count together. Only failures that another
    /// attempt may mend are tried again ([`Error::is_retryable`]).
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// How long to wait before a model's second attempt, and at most; 500 ms and 30 s by default.
    ///
    /// Each pause is twice the one before, with some [jitter](Self::jitter) added. A server that asks
    /// for more (`retry-after`) gets it, however long, unless there is another model to ask.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.0.backoff = self.0.backoff.waits(first, most);
        self
    }

    /// How much of a pause may be added to it by chance, so that many who wait don't come back at
    /// once; 0.5 by default, 0 for none.
    pub fn jitter(mut self, share: f64) -> Self {
        self.0.backoff = self.0.backoff.jitter(share);
        self
    }

    /// Makes the jitter the same each time: for tests.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.0.backoff = self.0.backoff.seed(seed);
        self
    }

    /// No attempt begins later than this after the request; no limit by default.
    ///
    /// An attempt itself isn't limited by it: that is [`time_limits`](Self::time_limits).
    pub fn total(mut self, total: Duration) -> Self {
        self.0.total = Some(total);
        self
    }

    /// How long each attempt may keep its reader waiting; [`TimeLimits::default`] by default.
    ///
    /// An attempt that passes a limit has failed like one that is cut. The limits of an agent, or of a
    /// run, end the answer instead: they should be no shorter.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.0.time_limits = limits;
        self
    }

    /// What to do when an answer fails after something of it was given; [`WhenCut::Fail`] by default.
    pub fn when_cut(mut self, policy: WhenCut) -> Self {
        self.0.when_cut = policy;
        self
    }

    /// What to do where [`WhenCut::Restart`] isn't possible, because text was shown to a reader that
    /// can't take it back; [`WhenCut::Fail`] by default, or [`WhenCut::Continue`].
    pub fn when_cut_in_text(mut self, policy: WhenCut) -> Self {
        self.0.when_cut_in_text = policy;
        self
    }

    /// How a model is asked to go on, with what it has said so far.
    ///
    /// By default that is an assistant's message, and a user's which asks for the rest
    /// ([`ModelRequest::go_on`]). Servers that take an assistant's last message as the beginning of the
    /// answer, and go on best without a question, are asked so:
    ///
    /// ```
    /// use mainstem_core::Message;
    /// use mainstem_models::{ChatCompletions, Recovery, WhenCut};
    /// use serde_json::json;
    ///
    /// let vllm = ChatCompletions::builder("qwen3").base_url("http://localhost:8000/v1").build()?;
    /// let model = Recovery::of(vllm).when_cut(WhenCut::Continue).go_on_by(|request, said| {
    ///     request.messages.push(Message::assistant(said));
    ///     let extra = &mut request.settings.extra_body;
    ///     extra.insert("continue_final_message".into(), json!(true));
    ///     extra.insert("add_generation_prompt".into(), json!(false));
    /// });
    /// # model.build()?;
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn go_on_by<F>(mut self, ask: F) -> Self
    where
        F: Fn(&mut ModelRequest, &str) + Send + Sync + 'static,
    {
        self.0.go_on = Arc::new(ask);
        self
    }

    /// Counts the tokens of attempts that failed without a usage; [`RoughTokens`] by default.
    ///
    /// Such a usage is marked as [`estimated`](mainstem_core::Usage::estimated).
    pub fn token_counter(mut self, counter: impl TokenCounter) -> Self {
        self.0.counter = Arc::new(counter);
        self
    }

    /// Makes the model.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if it allows no attempt, can't wait as it is told, or has a
    /// policy that can't be.
    pub fn build(self) -> Result<Recovery> {
        let plan = self.0;
        let of = plan.models[0].id();
        if plan.attempts == 0 {
            let message = format!("the recovery of `{of}` allows no attempt; give 1 or more");
            return Err(Error::new(ErrorKind::Config, message));
        }
        if let Err(error) = plan.backoff.check() {
            let message = format!(
                "the recovery of `{of}` can't wait like that: {}",
                error.message()
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let way_out = plan.when_cut_in_text;
        let is_possible = match way_out {
            WhenCut::Fail => true,
            WhenCut::Continue => plan.when_cut == WhenCut::Restart,
            WhenCut::Restart | WhenCut::Hold => false,
        };
        if !is_possible {
            let message = format!(
                "the recovery of `{of}` can't `{way_out:?}` when it is cut in text: that is `Fail`, \
                 or `Continue` where `when_cut` is `Restart`"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Recovery(Arc::new(plan)))
    }
}

impl fmt::Debug for RecoveryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryBuilder")
            .field("models", &self.0.models)
            .finish_non_exhaustive()
    }
}

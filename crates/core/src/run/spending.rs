//! What the requests of a run use, and what holds them to limits.

use std::{collections::BTreeMap, fmt};

use super::RunContext;
use crate::{
    Result, Text, Usage,
    usage::{Ledger, Share},
};

/// A request to a model, from before it goes out until its answer has ended.
///
/// Made by [`RunContext::begin_request`]. While it is there, it counts as under way: with what is known
/// of it so far. Dropped without [`end`](Self::end) it hasn't used anything.
#[must_use = "a request counts as under way for as long as this is kept"]
pub struct Spending {
    ctx: RunContext,
    share: Share,
    /// What earlier attempts used is recorded: by the models that used it.
    spent: Vec<Share>,
    is_open: bool,
}

impl RunContext {
    /// A request to a model is to go out: from here on it counts against the limits of the run and of
    /// its context.
    ///
    /// For who writes a step that asks a model itself, as an agent does. The function gives the tokens
    /// of the request, if they can be told beforehand; it is called only if something depends on them.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::{ErrorKind, Run, RunContext, Usage, UsageLimits};
    ///
    /// let run = Run::new("ask", |ctx: RunContext| async move {
    ///     for _ in 0..3 {
    ///         let mut request = ctx.begin_request("a-model", || None)?;
    ///         // Here the model answers.
    ///         request.end(Usage::new(100, 20))?;
    ///     }
    ///     Ok(())
    /// });
    /// let error = run.usage_limits(UsageLimits::new().requests(2)).await.unwrap_err();
    /// assert_eq!((error.kind(), error.code()), (ErrorKind::Limit, Some("usage_limit")));
    /// assert_eq!(error.partial().unwrap().usage.total_tokens(), 240);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Limit`](crate::ErrorKind::Limit) and code `usage_limit`, if there is no room
    /// for it: see [`UsageLimits`](crate::UsageLimits). Of kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) and code `no_price`, if cost is limited and the
    /// model has no price. The request must not go out then.
    pub fn begin_request(
        &self,
        model: impl Into<Text>,
        input_tokens: impl FnOnce() -> Option<u64>,
    ) -> Result<Spending> {
        let mut usage = Usage::new(0, 0);
        if self.depends_on_tokens() {
            usage.input_tokens = input_tokens().unwrap_or(0);
        }
        let model = model.into();
        let share = Share { model, usage };
        self.reserve(&share)?;
        Ok(Spending {
            ctx: self.clone(),
            share,
            spent: Vec::new(),
            is_open: true,
        })
    }

    /// Whether a limit asks for tokens, so that it is worth counting them.
    pub fn depends_on_tokens(&self) -> bool {
        let depends = |ledger: &Ledger| ledger.limits().depend_on_tokens();
        self.ledgers().into_iter().any(depends)
    }

    /// Of the run, and of its context with all runs on it.
    fn ledgers(&self) -> [&Ledger; 2] {
        let shared = self.shared();
        [&shared.ledger, shared.context.ledger()]
    }

    fn reserve(&self, share: &Share) -> Result<()> {
        let [run, context] = self.ledgers();
        run.reserve(share)?;
        context
            .reserve(share)
            .inspect_err(|_refused| run.release(share))
    }

    fn release(&self, share: &Share) {
        for ledger in self.ledgers() {
            ledger.release(share);
        }
    }

    /// A request that was under way, or of which nothing was known before, has used something.
    fn enter(&self, under_way: Option<&Share>, used: &Share) {
        self.recount(used.usage);
        for ledger in self.ledgers() {
            ledger.settle(under_way, used);
        }
    }

    /// Adds to what this step, the steps around it and the run have used: once for each answer of a
    /// model, also for one that broke off.
    ///
    /// It is of no model that has a price: [`record_usage_of`](Self::record_usage_of) says whose it is,
    /// and [`begin_request`](Self::begin_request) holds requests to limits, too.
    pub fn record_usage(&self, usage: Usage) {
        self.record_usage_of("", usage);
    }

    /// As [`record_usage`](Self::record_usage), of a model by its id.
    pub fn record_usage_of(&self, model: impl Into<Text>, usage: Usage) {
        let model = model.into();
        self.enter(None, &Share { model, usage });
    }
}

impl Spending {
    /// The model that is asked.
    pub fn model(&self) -> &Text {
        &self.share.model
    }

    /// What is known so far of what the request uses.
    ///
    /// # Errors
    ///
    /// As of [`begin_request`](RunContext::begin_request), if it passes a limit: the answer is to be cut
    /// off.
    pub fn so_far(&mut self, usage: Usage) -> Result<()> {
        let now = Share {
            model: self.share.model.clone(),
            usage,
        };
        let before = std::mem::replace(&mut self.share, now);
        if !self.is_open {
            return Ok(());
        }
        let ledgers = self.ctx.ledgers();
        let changes = ledgers.map(|ledger| ledger.change(&before, &self.share));
        changes.into_iter().collect()
    }

    /// The request has failed and used this; another one follows, of this model.
    ///
    /// # Errors
    ///
    /// As of [`begin_request`](RunContext::begin_request): the other one must not go out.
    pub fn next_attempt(&mut self, used: Usage, model: impl Into<Text>) -> Result<()> {
        let input = self.share.usage.input_tokens;
        self.settle(used);
        let mut usage = Usage::new(0, 0);
        usage.input_tokens = input;
        let model = model.into();
        self.share = Share { model, usage };
        self.ctx.reserve(&self.share)?;
        self.is_open = true;
        Ok(())
    }

    /// The answer has ended, or was broken off: this is what counts. Only the first end does.
    ///
    /// # Errors
    ///
    /// As of [`begin_request`](RunContext::begin_request), if a limit is passed now.
    pub fn end(&mut self, usage: Usage) -> Result<()> {
        if !self.is_open {
            return Ok(());
        }
        self.settle(usage);
        let ledgers = self.ctx.ledgers();
        ledgers.iter().try_for_each(|ledger| ledger.check())
    }

    /// Whether nothing of it counts any more, because it has ended.
    pub fn is_over(&self) -> bool {
        !self.is_open
    }

    /// What each model used, if more than one was asked.
    pub fn by_model(&self) -> BTreeMap<Text, Usage> {
        let is_one = self.spent.iter().all(|it| it.model == self.share.model);
        let mut by_model = BTreeMap::<_, Usage>::new();
        for share in self.spent.iter().filter(|_| !is_one) {
            *by_model.entry(share.model.clone()).or_default() += share.usage;
        }
        by_model
    }

    fn settle(&mut self, usage: Usage) {
        let model = self.share.model.clone();
        let now = Share { model, usage };
        let under_way = std::mem::take(&mut self.is_open).then_some(&self.share);
        self.ctx.enter(under_way, &now);
        self.spent.push(now);
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        if self.is_open {
            self.ctx.release(&self.share);
        }
    }
}

impl fmt::Debug for Spending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spending")
            .field("model", &self.share.model)
            .field("so_far", &self.share.usage)
            .finish_non_exhaustive()
    }
}

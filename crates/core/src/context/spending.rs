//! What the runs on a context use.

use super::Context;
use crate::{Cost, ModelUsage, Prices, Usage, UsageLimits, usage::Ledger};

impl Context {
    /// Limits what all runs on this context use together, from its beginning on; none by default.
    ///
    /// Forks count into it, and are held to it. Runs have [limits](crate::Run::usage_limits) of their
    /// own besides. It may be changed at any time, and holds from the next request on.
    ///
    /// ```
    /// use mainstem_core::{Context, UsageLimits};
    ///
    /// let ctx = Context::new();
    /// ctx.set_usage_limits(UsageLimits::new().total_tokens(100_000));
    /// assert_eq!(ctx.usage_limits().total_tokens, Some(100_000));
    /// ```
    pub fn set_usage_limits(&self, limits: UsageLimits) {
        self.ledger().set_limits(limits);
    }

    /// The limits on what all its runs use.
    pub fn usage_limits(&self) -> UsageLimits {
        self.ledger().limits()
    }

    /// Says what models cost: for its own limit of cost, and for runs that aren't given
    /// [prices](crate::Run::prices) of their own.
    pub fn set_prices(&self, prices: Prices) {
        self.ledger().set_prices(prices);
    }

    /// What models cost.
    pub fn prices(&self) -> Prices {
        self.ledger().prices()
    }

    /// What all its runs have used, those of its forks included; answers under way don't count yet.
    ///
    /// A run that is resumed adds what it uses from then on. A [snapshot](Self::snapshot) has it, and so
    /// has the context that is restored from one.
    pub fn usage(&self) -> Usage {
        self.ledger().usage()
    }

    /// The same by models, in the order of their ids.
    pub fn usage_by_model(&self) -> Vec<ModelUsage> {
        self.ledger().by_model()
    }

    /// What that costs; none without prices, or if a model that used tokens has none.
    pub fn cost(&self) -> Option<Cost> {
        self.ledger().cost()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }
}

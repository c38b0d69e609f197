//! What was used, and what may be.

use std::{collections::BTreeMap, sync::Mutex};

use super::{Cost, ModelUsage, Prices, UsageLimits, by_model::ByModel};
use crate::{Error, ErrorKind, Result, Text, Usage, sync::lock};

/// The code of an error by which a limit of usage refuses more.
const USAGE_LIMIT: &str = "usage_limit";

/// The code of an error for a model without a price, where cost is limited.
const NO_PRICE: &str = "no_price";

/// Sums what models use, and holds it to limits: of a run, or of a context and all runs on it.
pub(crate) struct Ledger {
    /// What it is of, for messages.
    of: &'static str,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    limits: UsageLimits,
    prices: Prices,
    used: ByModel,
    /// What requests that haven't ended use, as far as it is known.
    under_way: ByModel,
}

type Count = fn(&Usage) -> u64;

/// One request's share of what is under way.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) model: Text,
    pub(crate) usage: Usage,
}

impl Ledger {
    pub(crate) fn new(of: &'static str) -> Self {
        Self {
            of,
            book: Mutex::default(),
        }
    }

    pub(crate) fn limited(of: &'static str, limits: UsageLimits, prices: Prices) -> Self {
        let ledger = Self::new(of);
        ledger.set_limits(limits);
        ledger.set_prices(prices);
        ledger
    }

    pub(crate) fn set_limits(&self, limits: UsageLimits) {
        lock(&self.book).limits = limits;
    }

    pub(crate) fn limits(&self) -> UsageLimits {
        lock(&self.book).limits
    }

    pub(crate) fn set_prices(&self, prices: Prices) {
        lock(&self.book).prices = prices;
    }

    pub(crate) fn prices(&self) -> Prices {
        lock(&self.book).prices.clone()
    }

    /// What ended requests have used.
    pub(crate) fn usage(&self) -> Usage {
        lock(&self.book).used.total()
    }

    pub(crate) fn used(&self) -> BTreeMap<Text, Usage> {
        let book = lock(&self.book);
        let used = book.used.iter();
        used.map(|(model, usage)| (model.clone(), usage)).collect()
    }

    pub(crate) fn by_model(&self) -> Vec<ModelUsage> {
        let book = lock(&self.book);
        book.prices.list(&book.used)
    }

    /// None, if there are no prices, or none of a model that used tokens.
    pub(crate) fn cost(&self) -> Option<Cost> {
        let book = lock(&self.book);
        if book.prices.is_empty() {
            return None;
        }
        book.prices.total(&book.used)
    }

    /// Something was used; by a request that was under way until now, or not.
    pub(crate) fn settle(&self, under_way: Option<&Share>, used: &Share) {
        let mut book = lock(&self.book);
        if let Some(share) = under_way {
            book.leave(share);
        }
        *book.used.of(&used.model) += used.usage;
    }

    /// A request is to go out; from here on it counts as under way.
    pub(crate) fn reserve(&self, share: &Share) -> Result<()> {
        let mut book = lock(&self.book);
        book.check_price(self.of, &share.model)?;
        book.check(self.of, Some(share))?;
        book.enter(share);
        Ok(())
    }

    /// What is known of a request under way has changed; fails, if a limit is passed.
    pub(crate) fn change(&self, before: &Share, now: &Share) -> Result<()> {
        let mut book = lock(&self.book);
        book.leave(before);
        book.enter(now);
        book.check(self.of, None)
    }

    /// A request isn't under way any more.
    pub(crate) fn release(&self, share: &Share) {
        lock(&self.book).leave(share);
    }

    /// Fails, if a limit is passed.
    pub(crate) fn check(&self) -> Result<()> {
        lock(&self.book).check(self.of, None)
    }
}

impl Book {
    fn enter(&mut self, share: &Share) {
        *self.under_way.of(&share.model) += share.usage;
    }

    fn leave(&mut self, share: &Share) {
        let usage = self.under_way.of(&share.model);
        *usage = usage.without(share.usage);
    }

    fn check_price(&self, of: &str, model: &str) -> Result<()> {
        if self.limits.cost.is_none() || self.prices.get(model).is_some() {
            return Ok(());
        }
        let message = format!(
            "the {of} has a limit of cost and no price of model `{model}`; add it to the {of}'s `Prices`"
        );
        Err(Error::new(ErrorKind::Config, message).with_code(NO_PRICE))
    }

    /// Whether a limit is passed; with another request, whether it is reached or would be passed.
    fn check(&self, of: &str, another: Option<&Share>) -> Result<()> {
        let limits = self.limits;
        if limits == UsageLimits::default() {
            return Ok(());
        }
        let mut used = self.used.total();
        used += self.under_way.total();
        let counts: [(&str, &str, Option<u64>, Count); 4] = [
            ("requests", "requests", limits.requests, |it| it.requests),
            (
                "tokens of input",
                "input_tokens",
                limits.input_tokens,
                |it| it.input_tokens,
            ),
            (
                "tokens of output",
                "output_tokens",
                limits.output_tokens,
                |it| it.output_tokens,
            ),
            (
                "tokens",
                "total_tokens",
                limits.total_tokens,
                Usage::total_tokens,
            ),
        ];
        for (what, option, most, count) in counts {
            let limit = Limit {
                of,
                what,
                option,
                show: |count| count.to_string(),
            };
            let more = another.map(|share| count(&share.usage).into());
            limit.judge(most.map(Into::into), count(&used).into(), more)?;
        }
        let cost = |used| self.prices.known(used).trillionths();
        let cost_of = |share: &Share| {
            let price = self.prices.get(&share.model);
            price.map_or(0, |price| price.of(share.usage).trillionths())
        };
        let limit = Limit {
            of,
            what: "of cost",
            option: "cost",
            show: |amount| Cost::from_trillionths(amount).to_string(),
        };
        let used = cost(&self.used).saturating_add(cost(&self.under_way));
        limit.judge(
            limits.cost.map(Cost::trillionths),
            used,
            another.map(cost_of),
        )
    }
}

/// The words for a limit.
struct Limit<'a> {
    of: &'a str,
    what: &'a str,
    option: &'a str,
    show: fn(u128) -> String,
}

impl Limit<'_> {
    /// Whether what is used is within the limit; with more to come, whether there is room for it.
    fn judge(&self, most: Option<u128>, used: u128, more: Option<u128>) -> Result<()> {
        let Some(most) = most else {
            return Ok(());
        };
        let Self {
            of,
            what,
            option,
            show,
        } = self;
        let why = match more {
            None if used > most => format!("{} were used", show(used)),
            Some(_) if used >= most => format!("{} were used", show(used)),
            Some(more) if more > most - used => {
                let (used, more) = (show(used), show(more));
                format!("{used} were used, and the next request needs {more}")
            }
            _ => return Ok(()),
        };
        let most = show(most);
        let message = format!(
            "the {of}'s limit of {most} {what} is reached: {why}; raise it by \
             `UsageLimits::{option}`"
        );
        Err(Error::new(ErrorKind::Limit, message).with_code(USAGE_LIMIT))
    }
}

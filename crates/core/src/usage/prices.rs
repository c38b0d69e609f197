use std::collections::BTreeMap;

use super::{Cost, ModelUsage, by_model::ByModel};
use crate::{Text, Usage};

/// What the tokens of a model cost, in the caller's currency.
///
/// ```
/// use mainstem_core::{Cost, Price, Usage};
///
/// let price = Price::per_million(0.25, 2.0).cached_input(0.025);
/// let mut usage = Usage::new(1000, 100);
/// assert_eq!(price.of(usage), Cost::from(0.00045));
/// usage.cached_input_tokens = 1000;
/// assert_eq!(price.of(usage), Cost::from(0.000225));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Of one token each, in 10⁻¹² of the currency: millionths of a million.
    input: u64,
    cached_input: u64,
    output: u64,
}

impl Price {
    /// What a million tokens of input cost, and a million of output; exact to a millionth.
    ///
    /// Tokens of reasoning cost what output costs. Input that the provider had cached costs the same as
    /// other input, unless [`cached_input`](Self::cached_input) says otherwise.
    ///
    /// # Panics
    ///
    /// If a price is negative or no number.
    pub fn per_million(input: f64, output: f64) -> Self {
        let input = per_token(input);
        Self {
            input,
            cached_input: input,
            output: per_token(output),
        }
    }

    /// What a million tokens of input cost that the provider had cached.
    ///
    /// # Panics
    ///
    /// If it is negative or no number.
    #[must_use]
    pub fn cached_input(mut self, price: f64) -> Self {
        self.cached_input = per_token(price);
        self
    }

    /// What was used costs this.
    pub fn of(&self, usage: Usage) -> Cost {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let parts = [
            (usage.input_tokens - cached, self.input),
            (cached, self.cached_input),
            (usage.output_tokens, self.output),
        ];
        let parts = parts.map(|(tokens, price)| u128::from(tokens) * u128::from(price));
        parts.into_iter().map(Cost::from_trillionths).sum()
    }
}

fn per_token(per_million: f64) -> u64 {
    assert!(
        per_million.is_finite() && per_million >= 0.0,
        "a price of {per_million} isn't one"
    );
    (per_million * 1e6).round() as u64
}

/// The prices of models, by their ids.
///
/// An id that ends in `*` is for all that begin so; the longest that fits holds, and an id in full
/// before all of them.
///
/// ```
/// use mainstem_core::{Price, Prices};
///
/// let prices = Prices::new()
///     .model("openai://gpt-5*", Price::per_million(1.25, 10.0))
///     .model("openai://gpt-5-mini*", Price::per_million(0.25, 2.0));
/// let mini = prices.get("openai://gpt-5-mini").unwrap();
/// assert_eq!(*mini, Price::per_million(0.25, 2.0));
/// assert!(prices.get("openai://gpt-4o").is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<Text, Price>);

impl Prices {
    /// No prices.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model's price, by its [id](crate::Model::id) or by how ids begin, with `*` at the end.
    #[must_use]
    pub fn model(mut self, id: impl Into<Text>, price: Price) -> Self {
        self.0.insert(id.into(), price);
        self
    }

    /// The price of a model; none, if it isn't there.
    pub fn get(&self, id: &str) -> Option<&Price> {
        let begins = |(pattern, price)| {
            let begin = str::strip_suffix(pattern, "*")?;
            id.starts_with(begin).then_some((begin.len(), price))
        };
        let patterns = self.0.iter().map(|(pattern, price)| (&**pattern, price));
        let longest = || {
            patterns
                .filter_map(begins)
                .max_by_key(|(length, _)| *length)
        };
        self.0.get(id).or_else(|| Some(longest()?.1))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the models used, with what each costs.
    pub(super) fn list(&self, used: &ByModel) -> Vec<ModelUsage> {
        let list = used.iter().map(|(model, usage)| ModelUsage {
            model: model.clone(),
            usage,
            cost: self.get(model).map(|price| price.of(usage)),
        });
        list.collect()
    }

    /// What the models used costs that have a price.
    pub(super) fn known(&self, used: &ByModel) -> Cost {
        let cost = |(model, usage): (&Text, Usage)| Some(self.get(model)?.of(usage));
        used.iter().filter_map(cost).sum()
    }

    /// What the models used costs; none, if there is no price of one that used tokens.
    pub(super) fn total(&self, used: &ByModel) -> Option<Cost> {
        let cost = |(model, usage): (&Text, Usage)| match self.get(model) {
            Some(price) => Some(price.of(usage)),
            None => (usage.total_tokens() == 0).then_some(Cost::ZERO),
        };
        used.iter().map(cost).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_holds_and_a_whole_id_before_it() {
        let price = |input| Price::per_million(input, 0.0);
        let prices = Prices::new()
            .model("*", price(1.0))
            .model("a://b*", price(2.0))
            .model("a://bc*", price(3.0))
            .model("a://bcd", price(4.0));
        for (id, expected) in [
            ("x", 1.0),
            ("a://b", 2.0),
            ("a://bcde", 3.0),
            ("a://bcd", 4.0),
        ] {
            assert_eq!(prices.get(id), Some(&price(expected)), "{id}");
        }
    }

    #[test]
    fn a_token_of_a_cheap_model_costs_something() {
        let price = Price::per_million(0.0375, 0.15).cached_input(0.000_001);
        assert_eq!(price.of(Usage::new(1, 0)).to_string(), "0.0000000375");
        let mut usage = Usage::new(3, 1);
        usage.cached_input_tokens = 5;
        assert_eq!(
            price.of(usage).trillionths(),
            3 + 150_000,
            "more can't be cached than was sent"
        );
    }

    #[test]
    #[should_panic = "a price of -1 isn't one"]
    fn a_negative_price_is_none() {
        let _ = Price::per_million(-1.0, 0.0);
    }
}

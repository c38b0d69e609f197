//! What models use, what it costs, and how much may be used.

mod by_model;
mod cost;
mod ledger;
mod limits;
mod prices;

use std::ops::AddAssign;

pub use cost::Cost;
pub(crate) use ledger::{Ledger, Share};
pub use limits::UsageLimits;
pub use prices::{Price, Prices};
use serde::{Deserialize, Serialize};

use crate::Text;

/// What a model call, a step or a run used, in tokens.
///
/// ```
/// use mainstem_core::Usage;
///
/// let mut total = Usage::new(10, 4);
/// total += Usage::new(1, 1);
/// assert_eq!(total.total_tokens(), 16);
/// assert_eq!(total.requests, 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Model calls, from the moment in which the request goes out; failed ones count too.
    pub requests: u64,
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Of these, the ones that the provider had cached.
    pub cached_input_tokens: u64,
    /// Tokens that the model wrote, reasoning included.
    pub output_tokens: u64,
    /// Of these, the ones that were reasoning.
    pub reasoning_tokens: u64,
    /// Whether a part of it was estimated, because a provider sent no usage.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// The usage of one model call.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            requests: 1,
            input_tokens,
            output_tokens,
            ..Self::default()
        }
    }

    /// Tokens in and out.
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl Usage {
    /// What is left of it without a part of it.
    pub(crate) fn without(self, part: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(part.requests),
            input_tokens: self.input_tokens.saturating_sub(part.input_tokens),
            cached_input_tokens: self
                .cached_input_tokens
                .saturating_sub(part.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_sub(part.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_sub(part.reasoning_tokens),
            estimated: self.estimated,
        }
    }
}

/// What one model used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelUsage {
    /// The model's id; empty for usage that was recorded without one.
    pub model: Text,
    /// What it used.
    pub usage: Usage,
    /// What that costs; none without a price of the model.
    pub cost: Option<Cost>,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self
            .cached_input_tokens
            .saturating_add(other.cached_input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
        self.estimated = self.estimated || other.estimated;
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |mut total, item| {
            total += item;
            total
        })
    }
}

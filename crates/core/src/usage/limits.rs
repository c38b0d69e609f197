use super::Cost;

/// How much a run, or all runs on a context, may use.
///
/// For a run by [`Run::usage_limits`](crate::Run::usage_limits), for a context by
/// [`Context::set_usage_limits`](crate::Context::set_usage_limits). They hold over all that happens
/// there: over attempts, tools and branches, also those that work at the same time.
///
/// They are looked at
///
/// - **before each request of a model**: none goes out once a limit is reached, counting those under
///   way. If the agent has a [token counter](crate::TokenCounter), the request's own tokens count, too;
/// - **while the model answers**, if the agent has a token counter, by its estimate, and wherever the
///   provider sends usage: the answer is cut off where it passes a limit;
/// - **when an answer has ended**, with the usage that counts.
///
/// So what is used beyond a limit is one answer at most of each model that answers at that moment; with
/// a token counter, its error. Requests are never more than allowed.
///
/// The run then fails with [`ErrorKind::Limit`](crate::ErrorKind::Limit) and the code `usage_limit`; the
/// error says which limit it was and what was used, and has what there was of the output. A limit of
/// cost needs the [price](crate::Prices) of each model: without it no request goes out, and the run
/// fails with [`ErrorKind::Config`](crate::ErrorKind::Config) and the code `no_price`.
///
/// ```
/// use mainstem_core::UsageLimits;
///
/// let limits = UsageLimits::new().requests(50).output_tokens(20_000).cost(0.25);
/// assert_eq!(limits.requests, Some(50));
/// assert_eq!(limits.cost.unwrap().to_string(), "0.25");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageLimits {
    /// The most requests of models, failed ones included.
    pub requests: Option<u64>,
    /// The most tokens sent to models.
    pub input_tokens: Option<u64>,
    /// The most tokens that models write, reasoning included.
    pub output_tokens: Option<u64>,
    /// The most tokens, sent and written.
    pub total_tokens: Option<u64>,
    /// The most money, in the currency of the prices.
    pub cost: Option<Cost>,
}

impl UsageLimits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`requests`](Self::requests).
    #[must_use]
    pub fn requests(mut self, most: u64) -> Self {
        self.requests = Some(most);
        self
    }

    /// Sets [`input_tokens`](Self::input_tokens).
    #[must_use]
    pub fn input_tokens(mut self, most: u64) -> Self {
        self.input_tokens = Some(most);
        self
    }

    /// Sets [`output_tokens`](Self::output_tokens).
    #[must_use]
    pub fn output_tokens(mut self, most: u64) -> Self {
        self.output_tokens = Some(most);
        self
    }

    /// Sets [`total_tokens`](Self::total_tokens).
    #[must_use]
    pub fn total_tokens(mut self, most: u64) -> Self {
        self.total_tokens = Some(most);
        self
    }

    /// Sets [`cost`](Self::cost).
    #[must_use]
    pub fn cost(mut self, most: impl Into<Cost>) -> Self {
        self.cost = Some(most.into());
        self
    }

    /// Whether tokens that are written, or what they cost, have a limit.
    pub(crate) fn depend_on_tokens(&self) -> bool {
        self.input_tokens.is_some()
            || self.output_tokens.is_some()
            || self.total_tokens.is_some()
            || self.cost.is_some()
    }
}

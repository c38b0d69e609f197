//! Which model is asked next, and when.

use std::{
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use mainstem_core::{Error, ErrorKind, Model};
use tokio::time::Instant;
use tower::{
    retry::backoff::{
        Backoff, ExponentialBackoff, ExponentialBackoffMaker, InvalidBackoff, MakeBackoff,
    },
    util::rng::{HasherRng, Rng},
};

use super::Plan;

/// How long attempts wait for each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    pub(super) first: Duration,
    pub(super) most: Duration,
    pub(super) jitter: f64,
    pub(super) seed: Option<u64>,
}

impl Pauses {
    /// Refuses what can't be waited for.
    pub(super) fn check(&self) -> Result<(), InvalidBackoff> {
        self.maker(self.jitter).map(|_| ())
    }

    fn maker(&self, jitter: f64) -> Result<ExponentialBackoffMaker, InvalidBackoff> {
        ExponentialBackoffMaker::new(self.first, self.most, jitter, HasherRng::default())
    }
}

/// Where the jitter comes from: chance, or a seed.
#[derive(Clone, Copy, Debug)]
struct Chance {
    seed: Option<u64>,
}

impl BuildHasher for Chance {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        match self.seed {
            None => RandomState::new().build_hasher(),
            Some(seed) => {
                let mut hasher = DefaultHasher::new();
                hasher.write_u64(seed);
                hasher
            }
        }
    }
}

/// The attempts at one answer.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    model: usize,
    tries: u32,
    backoff: Option<ExponentialBackoff>,
    chance: HasherRng<Chance>,
    began: Instant,
}

/// The attempt that follows a failed one.
#[derive(Debug, PartialEq)]
pub(super) struct Next {
    pub(super) wait: Duration,
    /// Whether another model is asked.
    pub(super) is_other: bool,
}

impl<'a> Schedule<'a> {
    pub(super) fn begin(plan: &'a Plan) -> Self {
        Self {
            plan,
            model: 0,
            tries: 1,
            backoff: None,
            chance: HasherRng::with_hasher(Chance {
                seed: plan.pauses.seed,
            }),
            began: Instant::now(),
        }
    }

    /// The model whose turn it is.
    pub(super) fn model(&self) -> &Arc<dyn Model> {
        &self.plan.models[self.model]
    }

    /// Turns to what follows a failure; none, if it stands.
    pub(super) fn next(&mut self, error: &Error) -> Option<Next> {
        let has_other = self.model + 1 < self.plan.models.len();
        if error.is_retryable() && self.tries < self.plan.attempts {
            let asked_for = error.retry_after().unwrap_or_default();
            // Another model answers sooner than one that wants to be left alone for long.
            let is_long = has_other && asked_for > self.plan.pauses.most;
            let wait = self.pause().max(asked_for);
            if !is_long && self.is_in_time(wait) {
                self.tries += 1;
                return Some(Next {
                    wait,
                    is_other: false,
                });
            }
        }
        if !has_other || !may_do_better(error) || !self.is_in_time(Duration::ZERO) {
            return None;
        }
        self.model += 1;
        self.tries = 1;
        self.backoff = None;
        Some(Next {
            wait: Duration::ZERO,
            is_other: true,
        })
    }

    /// The back-off, each time the next one.
    fn pause(&mut self) -> Duration {
        let pauses = self.plan.pauses;
        if self.backoff.is_none() {
            let maker = pauses.maker(0.0).ok();
            self.backoff = maker.map(|mut maker| maker.make_backoff());
        }
        let now = Instant::now();
        // It tells a pause as the timer of it.
        let timer = self.backoff.as_mut().map(Backoff::next_backoff);
        let base = timer.map_or(pauses.most, |timer| {
            timer.deadline().saturating_duration_since(now)
        });
        // Its own jitter is one of whole seconds, and none of a pause of one.
        let jitter = base.as_secs_f64() * pauses.jitter * self.chance.next_f64();
        let jitter = Duration::try_from_secs_f64(jitter).unwrap_or(pauses.most);
        base.saturating_add(jitter).min(pauses.most)
    }

    fn is_in_time(&self, wait: Duration) -> bool {
        let spent = self.began.elapsed().saturating_add(wait);
        self.plan.total.is_none_or(|total| spent <= total)
    }
}

/// Whether what one model failed at may be no failure of another one.
///
/// What a filter, a reader or a run said isn't asked again elsewhere; nor is an output that doesn't
/// fit, which is for the agent's attempts.
fn may_do_better(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Model
            | ErrorKind::Truncated
            | ErrorKind::Timeout
            | ErrorKind::Limit
            | ErrorKind::Config
            | ErrorKind::Input
            | ErrorKind::Value
            | ErrorKind::Busy
    )
}

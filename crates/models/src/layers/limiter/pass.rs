//! A request that is out: what its answer says of tokens, and of other requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use mainstem_core::{Error, ModelEvent, Result, Usage};
use tokio::sync::OwnedSemaphorePermit;

use super::{Shared, gate::Gate};

/// How many tokens an answer has, before any is known.
const FIRST_GUESS: u64 = 500;

/// How many tokens answers had lately: the last counts an eighth.
pub(super) struct Mean(AtomicU64);

impl Mean {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn add(&self, tokens: u64) {
        let add = |mean: u64| Some(mean - mean / 8 + tokens.min(u64::MAX / 8) / 8);
        // It always gives a value.
        let _ = self.0.fetch_update(Relaxed, Relaxed, add);
    }
}

impl Default for Mean {
    fn default() -> Self {
        Self(AtomicU64::new(FIRST_GUESS))
    }
}

/// Held while a request is out, or what came of it is read.
pub(super) struct Pass {
    shared: Arc<Shared>,
    /// Its number at the gate.
    id: u64,
    _slot: Option<OwnedSemaphorePermit>,
    /// What earlier attempts of a layer below used, and what this one did.
    spent: Usage,
    usage: Option<Usage>,
}

impl Pass {
    pub(super) fn new(shared: &Arc<Shared>, id: u64, slot: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            shared: Arc::clone(shared),
            id,
            _slot: slot,
            spent: Usage::default(),
            usage: None,
        }
    }

    /// Takes note of what comes back.
    pub(super) fn note(&mut self, item: &Result<ModelEvent>) {
        match item {
            Ok(ModelEvent::Usage(usage)) => {
                self.usage = Some(*usage);
                let all: Usage = [self.spent, *usage].into_iter().sum();
                self.gate().settle(self.id, all.total_tokens());
            }
            Ok(ModelEvent::NextAttempt(next)) => self.spent += next.usage,
            Ok(_) => {}
            Err(error) => {
                if let Some(wait) = asked_to_wait(error) {
                    self.gate().shut(wait);
                }
            }
        }
    }

    fn gate(&self) -> &Gate {
        &self.shared.gate
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Of an answer that nobody was asked for, nothing is learned.
        if let Some(usage) = self.usage.filter(|usage| usage.requests > 0) {
            self.shared.mean.add(usage.output_tokens);
        }
    }
}

fn asked_to_wait(error: &Error) -> Option<Duration> {
    error.retry_after().filter(|_| error.status() == Some(429))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_what_answers_need() {
        let mean = Mean::default();
        assert_eq!(mean.get(), FIRST_GUESS);
        for _ in 0..100 {
            mean.add(4000);
        }
        assert!((3900..=4000).contains(&mean.get()), "{}", mean.get());
        mean.add(u64::MAX);
        mean.add(u64::MAX);
    }
}

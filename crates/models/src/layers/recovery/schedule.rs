//! Which model is asked next, and when.

use std::{sync::Arc, time::Duration};

use mainstem_core::{Error, ErrorKind, Model};
use tokio::time::Instant;

use super::Plan;

/// The attempts at one answer.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    model: usize,
    tries: u32,
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
            let is_long = has_other && asked_for > self.plan.backoff.most();
            let wait = self.plan.backoff.pause(self.tries).max(asked_for);
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
        Some(Next {
            wait: Duration::ZERO,
            is_other: true,
        })
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

use std::{fmt, time::Duration};

use mainstem_core::{Backoff, Error, Result, StepPath};

use crate::child::misbuilt;

/// How often a step is tried, and how long to wait between; for [`retry`](crate::retry).
///
/// A number stands for so many attempts with the defaults.
///
/// ```
/// use std::time::Duration;
///
/// use mainstem_flow::Retry;
///
/// let policy = Retry::attempts(5)
///     .backoff(Duration::from_millis(100), Duration::from_secs(5))
///     .within(Duration::from_secs(20));
/// assert_eq!(policy.to_string(), "up to 5 attempts in 20s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    attempts: u32,
    backoff: Backoff,
    within: Option<Duration>,
}

impl Retry {
    /// So many attempts in all, the first included; with 0 a run fails with
    /// [`ErrorKind::Config`](mainstem_core::ErrorKind::Config).
    #[must_use]
    pub fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            within: None,
        }
    }

    /// How long to wait after the first attempt, and at most; 500 ms and 30 s by default.
    ///
    /// Each wait is twice the one before, with some [jitter](Self::jitter) added. What the upstream
    /// asks for may be longer, and holds.
    #[must_use]
    pub fn backoff(mut self, shortest: Duration, longest: Duration) -> Self {
        self.backoff = self.backoff.waits(shortest, longest);
        self
    }

    /// How much of a wait may be added to it by chance, so that many who wait don't come back at
    /// once; 0.5 by default, 0 for none.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.backoff = self.backoff.jitter(share);
        self
    }

    /// No attempt begins later than this after the first one began; no limit by default.
    ///
    /// The time during which a run was down doesn't count. An attempt itself isn't limited by it:
    /// that is [`time_limit`](crate::time_limit).
    #[must_use]
    pub fn within(mut self, total: Duration) -> Self {
        self.within = Some(total);
        self
    }

    pub(crate) fn check(&self, path: &StepPath) -> Result<()> {
        if self.attempts == 0 {
            let message = "`retry` allows no attempt; give 1 or more";
            return Err(misbuilt(path, message));
        }
        self.backoff.check().map_err(|error| {
            let message = format!("`Retry` can't wait like that: {}", error.message());
            misbuilt(path, message)
        })
    }

    /// How long to wait after so many attempts; none, if there is no other.
    pub(crate) fn wait(&self, tries: u32, spent: Duration, error: &Error) -> Option<Duration> {
        if !error.is_retryable() || tries >= self.attempts {
            return None;
        }
        let asked_for = error.retry_after().unwrap_or_default();
        let wait = self.backoff.pause(tries).max(asked_for);
        let is_late = |total| spent.saturating_add(wait) > total;
        (!self.within.is_some_and(is_late)).then_some(wait)
    }
}

impl From<u32> for Retry {
    fn from(attempts: u32) -> Self {
        Self::attempts(attempts)
    }
}

/// As a person should read it: `up to 3 attempts`.
impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} attempts", self.attempts)?;
        match self.within {
            Some(total) => write!(f, " in {total:?}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use mainstem_core::ErrorKind;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn failure() -> Error {
        Error::new(ErrorKind::Timeout, "late")
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let policy = Retry::attempts(9).backoff(SECOND, 5 * SECOND).jitter(0.0);
        let waits: Vec<_> = (1..10)
            .map_while(|tries| policy.wait(tries, Duration::ZERO, &failure()))
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 5, 5, 5, 5, 5]);
    }

    #[test]
    fn what_the_upstream_asks_for_holds() {
        let policy = Retry::attempts(2).backoff(SECOND, 2 * SECOND).jitter(0.0);
        let asks = |wait| failure().with_retry_after(wait);
        let wait = |error| policy.wait(1, Duration::ZERO, &error);
        assert_eq!(wait(asks(90 * SECOND)), Some(90 * SECOND));
        assert_eq!(wait(asks(SECOND / 2)), Some(SECOND));
    }

    #[test]
    fn no_attempt_begins_after_the_limit_nor_after_a_terminal_error() {
        let policy = Retry::attempts(3)
            .backoff(SECOND, SECOND)
            .jitter(0.0)
            .within(5 * SECOND);
        assert!(policy.wait(1, 4 * SECOND, &failure()).is_some());
        assert!(policy.wait(1, 5 * SECOND, &failure()).is_none());
        assert!(policy.wait(3, Duration::ZERO, &failure()).is_none());
        let terminal = failure().retryable(false);
        assert!(policy.wait(1, Duration::ZERO, &terminal).is_none());
    }

    #[test]
    fn what_cant_be_waited_for_is_refused() {
        let path = StepPath::run().child("f");
        let ok = Retry::attempts(1);
        assert!(ok.check(&path).is_ok());
        for (wrong, words) in [
            (Retry::attempts(0), "no attempt"),
            (ok.backoff(2 * SECOND, SECOND), "longer"),
            (ok.jitter(-1.0), "jitter"),
            (ok.jitter(f64::NAN), "jitter"),
        ] {
            let error = wrong.check(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(words), "{error}");
        }
    }
}

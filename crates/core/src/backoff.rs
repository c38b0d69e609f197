use std::{
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
    time::Duration,
};

use crate::{Error, ErrorKind, Result};

/// How long attempts wait for each other: each time twice as long, with some chance added.
///
/// Chance keeps many who failed together from coming back together.
///
/// ```
/// use std::time::Duration;
///
/// use mainstem_core::Backoff;
///
/// let second = Duration::from_secs(1);
/// let backoff = Backoff::new(second, 5 * second).jitter(0.0);
/// let waits: Vec<_> = (1..=4).map(|tries| backoff.pause(tries).as_secs()).collect();
/// assert_eq!(waits, [1, 2, 4, 5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    jitter: f64,
    seed: Option<u64>,
}

impl Backoff {
    /// Waits that begin with the one, and are never longer than the other.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            jitter: 0.5,
            seed: None,
        }
    }

    /// The same, with other waits.
    #[must_use]
    pub const fn waits(mut self, first: Duration, most: Duration) -> Self {
        (self.first, self.most) = (first, most);
        self
    }

    /// How much of a wait may be added to it by chance; 0.5 by default, 0 for none.
    #[must_use]
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }

    /// Makes chance repeatable, for tests.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The longest wait.
    pub const fn most(&self) -> Duration {
        self.most
    }

    /// Finds waits that can't be.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if the first wait is longer than the longest, if the longest is
    /// nothing, or if the jitter isn't a share: below 0, or no finite number.
    pub fn check(&self) -> Result<()> {
        let message = if self.most.is_zero() {
            "the longest wait is nothing; give it some time".to_owned()
        } else if self.first > self.most {
            let (first, most) = (self.first, self.most);
            format!("the first wait, {first:?}, is longer than the longest, {most:?}; swap them")
        } else if !(self.jitter.is_finite() && self.jitter >= 0.0) {
            format!("a jitter of {} is no share; give 0 or more", self.jitter)
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, message))
    }

    /// How long to wait after so many attempts, of which the first is 1.
    pub fn pause(&self, tries: u32) -> Duration {
        let doubled = 2u32.checked_pow(tries.saturating_sub(1));
        let base = doubled.map_or(self.most, |times| self.first.saturating_mul(times));
        let added = base.as_secs_f64() * self.jitter * self.chance(tries);
        let added = Duration::try_from_secs_f64(added).unwrap_or(self.most);
        base.saturating_add(added).min(self.most)
    }

    /// From 0 to 1.
    fn chance(&self, tries: u32) -> f64 {
        let bits = match self.seed {
            // Each of these has keys of its own, made of the system's randomness.
            None => RandomState::new().hash_one(tries),
            Some(seed) => {
                let mut hasher = DefaultHasher::new();
                hasher.write_u64(seed);
                hasher.write_u32(tries);
                hasher.finish()
            }
        };
        f64::from((bits >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_longest_however_often() {
        let backoff = Backoff::new(SECOND, 5 * SECOND).jitter(0.0);
        let waits: Vec<_> = [1, 2, 3, 4, 33, u32::MAX]
            .map(|tries| backoff.pause(tries).as_secs())
            .into();
        assert_eq!(waits, [1, 2, 4, 5, 5, 5]);
    }

    #[test]
    fn chance_is_added_to_waits_of_any_length_and_spread() {
        for first in [SECOND / 1000, SECOND, 2 * SECOND, 7 * SECOND] {
            let backoff = Backoff::new(first, 60 * SECOND);
            let waits: Vec<_> = (0..100).map(|_| backoff.pause(1)).collect();
            assert!(
                waits
                    .iter()
                    .all(|wait| (first..=first * 3 / 2).contains(wait))
            );
            let (least, most) = (waits.iter().min(), waits.iter().max());
            assert!(
                most.unwrap().saturating_sub(*least.unwrap()) > first / 8,
                "{waits:?}"
            );
        }
    }

    #[test]
    fn the_longest_holds_with_what_chance_adds() {
        let backoff = Backoff::new(SECOND, 2 * SECOND).jitter(1e300);
        assert_eq!(backoff.pause(1), 2 * SECOND);
    }

    #[test]
    fn a_seed_repeats_it_and_each_attempt_has_its_own() {
        let share = |seed, tries| {
            let base = Backoff::new(SECOND, 3600 * SECOND).seed(seed);
            let without = base.jitter(0.0).pause(tries);
            base.pause(tries).div_duration_f64(without)
        };
        assert_eq!(share(7, 1), share(7, 1));
        assert_ne!(share(7, 1), share(8, 1));
        assert_ne!(share(7, 1), share(7, 2));
    }

    #[test]
    fn what_cant_be_waited_for_is_refused() {
        let ok = Backoff::new(SECOND, SECOND);
        assert!(ok.check().is_ok());
        for (wrong, word) in [
            (ok.waits(2 * SECOND, SECOND), "longer"),
            (ok.waits(Duration::ZERO, Duration::ZERO), "nothing"),
            (ok.jitter(-1.0), "jitter"),
            (ok.jitter(f64::NAN), "jitter"),
        ] {
            let error = wrong.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(word), "{error}");
        }
    }
}

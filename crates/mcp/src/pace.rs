//! How often a connection that was lost is made again.

use std::time::Duration;

use mainstem_core::Backoff;
use tokio::time::Instant;

/// The waits between the times that it is made again. Before the first one there is none.
const WAITS: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).jitter(0.0);

/// After so long without another attempt, the count begins anew. Longer than the longest wait, so that
/// a server that ends each time isn't started more often because it is called all the time.
const STEADY: Duration = Duration::from_secs(120);

/// Counts how often in a row a connection had to be made again.
pub(crate) struct Pace {
    times: u32,
    last: Instant,
}

impl Pace {
    /// The first connection is made.
    pub(crate) fn begin(now: Instant) -> Self {
        Self {
            times: 0,
            last: now,
        }
    }

    /// Counts another attempt, unless it is too early.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub(crate) fn again(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now - self.last;
        if passed >= STEADY {
            self.times = 0;
        }
        let wait = match self.times {
            0 => Duration::ZERO,
            times => WAITS.pause(times),
        };
        if passed < wait {
            return Err(wait - passed);
        }
        self.times += 1;
        self.last = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_is_at_once_and_then_each_wait_is_twice_as_long() {
        let mut now = Instant::now();
        let mut pace = Pace::begin(now);
        assert_eq!(pace.again(now), Ok(()));
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = Duration::from_secs(wait);
            assert_eq!(pace.again(now), Err(wait));
            let early = Duration::from_millis(1);
            assert_eq!(pace.again(now + wait - early), Err(early));
            now += wait;
            assert_eq!(pace.again(now), Ok(()));
        }
    }

    #[test]
    fn a_connection_that_lasts_is_made_again_at_once() {
        let mut now = Instant::now();
        let mut pace = Pace::begin(now);
        for _ in 0..20 {
            assert_eq!(pace.again(now), Ok(()));
            now += STEADY;
        }
    }
}

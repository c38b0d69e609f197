//! What is sent: numbered texts of one length, each with the time at which it was due.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::{Instant, Interval, MissedTickBehavior};

/// `tick 000017 1763750000000000;`, the second number in microseconds since 1970.
pub(super) const BEGINNING: &[u8] = b"tick ";
pub(super) const LENGTH: usize = BEGINNING.len() + 6 + 1 + 16 + 1;

/// The numbers in the bytes of a tick.
pub(super) fn read(tick: &[u8]) -> Option<(u32, u64)> {
    let text = std::str::from_utf8(tick.get(BEGINNING.len()..LENGTH)?).ok()?;
    let (number, due) = text.strip_suffix(';')?.split_once(' ')?;
    Some((number.parse().ok()?, due.parse().ok()?))
}

/// Ticks of an even pace, whoever takes them how fast: one that is late says when it was due.
pub(super) struct Ticks {
    interval: Interval,
    number: u32,
    of: u32,
}

impl Ticks {
    pub(super) fn new(of: u32, pace: Duration) -> Self {
        let mut interval = tokio::time::interval(pace);
        interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self {
            interval,
            number: 0,
            of,
        }
    }

    pub(super) async fn next(&mut self) -> Option<String> {
        if self.number == self.of {
            return None;
        }
        let due = wall_us(self.interval.tick().await);
        let number = self.number;
        self.number += 1;
        Some(format!("tick {number:06} {due:016};"))
    }
}

/// A moment on the clock on the wall, by which another process can measure.
fn wall_us(moment: Instant) -> u64 {
    static BOTH: OnceLock<(Instant, u64)> = OnceLock::new();
    let (instant, us) = *BOTH.get_or_init(|| (Instant::now(), now_us()));
    let since = |a: Instant, b: Instant| a.saturating_duration_since(b).as_micros() as u64;
    us + since(moment, instant) - since(instant, moment)
}

pub(super) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tick_is_read_as_it_was_written() {
        let mut ticks = Ticks::new(2, Duration::from_millis(1));
        for wanted in 0..2 {
            let tick = ticks.next().await.unwrap();
            assert_eq!(tick.len(), LENGTH);
            let (number, due) = read(tick.as_bytes()).unwrap();
            assert_eq!(number, wanted);
            assert!(now_us().abs_diff(due) < 10_000_000);
        }
        assert_eq!(ticks.next().await, None);
        assert_eq!(read(b"tick 00001"), None);
    }
}

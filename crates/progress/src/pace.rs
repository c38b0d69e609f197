//! When something will be done, by how fast it went.

use serde::{Deserialize, Serialize};

use crate::parts::{Parts, WHOLE};

/// How much progress the past counts for: what is this far back counts half, what is twice as far back a
/// third, where progress is made at once, and less where it is made in small steps.
const MEMORY: u64 = WHOLE as u64 / 2;

/// How long progress takes, by what it took, the recent past above all.
///
/// Each piece of progress is a sample: how much, and how long it took. The pace is the time of all
/// samples over their progress; with each new one, the older ones count less. For work of even pace it
/// is the time since the beginning over what is done, however large the pieces are.
///
/// Times are milliseconds of a clock that stands still in pauses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// When it began.
    began: u64,
    /// When progress was made last.
    at: u64,
    /// What was done then.
    done: Parts,
    /// The time of the samples, in microseconds, the older ones faded.
    micros: u64,
    /// The progress of the samples, faded as their time is.
    parts: u64,
}

impl Pace {
    pub(crate) fn begin(at: u64) -> Self {
        Self {
            began: at,
            at,
            ..Self::default()
        }
    }

    /// Takes in that so much is done by now.
    pub(crate) fn note(&mut self, at: u64, done: Parts) {
        match u64::from(done).checked_sub(u64::from(self.done)) {
            Some(0) => return,
            Some(more) => {
                let took = at.saturating_sub(self.at).saturating_mul(1000);
                self.micros = fade(self.micros, more).saturating_add(took);
                self.parts = fade(self.parts, more) + more;
            }
            // There is more to do than was thought: what was done is a smaller part of it.
            None => {
                self.micros = at.saturating_sub(self.began).saturating_mul(1000);
                self.parts = u64::from(done);
            }
        }
        (self.at, self.done) = (at, done);
    }

    /// Takes in that so much counts as done which nobody has worked on: it was left out. That says
    /// nothing of the pace.
    pub(crate) fn jump(&mut self, at: u64, done: Parts) {
        if done < self.done {
            self.note(at, done);
        }
        self.done = done;
    }

    /// Whether it can have come about by a moment of its clock.
    pub(crate) fn is_sound(&self, worked: u64) -> bool {
        // `note` can't bring the faded progress beyond this.
        let most = MEMORY + u64::from(WHOLE);
        self.began <= self.at && self.at <= worked && self.done <= WHOLE && self.parts <= most
    }

    /// How many milliseconds there are left at a time; none, if nothing is known.
    pub(crate) fn left(&self, at: u64) -> Option<u64> {
        if self.parts == 0 || self.micros == 0 {
            return None;
        }
        let parts = u128::from(WHOLE - self.done);
        let micros = parts * u128::from(self.micros) / u128::from(self.parts);
        let millis = u64::try_from((micros + 500) / 1000).ok()?;
        Some(millis.saturating_sub(at.saturating_sub(self.at)))
    }
}

fn fade(value: u64, more: u64) -> u64 {
    let faded = u128::from(value) * u128::from(MEMORY) / u128::from(MEMORY + more);
    u64::try_from(faded).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_pace_is_foretold_however_large_the_pieces_are() {
        for pieces in [1, 2, 3, 7, 100, 10_000] {
            let mut pace = Pace::begin(500);
            for piece in 1..=pieces {
                let at = 500 + piece * 1000;
                pace.note(at, crate::parts::part_of(piece, pieces));
                let left = (pieces - piece) * 1000;
                let told = pace.left(at).unwrap();
                assert!(told.abs_diff(left) <= left / 100 + 1, "{told} for {left}");
            }
        }
    }

    #[test]
    fn a_new_pace_is_believed_before_long() {
        let mut pace = Pace::begin(0);
        for percent in 1..=40 {
            pace.note(percent * 10, WHOLE / 100 * percent as u32);
        }
        // From here on ten times as slow.
        for percent in 41..=90 {
            pace.note(400 + (percent - 40) * 100, WHOLE / 100 * percent as u32);
        }
        let (told, mean) = (pace.left(5400).unwrap(), 5400 / 9);
        assert!(
            (700..=1000).contains(&told) && told > mean,
            "{told} for 1000"
        );
    }

    #[test]
    fn waiting_uses_up_what_was_left_and_nothing_is_known_of_a_start() {
        let mut pace = Pace::begin(0);
        assert_eq!(pace.left(10), None);
        pace.note(0, 1);
        assert_eq!(pace.left(10), None);
        pace.note(100, WHOLE / 2);
        assert_eq!(pace.left(100), Some(100));
        assert_eq!(pace.left(150), Some(50));
        assert_eq!(pace.left(900), Some(0));
    }

    #[test]
    fn what_is_left_out_says_nothing_of_the_pace() {
        let mut pace = Pace::begin(0);
        pace.note(100, WHOLE / 4);
        pace.jump(100, WHOLE / 2);
        assert_eq!(pace.left(100), Some(200));
        pace.note(200, WHOLE / 4 * 3);
        assert_eq!(pace.left(200), Some(100));
        pace.jump(200, WHOLE / 4);
        assert_eq!(pace.left(200), Some(600));
    }

    #[test]
    fn more_work_makes_it_longer() {
        let mut pace = Pace::begin(0);
        pace.note(100, WHOLE / 2);
        pace.note(100, WHOLE / 4);
        assert_eq!(pace.left(100), Some(300));
    }
}

//! Fractions and weights as whole numbers.
//!
//! A sum that is kept up to date by differences must be the one that adding anew would give, on every
//! machine; with floating-point numbers it wouldn't be.

/// A fraction, in billionths: 0 to [`WHOLE`].
pub(crate) type Parts = u32;

/// All of something.
pub(crate) const WHOLE: Parts = 1_000_000_000;

/// A weight, in thousandths.
pub(crate) type Grains = u64;

/// How many thousandths a weight of 1 is.
const GRAINS: f64 = 1000.0;

/// The heaviest weight: sums of it stay far from the end of a `u128`.
pub(crate) const HEAVIEST: f64 = 1e12;

/// Which part of `total` is `done`. Of nothing, all is done.
pub(crate) fn part_of(done: u64, total: u64) -> Parts {
    if done >= total {
        return WHOLE;
    }
    let parts = u128::from(done) * u128::from(WHOLE) / u128::from(total);
    Parts::try_from(parts).unwrap_or(WHOLE)
}

/// As people read it: 0 to 1.
pub(crate) fn as_fraction(parts: Parts) -> f64 {
    f64::from(parts) / f64::from(WHOLE)
}

/// The nearest that can be kept.
pub(crate) fn parts_of(fraction: f64) -> Parts {
    // A float that is cast stays within the bounds, and what is no number becomes 0.
    (fraction * f64::from(WHOLE))
        .round()
        .clamp(0.0, f64::from(WHOLE)) as Parts
}

/// The nearest weight that can be kept; below 0 and what is no number become 0.
pub(crate) fn grains_of(weight: f64) -> Grains {
    (weight.clamp(0.0, HEAVIEST) * GRAINS).round() as Grains
}

/// As people read it.
pub(crate) fn as_weight(grains: Grains) -> f64 {
    grains as f64 / GRAINS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_back_is_what_was_written() {
        for parts in [0, 1, 333_333_333, 500_000_000, 999_999_999, WHOLE] {
            let json = serde_json::to_string(&as_fraction(parts)).unwrap();
            let read: f64 = serde_json::from_str(&json).unwrap();
            assert_eq!((read, parts_of(read)), (as_fraction(parts), parts));
        }
        for weight in [0.0, 0.001, 0.1, 1.0, 2.5, 1e12] {
            assert_eq!(as_weight(grains_of(weight)), weight);
        }
    }

    #[test]
    fn strange_numbers_have_a_place() {
        assert_eq!(part_of(0, 0), WHOLE);
        assert_eq!(part_of(7, 3), WHOLE);
        assert_eq!(part_of(u64::MAX - 1, u64::MAX), WHOLE - 1);
        assert_eq!([-1.0, f64::NAN].map(grains_of), [0, 0]);
        assert_eq!(grains_of(f64::INFINITY), grains_of(1e12));
    }
}

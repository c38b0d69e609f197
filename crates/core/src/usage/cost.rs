use std::{fmt, iter::Sum, ops::AddAssign};

/// How many of the units that a [`Cost`] counts in make one of the caller's currency.
const UNITS: u128 = 1_000_000_000_000;

/// An amount of money, in the currency of the prices that it comes from.
///
/// It is a whole number of billionths of a thousandth (10⁻¹²): so the price of one token is exact, and
/// so are sums.
///
/// ```
/// use mainstem_core::Cost;
///
/// let cost = Cost::from(0.1) + Cost::from(0.2);
/// assert_eq!(cost, Cost::from(0.3));
/// assert_eq!(cost.to_string(), "0.30");
/// assert_eq!(cost.as_f64(), 0.3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u128);

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From a number of 10⁻¹² of the currency.
    pub const fn from_trillionths(amount: u128) -> Self {
        Self(amount)
    }

    /// As a number of 10⁻¹² of the currency.
    pub const fn trillionths(self) -> u128 {
        self.0
    }

    /// As a number that may be rounded; for shows, not for sums.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / UNITS as f64
    }
}

/// Rounded to 10⁻¹²; what is below zero, or no number, is zero.
impl From<f64> for Cost {
    fn from(amount: f64) -> Self {
        // A cast of a float stays within the integer's range, and of no number gives zero.
        Self((amount * UNITS as f64).round() as u128)
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, |sum, item| sum + item)
    }
}

/// In full, with two decimals at least and no sign of a currency.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:012}", self.0 % UNITS);
        let (first, rest) = decimals.split_at(2);
        let rest = rest.trim_end_matches('0');
        f.pad(&format!("{}.{first}{rest}", self.0 / UNITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_in_full() {
        for (cost, shown) in [
            (Cost::ZERO, "0.00"),
            (Cost::from(12.5), "12.50"),
            (Cost::from(0.000_123), "0.000123"),
            (Cost::from_trillionths(1), "0.000000000001"),
            (Cost::from(-1.0), "0.00"),
            (Cost::from(f64::NAN), "0.00"),
        ] {
            assert_eq!(cost.to_string(), shown);
        }
        assert_eq!(format!("{:>6}", Cost::from(0.5)), "  0.50");
    }

    #[test]
    fn a_sum_of_a_million_is_exact() {
        let sum: Cost = std::iter::repeat_n(Cost::from(0.1), 1_000_000).sum();
        assert_eq!(sum, Cost::from(100_000.0));
        assert_eq!(
            Cost::from(f64::INFINITY) + Cost::from(1.0),
            Cost::from_trillionths(u128::MAX)
        );
    }
}

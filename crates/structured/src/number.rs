use std::{cmp::Ordering, fmt};

/// A JSON number as `serde_json` reads it, compared exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// An integer of 64 bits, with or without a sign.
    Integer(i128),
    /// Everything else, rounded.
    Float(f64),
}

impl Number {
    pub(crate) fn of(number: &serde_json::Number) -> Self {
        if let Some(integer) = number.as_u64() {
            return Self::Integer(integer.into());
        }
        match number.as_i64() {
            Some(integer) => Self::Integer(integer.into()),
            None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// Reads the digits of a number that is JSON.
    #[inline]
    pub(crate) fn parse(digits: &[u8], integer: bool) -> Self {
        // Up to 18 digits always fit.
        if integer && digits.len() <= 18 && digits[0] != b'-' {
            let value = digits
                .iter()
                .fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
            return Self::Integer(value.into());
        }
        Self::parse_any(digits)
    }

    fn parse_any(digits: &[u8]) -> Self {
        match serde_json::from_slice::<serde_json::Number>(digits) {
            Ok(number) => Self::of(&number),
            // Not finite: the machine has refused it before.
            Err(_) => Self::Float(f64::NAN),
        }
    }

    pub(crate) fn is_integer(self) -> bool {
        match self {
            Self::Integer(_) => true,
            Self::Float(float) => float.fract() == 0.0,
        }
    }

    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(&other)),
            (Self::Float(one), Self::Float(other)) => one.partial_cmp(&other),
            (Self::Integer(one), Self::Float(other)) => integer_to_float(one, other),
            (Self::Float(one), Self::Integer(other)) => {
                integer_to_float(other, one).map(Ordering::reverse)
            }
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::Float(float) => float.fmt(f),
        }
    }
}

/// Compares without rounding the integer, which a float may not hold.
fn integer_to_float(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // Beyond the range of i128 the cast saturates, which is on the right side of any 64 bits.
    let whole = float.trunc() as i128;
    Some(
        integer
            .cmp(&whole)
            .then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(one: &str, other: &str) -> Option<Ordering> {
        let parse = |text: &str| Number::parse(text.as_bytes(), !text.contains(['.', 'e', 'E']));
        parse(one).compare(parse(other))
    }

    #[test]
    fn numbers_are_compared_exactly() {
        for (one, order, other) in [
            ("1", Ordering::Equal, "1.0"),
            (
                "18446744073709551615",
                Ordering::Less,
                "18446744073709551616",
            ),
            ("9007199254740993", Ordering::Greater, "9007199254740992.0"),
            ("-1", Ordering::Greater, "-1.5"),
            ("-2", Ordering::Less, "-1.5"),
            ("-0", Ordering::Equal, "0"),
            ("1e300", Ordering::Greater, "18446744073709551615"),
            ("-9223372036854775808", Ordering::Less, "0.5"),
        ] {
            assert_eq!(compare(one, other), Some(order), "{one} {other}");
            assert_eq!(compare(other, one), Some(order.reverse()), "{other} {one}");
        }
    }

    #[test]
    fn whole_floats_are_integers() {
        for (text, integer) in [("1.0", true), ("1.5", false), ("1e2", true), ("-0", true)] {
            let number = Number::parse(text.as_bytes(), false);
            assert_eq!(number.is_integer(), integer, "{text}");
        }
    }
}

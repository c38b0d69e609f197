//! Medians.

/// The middle value; of an even number of them, the upper one. 0, if there are none.
pub(crate) fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_not_moved_by_what_is_far() {
        assert_eq!(median(vec![9_000, 1, 3, 2, 4]), 3);
        assert_eq!(median(vec![]), 0);
    }
}

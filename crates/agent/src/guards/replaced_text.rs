//! Texts of a list, replaced while an answer streams.

use std::sync::Arc;

use mainstem_core::{StepResult, Text};

use super::OutputRewriter;

/// Replaces the texts of a list: the first one, and of those that begin in the same place the longest; then it
/// goes on behind it.
pub(super) struct Replacing {
    pub(super) texts: Arc<[String]>,
    pub(super) ignores_case: bool,
    pub(super) instead: Text,
    /// What has come and isn't decided yet: the beginning of one of the texts.
    held: String,
}

/// What stands in a place.
enum There {
    Nothing,
    /// One of the texts, of so many bytes.
    One(usize),
    /// The beginning of one, perhaps.
    Begun,
}

impl Replacing {
    pub(super) fn new(texts: Arc<[String]>, ignores_case: bool, instead: Text) -> Self {
        Self {
            texts,
            ignores_case,
            instead,
            held: String::new(),
        }
    }

    /// The same of a whole text.
    pub(super) fn all(mut self, text: &str) -> String {
        self.held.push_str(text);
        self.advance(true)
    }

    fn advance(&mut self, is_end: bool) -> String {
        let mut given = String::new();
        let (mut plain, mut at) = (0, 0);
        while let Some(next) = self.held[at..].chars().next() {
            match self.there(&self.held[at..], is_end) {
                There::Begun => break,
                There::Nothing => at += next.len_utf8(),
                There::One(bytes) => {
                    given.push_str(&self.held[plain..at]);
                    given.push_str(&self.instead);
                    at += bytes;
                    plain = at;
                }
            }
        }
        given.push_str(&self.held[plain..at]);
        self.held.drain(..at);
        given
    }

    fn there(&self, rest: &str, is_end: bool) -> There {
        let rest = rest.as_bytes();
        let mut longest = 0;
        for text in self.texts.iter().map(String::as_bytes) {
            let bytes = text.len().min(rest.len());
            let is_same = match self.ignores_case {
                true => rest[..bytes].eq_ignore_ascii_case(&text[..bytes]),
                false => rest[..bytes] == text[..bytes],
            };
            match is_same {
                true if bytes == text.len() => longest = longest.max(bytes),
                true if !is_end => return There::Begun,
                _ => {}
            }
        }
        match longest {
            0 => There::Nothing,
            bytes => There::One(bytes),
        }
    }
}

impl OutputRewriter for Replacing {
    fn take(&mut self, piece: &str) -> StepResult<String> {
        self.held.push_str(piece);
        Ok(self.advance(false))
    }

    fn finish(&mut self) -> StepResult<String> {
        Ok(self.advance(true))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replacing(texts: &[&str], ignores_case: bool) -> Replacing {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        Replacing::new(texts.into(), ignores_case, "[…]".into())
    }

    #[test]
    fn the_first_is_replaced_and_of_two_in_one_place_the_longer_one() {
        let all = |texts: &[&str], text| replacing(texts, false).all(text);
        assert_eq!(all(&["ab", "abc"], "xabcx abx"), "x[…]x […]x");
        assert_eq!(all(&["abc", "b"], "abab"), "a[…]a[…]");
        assert_eq!(all(&["é"], "café é"), "caf[…] […]");
        assert_eq!(all(&[], "as it is"), "as it is");
        assert_eq!(replacing(&["bluejay"], true).all("BlueJAY"), "[…]");
    }

    #[test]
    fn no_more_is_kept_than_one_can_be_long() {
        let mut replacing = replacing(&["forbidden"], false);
        for _ in 0..1000 {
            replacing.take("forbidde é forb").unwrap();
            assert!(replacing.held.len() < "forbidden".len());
        }
    }

    proptest! {
        /// Whatever the pieces, what is given is the same, and nothing forbidden is in it.
        #[test]
        fn the_pieces_make_no_difference(
            texts in prop::collection::vec("[abé]{1,5}", 1..4),
            pieces in prop::collection::vec("[abAé ]{0,4}", 0..12),
            ignores_case: bool,
        ) {
            let texts: Arc<[String]> = texts.into();
            let replacing = || Replacing::new(Arc::clone(&texts), ignores_case, "#".into());
            let mut streamed = replacing();
            let mut given = String::new();
            for piece in &pieces {
                given.push_str(&streamed.take(piece).unwrap());
            }
            given.push_str(&streamed.finish().unwrap());
            let whole = replacing().all(&pieces.concat());
            prop_assert_eq!(&given, &whole);
            let lowered = if ignores_case { given.to_ascii_lowercase() } else { given };
            prop_assert!(texts.iter().all(|text| !lowered.contains(&**text)), "{}", lowered);
        }
    }
}

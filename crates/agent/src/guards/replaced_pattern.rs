//! Matches of a regular expression, replaced while an answer streams.

use std::sync::Arc;

use mainstem_core::{StepResult, Text};
use regex_automata::{
    Anchored,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    util::start,
};

use super::OutputRewriter;

/// The most bytes that are held back for a match that may go on. It bounds, too, how often a byte is read.
const MOST: usize = 4096;

/// Replaces the matches: the first one, as the expression prefers it; then it goes on behind it.
pub(super) struct Replacing {
    automaton: Arc<DFA>,
    cache: Box<Cache>,
    instead: Text,
    /// What has come and isn't decided yet.
    held: String,
    /// The byte before it.
    behind: Option<u8>,
    /// A match that may begin where the held begins.
    begun: Option<Begun>,
}

/// A match that may begin in a place.
struct Begun {
    state: LazyStateID,
    /// Up to where it was read.
    read: usize,
    /// Where the match ends, as far as it is known.
    end: Option<usize>,
}

/// It can't be said what matches.
struct GaveUp;

impl Replacing {
    pub(super) fn new(automaton: Arc<DFA>, instead: Text) -> Self {
        Self {
            cache: Box::new(automaton.create_cache()),
            automaton,
            instead,
            held: String::new(),
            behind: None,
            begun: None,
        }
    }

    /// The same of a whole text.
    pub(super) fn all(mut self, text: &str) -> StepResult<String> {
        self.held.push_str(text);
        self.advance(true)
    }

    fn advance(&mut self, is_end: bool) -> StepResult<String> {
        let mut given = String::new();
        let (mut plain, mut at) = (0, 0);
        while let Some(next) = self.held[at..].chars().next() {
            let mut begun = match self.begun.take() {
                Some(begun) => begun,
                None => self.begin(at)?,
            };
            if !self.follow(&mut begun, is_end)? {
                self.begun = Some(begun);
                break;
            }
            match begun.end {
                Some(end) if end > at => {
                    given.push_str(&self.held[plain..at]);
                    given.push_str(&self.instead);
                    at = end;
                    plain = at;
                }
                _ => at += next.len_utf8(),
            }
        }
        given.push_str(&self.held[plain..at]);
        self.forget(at);
        match self.held.len() > MOST {
            true => Err(format!("a match may be longer than {MOST} bytes").into()),
            false => Ok(given),
        }
    }

    /// A match may begin at this place.
    fn begin(&mut self, at: usize) -> Result<Begun, GaveUp> {
        let behind = match at {
            0 => self.behind,
            at => Some(self.held.as_bytes()[at - 1]),
        };
        let begin = start::Config::new()
            .anchored(Anchored::Yes)
            .look_behind(behind);
        let state = self.automaton.start_state(&mut self.cache, &begin);
        Ok(Begun {
            state: state.map_err(|_error| GaveUp)?,
            read: at,
            end: None,
        })
    }

    /// Reads on; whether it is decided.
    fn follow(&mut self, begun: &mut Begun, is_end: bool) -> Result<bool, GaveUp> {
        while !begun.state.is_dead() {
            let byte = self.held.as_bytes().get(begun.read).copied();
            let (automaton, cache) = (&self.automaton, &mut *self.cache);
            let next = match byte {
                Some(byte) => automaton.next_state(cache, begun.state, byte),
                None if is_end => automaton.next_eoi_state(cache, begun.state),
                None => return Ok(false),
            };
            begun.state = next.ok().filter(|next| !next.is_quit()).ok_or(GaveUp)?;
            // It is told of a match once it has read the byte behind.
            if begun.state.is_match() {
                begun.end = Some(begun.read);
            }
            if byte.is_none() {
                break;
            }
            begun.read += 1;
        }
        Ok(true)
    }

    /// Forgets what is decided.
    fn forget(&mut self, bytes: usize) {
        if let Some(last) = bytes.checked_sub(1) {
            self.behind = Some(self.held.as_bytes()[last]);
        }
        self.held.drain(..bytes);
        if let Some(begun) = &mut self.begun {
            begun.read -= bytes;
            begun.end = begun.end.map(|end| end - bytes);
        }
    }
}

impl From<GaveUp> for mainstem_core::StepError {
    fn from(_: GaveUp) -> Self {
        Self::terminal("the automaton gave up")
    }
}

impl OutputRewriter for Replacing {
    fn take(&mut self, piece: &str) -> StepResult<String> {
        self.held.push_str(piece);
        self.advance(false)
    }

    fn finish(&mut self) -> StepResult<String> {
        self.advance(true)
    }

    fn begin_after(&mut self, given: &str) {
        self.behind = given.as_bytes().last().copied();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ForbiddenPattern;

    fn replacing(pattern: &str) -> Replacing {
        let guard = ForbiddenPattern::new("it", pattern).unwrap();
        Replacing::new(guard.automaton, "[…]".into())
    }

    #[test]
    fn matches_are_as_long_as_the_expression_likes_them() {
        let all = |pattern, text| replacing(pattern).all(text).unwrap();
        assert_eq!(
            all(r"\d{4}( ?\d{4}){3}", "No 4111 1111 1111 1111!"),
            "No […]!"
        );
        assert_eq!(all(r"\d+", "12 and 345"), "[…] and […]");
        assert_eq!(all(r"\d+?", "12"), "[…][…]");
        assert_eq!(all("ab|abc", "abc"), "[…]c");
        assert_eq!(all(r"(?-u:\b)ab(?-u:\b)", "ab cab ab"), "[…] cab […]");
        assert_eq!(all("^ab", "abab"), "[…]ab");
        assert_eq!(all("ab$", "abab"), "ab[…]");
        assert_eq!(all("é+", "caféé é"), "caf[…] […]");
    }

    #[test]
    fn what_may_go_on_for_ever_isnt_kept_for_ever() {
        let mut endless = replacing("a.*b");
        assert_eq!(endless.take("xa").unwrap(), "x");
        assert!(endless.take(&"c".repeat(MOST)).is_err());
        let mut words = replacing(r"\w+@\w+");
        for _ in 0..1000 {
            words.take("a few words, ").unwrap();
            assert!(words.held.len() < 10);
        }
    }

    /// After a crash: what stood before counts as what was before.
    #[test]
    fn what_was_given_before_is_before_it() {
        let mut digits = replacing(r"(?-u:\b)\d+(?-u:\b)");
        digits.begin_after("n");
        let given = digits.take("12 34 ").unwrap() + &digits.finish().unwrap();
        assert_eq!(given, "12 […] ");
    }

    proptest! {
        /// Whatever the pieces, what is given is the same, and nothing in it matches.
        #[test]
        fn the_pieces_make_no_difference(
            pattern in prop::sample::select(vec![
                "abc", "a+b", "(?i)AB|cé", r"\w+@\w+", r"(?-u:\b)ab(?-u:\b)", "^ab", "c$", "a.?b", "a.*c",
                r"\d{2,3}", "é+ ", "a|ab|abc",
            ]),
            pieces in prop::collection::vec("[abcé@ 12]{0,4}", 0..12),
        ) {
            let mut streamed = replacing(pattern);
            let mut given = String::new();
            for piece in &pieces {
                given.push_str(&streamed.take(piece).unwrap());
            }
            given.push_str(&streamed.finish().unwrap());
            let whole = replacing(pattern).all(&pieces.concat()).unwrap();
            prop_assert_eq!(given, whole);
        }
    }
}

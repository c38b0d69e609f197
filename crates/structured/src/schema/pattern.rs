//! Patterns of strings and keys, matched while they arrive.

#[cfg(not(feature = "jsonschema"))]
pub(crate) use refused::{Matching, Pattern};
#[cfg(feature = "jsonschema")]
pub(crate) use streamed::{Matching, Pattern};

/// How a string stands to a pattern.
#[cfg_attr(not(feature = "jsonschema"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It may still match.
    Open,
    /// It matches, whatever follows.
    Sure,
    /// It can't match any more.
    Dead,
    /// Only the whole string tells.
    AtEnd,
}

#[cfg(feature = "jsonschema")]
mod streamed {
    use std::fmt;

    use jsonschema::Validator;
    use regex_automata::{
        Anchored,
        hybrid::{
            LazyStateID,
            dfa::{Cache, DFA},
        },
        util::start,
    };
    use serde_json::Value;

    use super::Match;

    /// A pattern, as ECMA-262 writes it.
    pub(crate) struct Pattern {
        source: String,
        /// None, if it takes more than a finite automaton: look-around, back-references.
        automaton: Option<DFA>,
        whole: Validator,
    }

    impl Pattern {
        /// A pattern, and the `jsonschema` validator of it for what an automaton can't tell.
        pub(crate) fn new(source: &str, whole: Validator) -> Self {
            let automaton = jsonschema_regex::to_rust_regex(source)
                .ok()
                .and_then(|pattern| {
                    DFA::builder()
                        .configure(
                            DFA::config()
                                .unicode_word_boundary(true)
                                .skip_cache_capacity_check(true),
                        )
                        .build(&pattern)
                        .ok()
                });
            Self {
                source: source.to_owned(),
                automaton,
                whole,
            }
        }

        pub(crate) fn source(&self) -> &str {
            &self.source
        }

        /// What one document needs for the pattern.
        pub(crate) fn matching(&self) -> Matching {
            Matching {
                run: self
                    .automaton
                    .as_ref()
                    .map(|automaton| (automaton.create_cache(), LazyStateID::default())),
                state: Match::AtEnd,
            }
        }

        pub(crate) fn matches_whole(&self, text: &str) -> bool {
            self.whole.is_valid(&Value::String(text.to_owned()))
        }
    }

    impl fmt::Debug for Pattern {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("Pattern").field(&self.source).finish()
        }
    }

    /// A pattern in the middle of a string; used for one string after another.
    #[derive(Debug)]
    pub(crate) struct Matching {
        run: Option<(Cache, LazyStateID)>,
        pub(crate) state: Match,
    }

    impl Matching {
        /// Another string begins.
        pub(crate) fn begin(&mut self, pattern: &Pattern) {
            self.state = Match::Open;
            let begin = start::Config::new().anchored(Anchored::No);
            self.advance(pattern, |automaton, cache, _| {
                automaton.start_state(cache, &begin).ok()
            });
        }

        /// Whether a whole text matches.
        pub(crate) fn matches(&mut self, pattern: &Pattern, text: &str) -> bool {
            self.begin(pattern);
            for byte in text.bytes() {
                if self.step(pattern, byte) != Match::Open {
                    break;
                }
            }
            match self.end(pattern) {
                Match::Sure => true,
                Match::AtEnd => pattern.matches_whole(text),
                Match::Open | Match::Dead => false,
            }
        }

        #[inline]
        pub(crate) fn step(&mut self, pattern: &Pattern, byte: u8) -> Match {
            if self.state == Match::Open {
                self.advance(pattern, |automaton, cache, id| {
                    automaton.next_state(cache, id, byte).ok()
                });
            }
            self.state
        }

        /// The string is complete.
        pub(crate) fn end(&mut self, pattern: &Pattern) -> Match {
            if self.state == Match::Open {
                self.advance(pattern, |automaton, cache, id| {
                    automaton.next_eoi_state(cache, id).ok()
                });
                if self.state == Match::Open {
                    self.state = Match::Dead;
                }
            }
            self.state
        }

        fn advance(
            &mut self,
            pattern: &Pattern,
            next: impl FnOnce(&DFA, &mut Cache, LazyStateID) -> Option<LazyStateID>,
        ) {
            let (Some(run), Some(automaton)) = (&mut self.run, &pattern.automaton) else {
                self.state = Match::AtEnd;
                return;
            };
            self.state = match next(automaton, &mut run.0, run.1) {
                Some(id) if id.is_match() => Match::Sure,
                Some(id) if id.is_dead() => Match::Dead,
                Some(id) if id.is_quit() => Match::AtEnd,
                Some(id) => {
                    run.1 = id;
                    Match::Open
                }
                None => Match::AtEnd,
            };
        }
    }
}

#[cfg(not(feature = "jsonschema"))]
mod refused {
    use super::Match;

    /// There is none: a schema that has one is refused.
    #[derive(Debug)]
    pub(crate) enum Pattern {}

    impl Pattern {
        pub(crate) fn source(&self) -> &str {
            match *self {}
        }

        pub(crate) fn matching(&self) -> Matching {
            match *self {}
        }

        pub(crate) fn matches_whole(&self, _: &str) -> bool {
            match *self {}
        }
    }

    #[derive(Debug)]
    pub(crate) enum Matching {}

    impl Matching {
        pub(crate) fn begin(&mut self, pattern: &Pattern) {
            match *pattern {}
        }

        pub(crate) fn matches(&mut self, pattern: &Pattern, _: &str) -> bool {
            match *pattern {}
        }

        pub(crate) fn step(&mut self, pattern: &Pattern, _: u8) -> Match {
            match *pattern {}
        }

        pub(crate) fn end(&mut self, pattern: &Pattern) -> Match {
            match *pattern {}
        }
    }
}

#[cfg(test)]
#[cfg(feature = "jsonschema")]
mod tests {
    use super::*;

    fn pattern(source: &str) -> Pattern {
        let whole = jsonschema::validator_for(&serde_json::json!({"pattern": source})).unwrap();
        Pattern::new(source, whole)
    }

    /// How the pattern stands after each byte, and at the end.
    fn states(source: &str, text: &str) -> Vec<Match> {
        let pattern = pattern(source);
        let mut matching = pattern.matching();
        matching.begin(&pattern);
        let mut states: Vec<_> = text.bytes().map(|b| matching.step(&pattern, b)).collect();
        states.push(matching.end(&pattern));
        states
    }

    fn matches(source: &str, text: &str) -> bool {
        let pattern = pattern(source);
        pattern.matching().matches(&pattern, text)
    }

    #[test]
    fn an_anchored_pattern_dies_at_the_byte() {
        use Match::{Dead, Open, Sure};
        assert_eq!(states("^ab$", "abc"), [Open, Open, Dead, Dead]);
        assert_eq!(states("^ab$", "ab"), [Open, Open, Sure]);
        assert_eq!(states("^ab$", "a"), [Open, Dead]);
        let dates = states("^[a-z]+-\\d{2}$", "x-1a");
        assert_eq!(dates, [Open, Open, Open, Dead, Dead]);
    }

    #[test]
    fn an_open_pattern_waits() {
        use Match::{Dead, Open};
        assert_eq!(states("b", "xa"), [Open, Open, Dead]);
        assert!(matches("b", "abc"));
        assert!(!matches("b", "acc"));
    }

    #[test]
    fn what_no_automaton_can_tell_is_judged_whole() {
        assert_eq!(states("^(?=a)", "a"), [Match::AtEnd, Match::AtEnd]);
        assert!(matches("^(?=a)", "ab"));
        assert!(!matches("^(?!a)", "ab"));
    }
}

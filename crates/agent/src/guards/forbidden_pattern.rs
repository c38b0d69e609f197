use std::{fmt, sync::Arc};

use mainstem_core::{Result, Text};
use regex_automata::{
    Anchored,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    util::start,
};

use super::{InputGuard, OutputGuard, OutputWatch, Verdict, replaced_pattern::Replacing};
use crate::builder::config;

/// A guard against texts in which a regular expression matches: an input, or an answer, wherever its pieces
/// were cut.
///
/// The expression is written as for the `regex` crate. It is matched by an automaton, byte by byte: no text
/// makes it slow. Of an answer, what may be the beginning of a match isn't shown before it is known that it
/// isn't one: for addresses of mail each word is held until it ends. An expression that may go on for ever
/// (`.*x`), and one that begins with `^`, hold all of the answer. In JSON it matches the text as it stands there.
///
/// It is there with the feature `regex`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::ScriptedModel;
/// # let model = ScriptedModel::new().answer(["Ask ad", "a@exam", "ple.org, ", "please."]);
/// use mainstem_agent::{Agent, ForbiddenPattern};
///
/// let mail = ForbiddenPattern::new("mail", r"[\w.+-]+@[\w-]+\.\w+")?;
/// let agent = Agent::builder(model).guard_output(mail).build()?;
/// let error = agent.run("Whom may I ask?").await.unwrap_err();
/// assert_eq!(error.message(), "guard `mail` refused the output");
/// assert_eq!(error.partial().unwrap().text, "Ask ");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ForbiddenPattern {
    name: Text,
    pub(super) automaton: Arc<DFA>,
    instead: Option<Text>,
}

const REASON: &str = "it matches a pattern that is forbidden";

impl ForbiddenPattern {
    /// A regular expression, with the guard's name.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`](mainstem_core::ErrorKind::Config), if it isn't one, if it matches the
    /// empty text, or if it has a word boundary of Unicode: `(?-u:\b)` is one of ASCII.
    pub fn new(name: impl Into<Text>, pattern: &str) -> Result<Self> {
        let name = name.into();
        let automaton = DFA::builder()
            .configure(DFA::config().skip_cache_capacity_check(true))
            .build(pattern)
            .map_err(|error| {
                config(format!("guard `{name}` can't use its pattern")).with_source(error)
            })?;
        let guard = Self {
            name,
            automaton: Arc::new(automaton),
            instead: None,
        };
        if guard.verdict("") != Verdict::Allow {
            return Err(config(format!(
                "the pattern of guard `{}` matches the empty text, and so each one",
                guard.name
            )));
        }
        Ok(guard)
    }

    /// Replaces what matches by this, instead of refusing it: the first match, as long as the expression
    /// prefers it, and so on behind it.
    ///
    /// Of an answer, what may belong to a match is held back until that is known; if that is more than 4 KiB,
    /// the answer is refused. What comes of it isn't looked at again. It is for text alone: see
    /// [`OutputGuard::rewriting`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["Card 4111 11", "11 1111 1111", ", till 2027."]);
    /// use mainstem_agent::{Agent, ForbiddenPattern};
    ///
    /// let cards = ForbiddenPattern::new("cards", r"\d{4}( ?\d{4}){3}")?.replace_by("[…]");
    /// let agent = Agent::builder(model).guard_output(cards).build()?;
    /// assert_eq!(agent.run("Which card?").await?.output, "Card […], till 2027.");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn replace_by(mut self, instead: impl Into<Text>) -> Self {
        self.instead = Some(instead.into());
        self
    }

    fn replacing(&self, instead: Text) -> Replacing {
        Replacing::new(Arc::clone(&self.automaton), instead)
    }

    fn verdict(&self, text: &str) -> Verdict {
        let mut search = self.search();
        match search.check(text) {
            Verdict::Allow => search.finish(),
            refused => refused,
        }
    }

    fn search(&self) -> Search {
        let mut cache = self.automaton.create_cache();
        let state = self.automaton.start_state(&mut cache, &begin(None)).ok();
        Search {
            automaton: Arc::clone(&self.automaton),
            cache: Box::new(cache),
            state,
            last: None,
            open: 0,
        }
    }
}

/// A match may begin anywhere.
fn begin(behind: Option<u8>) -> start::Config {
    start::Config::new()
        .anchored(Anchored::No)
        .look_behind(behind)
}

/// The search in one text, piece by piece.
struct Search {
    automaton: Arc<DFA>,
    cache: Box<Cache>,
    /// None, if the automaton gave up: then nothing passes any more.
    state: Option<LazyStateID>,
    last: Option<u8>,
    /// How many of the last bytes may belong to a match that isn't complete.
    open: usize,
}

impl Search {
    /// Whether there is a match, now that this byte has come, or the end.
    fn step(&mut self, byte: Option<u8>) -> bool {
        let Some(state) = self.state else {
            return true;
        };
        let next = match byte {
            Some(byte) => self.automaton.next_state(&mut self.cache, state, byte),
            None => self.automaton.next_eoi_state(&mut self.cache, state),
        };
        self.state = next.ok().filter(|next| !next.is_quit());
        self.state.is_none_or(|state| state.is_match())
    }

    /// Whether a match that is yet to come must begin behind what has come: the automaton is where it would be
    /// if it began here.
    fn is_closed(&mut self) -> bool {
        let begin = begin(self.last);
        let first = self.automaton.start_state(&mut self.cache, &begin).ok();
        first.is_some() && first == self.state
    }
}

impl OutputWatch for Search {
    fn check(&mut self, piece: &str) -> Verdict {
        for byte in piece.bytes() {
            if self.step(Some(byte)) {
                return Verdict::refuse(REASON);
            }
            self.last = Some(byte);
            self.open = match self.is_closed() {
                true => 0,
                false => self.open + 1,
            };
        }
        Verdict::Allow
    }

    fn holds(&self) -> usize {
        self.open
    }

    fn finish(&mut self) -> Verdict {
        Verdict::refuse_if(self.step(None), REASON)
    }
}

impl From<ForbiddenPattern> for InputGuard {
    fn from(forbidden: ForbiddenPattern) -> Self {
        let name = forbidden.name.clone();
        match forbidden.instead.clone() {
            None => Self::new(name, move |input: Text| forbidden.verdict(&input)),
            Some(instead) => Self::rewriting(name, move |input: Text| {
                forbidden.replacing(instead.clone()).all(&input)
            }),
        }
    }
}

impl From<ForbiddenPattern> for OutputGuard {
    fn from(forbidden: ForbiddenPattern) -> Self {
        let name = forbidden.name.clone();
        match forbidden.instead.clone() {
            None => Self::streaming(name, move || forbidden.search()),
            Some(instead) => Self::rewriting(name, move || forbidden.replacing(instead.clone())),
        }
    }
}

impl fmt::Debug for ForbiddenPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForbiddenPattern")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guards::shown_before;

    /// Where the first match begins, by trying each place.
    fn first_match(guard: &ForbiddenPattern, text: &str) -> Option<usize> {
        let (automaton, mut cache) = (&guard.automaton, guard.automaton.create_cache());
        (0..=text.len()).find(|at| {
            let behind = at.checked_sub(1).map(|before| text.as_bytes()[before]);
            let begin = start::Config::new()
                .anchored(Anchored::Yes)
                .look_behind(behind);
            let mut state = automaton.start_state(&mut cache, &begin).unwrap();
            for byte in &text.as_bytes()[*at..] {
                state = automaton.next_state(&mut cache, state, *byte).unwrap();
                if state.is_match() {
                    return true;
                }
            }
            automaton
                .next_eoi_state(&mut cache, state)
                .unwrap()
                .is_match()
        })
    }

    proptest! {
        /// Whatever the pieces, a match is found, and nothing of it was shown before.
        #[test]
        fn it_is_found_across_pieces_and_nothing_of_it_is_shown(
            pattern in prop::sample::select(vec![
                "abc", "a+b", "(?i)AB|cé", r"\w+@\w+", r"(?-u:\b)ab(?-u:\b)", "^ab", "c$", "a.?b", "a.*c",
                r"\d{2,3}", "é+ ",
            ]),
            pieces in prop::collection::vec("[abcé@ 12]{0,4}", 0..12),
        ) {
            let guard = ForbiddenPattern::new("it", pattern).unwrap();
            let whole = pieces.concat();
            let first = first_match(&guard, &whole);
            let (shown, refused) = shown_before(&mut guard.search(), &pieces);
            prop_assert_eq!(refused, first.is_some());
            if let Some(first) = first {
                prop_assert!(shown <= first, "{} of {:?} at {}", shown, whole, first);
            }
        }
    }

    /// What can't belong to a match isn't held.
    #[test]
    fn nothing_else_is_held() {
        for (pattern, piece, held) in [
            ("abc", "xyz", 0),
            ("abc", "xab", 2),
            ("abc", "xabx", 0),
            (r"\w+@\w+", "a word and ano", 3),
            (r"\w+@\w+", "a word, ", 0),
            (r"(?-u:\b)ab(?-u:\b)", "x. ", 0),
            (r"(?-u:\b)ab(?-u:\b)", "abx", 0),
        ] {
            let mut search = ForbiddenPattern::new("it", pattern).unwrap().search();
            assert_eq!(search.check(piece), Verdict::Allow);
            assert_eq!(search.holds(), held, "{pattern} in {piece}");
        }
    }

    #[test]
    fn what_cant_be_used_is_an_error() {
        for pattern in ["(", "a*", "", r"\bab", "(?=a)"] {
            let error = ForbiddenPattern::new("it", pattern).unwrap_err();
            assert_eq!(error.kind(), mainstem_core::ErrorKind::Config, "{pattern}");
            assert!(error.message().contains("guard `it`"), "{error}");
        }
    }
}

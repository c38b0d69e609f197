//! Where a continuation meets what was said before.

use std::borrow::Cow;

/// How many characters a repetition must have to be certain.
const CERTAIN: usize = 24;

/// How much white space may come before the first word.
const MAX_BLANK: usize = 256;

/// Takes away what a model repeats of its answer when it is asked to go on.
///
/// A repetition is certain if it is all of what was said, or its end: from the beginning of a word,
/// [`CERTAIN`] characters or more, which stand nowhere else in it. Anything less may be meant.
#[derive(Debug)]
pub(super) struct Seam {
    said: String,
    /// What came, as long as it may be a repetition.
    held: String,
    /// Where in `said` it may begin; none before the first word has come.
    places: Option<Vec<usize>>,
    is_passed: bool,
}

impl Seam {
    pub(super) fn new(said: &str) -> Self {
        Self {
            said: said.to_owned(),
            held: String::new(),
            places: None,
            is_passed: false,
        }
    }

    /// Takes a piece; gives what is new for certain, which may be nothing yet.
    pub(super) fn feed<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        if self.is_passed {
            return Cow::Borrowed(piece);
        }
        let before = self.held.trim_start().len();
        self.held.push_str(piece);
        let new = self.held.trim_start();
        if new.is_empty() && self.held.len() < MAX_BLANK {
            return Cow::Borrowed("");
        }
        let said = &self.said;
        let goes_on = |place: &usize| {
            let end = new.len().min(said.len() - place);
            let begin = before.min(end);
            said.as_bytes()[place + begin..place + end] == new.as_bytes()[begin..end]
        };
        match &mut self.places {
            Some(places) => places.retain(goes_on),
            None => self.places = Some(beginnings(said).filter(goes_on).collect()),
        }
        let mut places = self.places.iter().flatten();
        if places.any(|place| said.len() - place > new.len()) {
            return Cow::Borrowed("");
        }
        Cow::Owned(self.finish())
    }

    /// What was held back and is new, once it is known that nothing else follows.
    pub(super) fn finish(&mut self) -> String {
        self.is_passed = true;
        let held = std::mem::take(&mut self.held);
        let new = held.trim_start();
        let is_certain = |place: &&usize| {
            let end = &self.said[**place..];
            new.starts_with(end) && self.said.find(end) == Some(**place)
        };
        let repeated = self.places.iter().flatten().find(is_certain);
        match repeated {
            Some(place) => new[self.said.len() - place..].to_owned(),
            None => without_double_space(&self.said, &held).to_owned(),
        }
    }
}

/// Where words begin, up to the last place that leaves enough to be certain.
fn beginnings(said: &str) -> impl Iterator<Item = usize> {
    let last = said.char_indices().rev().nth(CERTAIN - 1);
    let mut before = None;
    let is_beginning = move |(at, c): (usize, char)| {
        let previous = before.replace(c);
        let is_inside = previous.is_some_and(char::is_alphanumeric) && c.is_alphanumeric();
        (!is_inside && !c.is_whitespace()).then_some(at)
    };
    let all = said.char_indices().filter_map(is_beginning);
    all.take_while(move |at| last.is_some_and(|(last, _)| *at <= last))
}

/// Between two words that both bring a space, one will do.
fn without_double_space<'a>(said: &str, new: &'a str) -> &'a str {
    let ends_in_one = said
        .strip_suffix(' ')
        .is_some_and(|said| said.ends_with(|c: char| !c.is_whitespace()));
    match new.strip_prefix(' ') {
        Some(rest) if ends_in_one && rest.starts_with(|c: char| !c.is_whitespace()) => rest,
        _ => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a continuation, however it is cut into pieces.
    fn joined(said: &str, new: &str) -> String {
        let by = |size: usize| {
            let mut seam = Seam::new(said);
            let chars: Vec<_> = new.chars().collect();
            let mut shown = String::new();
            for piece in chars.chunks(size) {
                let piece: String = piece.iter().collect();
                shown += &seam.feed(&piece);
            }
            shown + &seam.finish()
        };
        let shown = by(1);
        for size in [2, 3, 7, new.len().max(1)] {
            assert_eq!(by(size), shown, "in pieces of {size}");
        }
        shown
    }

    const SAID: &str = "The sky is blue because the air scatters short waves more th";

    #[test]
    fn what_goes_on_is_left_alone() {
        assert_eq!(joined(SAID, "an long ones."), "an long ones.");
        assert_eq!(joined(SAID, " that is why"), " that is why");
        assert_eq!(joined(SAID, ""), "");
        assert_eq!(joined("", "Hello"), "Hello");
    }

    #[test]
    fn a_long_repetition_at_the_beginning_is_dropped() {
        let end = "the air scatters short waves more th";
        assert_eq!(
            joined(SAID, &format!("{end}an long ones.")),
            "an long ones."
        );
        assert_eq!(joined(SAID, &format!("\n{end}an.")), "an.");
        assert_eq!(joined(SAID, &format!("{SAID}an.")), "an.");
        assert_eq!(joined(SAID, end), "");
    }

    #[test]
    fn what_may_be_meant_is_kept() {
        // Too short, and from the middle of a word.
        assert_eq!(joined(SAID, "more than"), "more than");
        let middle = "ir scatters short waves more than";
        assert_eq!(joined(SAID, middle), middle);
        // Like the end, but not to its last character.
        let other = "the air scatters short waves more than";
        assert_eq!(joined("the air scatters short waves more of", other), other);
        let row = "row, row, row, row, row, row, row, ";
        assert_eq!(
            joined(row, "row, row, row, row, row, your boat"),
            "row, row, row, row, row, your boat"
        );
    }

    #[test]
    fn one_space_stands_between_two_words() {
        assert_eq!(joined("Half of ", " it"), "it");
        assert_eq!(joined("Half of", " it"), " it");
        assert_eq!(joined("Half of ", "  it"), "  it");
        assert_eq!(joined("Half of\n", " it"), " it");
        assert_eq!(joined("x:  ", " it"), " it");
        assert_eq!(joined("Half of ", " "), " ");
    }

    #[test]
    fn pieces_are_given_as_soon_as_they_are_new() {
        let mut seam = Seam::new(SAID);
        assert_eq!(seam.feed("the "), "");
        assert_eq!(seam.feed("end"), "the end");
        assert_eq!(seam.feed("the air"), "the air");
    }
}

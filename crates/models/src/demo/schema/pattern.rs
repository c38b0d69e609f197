//! Texts for simple patterns.

use std::{iter::Peekable, str::Chars};

use super::text::LONGEST;

/// A regular expression of literals, classes, groups, alternatives and counts.
///
/// What looks around or back isn't simple.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The first alternative.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    atom: Atom,
    least: usize,
    /// None, if it may be repeated without end.
    most: Option<usize>,
}

#[derive(Debug)]
enum Atom {
    /// Any of these.
    Chars(Vec<char>),
    Group(Pattern),
}

impl Pattern {
    /// A pattern; none, if it isn't simple.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut chars = pattern.chars().peekable();
        let parsed = alternatives(&mut chars)?;
        chars.next().is_none().then_some(parsed)
    }

    /// A text that it matches, of a length in the range; none, if none is found.
    pub(super) fn text(&self, start: usize, least: usize, most: usize) -> Option<String> {
        (0..=least.saturating_add(4)).find_map(|more| {
            let mut text = String::new();
            self.write(&mut text, &mut { start }, more);
            (least..=most)
                .contains(&text.chars().count())
                .then_some(text)
        })
    }

    /// Writes a text in which what may be repeated is repeated up to `more` times more.
    fn write(&self, text: &mut String, turn: &mut usize, more: usize) {
        for part in &self.parts {
            let usual = part.least + more;
            let count = part.most.map_or(usual, |most| usual.min(most));
            for _ in 0..count {
                if text.len() > LONGEST {
                    return;
                }
                match &part.atom {
                    Atom::Group(group) => group.write(text, turn, more),
                    Atom::Chars(chars) => {
                        let at = turn.checked_rem(chars.len()).unwrap_or(0);
                        text.extend(chars.get(at));
                        *turn += usize::from(chars.len() > 1);
                    }
                }
            }
        }
    }
}

/// All alternatives up to a `)` or the end; the first of them is kept.
fn alternatives(chars: &mut Peekable<Chars<'_>>) -> Option<Pattern> {
    let mut first = None;
    loop {
        let parts = sequence(chars)?;
        first.get_or_insert(Pattern { parts });
        if chars.next_if_eq(&'|').is_none() {
            return first;
        }
    }
}

fn sequence(chars: &mut Peekable<Chars<'_>>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    if chars.next_if_eq(&'^').is_some() && chars.peek() == Some(&'$') {
        chars.next();
        return Some(parts);
    }
    while let Some(&next) = chars.peek() {
        match next {
            '|' | ')' => break,
            '$' => {
                chars.next();
                // Only at the end of an alternative.
                return matches!(chars.peek(), None | Some('|' | ')')).then_some(parts);
            }
            _ => parts.push(part(chars)?),
        }
    }
    Some(parts)
}

fn part(chars: &mut Peekable<Chars<'_>>) -> Option<Part> {
    let atom = match chars.next()? {
        '(' => Atom::Group(group(chars)?),
        '[' => Atom::Chars(class(chars)?),
        '\\' => Atom::Chars(escaped(chars.next()?)?),
        '.' => Atom::Chars(letters()),
        '*' | '+' | '?' | '{' | '^' => return None,
        literal => Atom::Chars(vec![literal]),
    };
    let (least, most) = count(chars)?;
    Some(Part { atom, least, most })
}

fn group(chars: &mut Peekable<Chars<'_>>) -> Option<Pattern> {
    if chars.next_if_eq(&'?').is_some() {
        chars.next_if_eq(&':')?;
    }
    let group = alternatives(chars)?;
    chars.next_if_eq(&')')?;
    Some(group)
}

fn class(chars: &mut Peekable<Chars<'_>>) -> Option<Vec<char>> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut class = Vec::new();
    loop {
        match chars.next()? {
            ']' => break,
            '\\' => class.extend(escaped(chars.next()?)?),
            '-' if !class.is_empty() && chars.peek() != Some(&']') => {
                let from = class.pop()?;
                let to = chars.next().filter(|to| *to != '\\')?;
                class.extend(from..=to);
            }
            char => class.push(char),
        }
    }
    if negated {
        let mut others = letters();
        others.extend(digits());
        others.retain(|char| !class.contains(char));
        class = others;
    }
    (!class.is_empty()).then_some(class)
}

fn escaped(char: char) -> Option<Vec<char>> {
    Some(match char {
        'd' => digits(),
        'w' => letters(),
        's' => vec![' '],
        'D' | 'S' => letters(),
        'W' => vec!['-'],
        'n' => vec!['\n'],
        't' => vec!['\t'],
        // `\b`, `\p`, `\1` and their like.
        char if char.is_alphanumeric() => return None,
        char => vec![char],
    })
}

/// How often: once, unless it is said otherwise.
fn count(chars: &mut Peekable<Chars<'_>>) -> Option<(usize, Option<usize>)> {
    let count = match chars.peek() {
        Some('?') => (0, Some(1)),
        Some('*') => (0, None),
        Some('+') => (1, None),
        Some('{') => {
            chars.next();
            let inside: String =
                std::iter::from_fn(|| chars.next_if(|char| *char != '}')).collect();
            chars.next_if_eq(&'}')?;
            return braces(&inside);
        }
        _ => return Some((1, Some(1))),
    };
    chars.next();
    Some(count)
}

fn braces(inside: &str) -> Option<(usize, Option<usize>)> {
    let number = |text: &str| text.parse().ok().filter(|count| *count <= LONGEST);
    match inside.split_once(',') {
        None => number(inside).map(|count| (count, Some(count))),
        Some((least, "")) => Some((number(least)?, None)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?))),
    }
}

fn letters() -> Vec<char> {
    ('a'..='z').collect()
}

fn digits() -> Vec<char> {
    ('0'..='9').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: &str) -> Option<String> {
        Pattern::parse(pattern)?.text(0, 0, 100)
    }

    #[test]
    fn simple_patterns_have_a_text() {
        assert_eq!(text("^[A-Z]{2}-\\d{3}$").unwrap(), "AB-234");
        assert_eq!(text("^(red|green)\\.(?:x|y)?$").unwrap(), "red.");
        assert_eq!(text("^[^a-c]+$").unwrap(), "d");
        assert_eq!(text("^$").unwrap(), "");
        assert_eq!(
            Pattern::parse("^\\w+$").unwrap().text(0, 5, 6).unwrap(),
            "abcde"
        );
    }

    #[test]
    fn a_text_of_enormous_length_is_not_begun() {
        assert_eq!(text("^((a{9999}){9999}){9999}$"), None);
    }

    #[test]
    fn others_are_not_simple() {
        for pattern in [
            "(?=x)y",
            "\\bword",
            "(a)\\1",
            "a$b",
            "[a",
            "(a",
            "a)",
            "\\p{L}",
            "a+?",
            "a{99999999}",
        ] {
            assert!(Pattern::parse(pattern).is_none(), "{pattern}");
        }
    }
}

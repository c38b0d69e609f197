//! Takes an output out of the object that it was wrapped in, while it streams.

use crate::nesting::Nesting;

/// The name of the wrapper's one field.
pub(crate) const FIELD: &str = "value";
const WRAPPER: &str = r#"{"value":"#;

/// Passes on what stands inside of `{"value": …}`.
///
/// Text that isn't wrapped so (from a server that took no notice of the schema) is passed on as it
/// is.
#[derive(Debug, Default)]
pub(crate) struct Unwrap {
    state: State,
    /// What has come of the wrapper's beginning, and how much of it that is without white space.
    head: String,
    matched: usize,
    nesting: Nesting,
    /// All that has come, if it is wrapped.
    raw: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside,
    After,
    NotWrapped,
}

/// What is wrong with a wrapped output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Something stands beside or after the value.
    TooMuch,
    /// It ended before the wrapper was closed.
    Cut,
}

impl Unwrap {
    /// Takes a piece, and gives what of it stands inside.
    pub(crate) fn feed(&mut self, text: &str) -> Result<String, Wrong> {
        if self.state == State::NotWrapped {
            return Ok(text.to_owned());
        }
        self.raw.push_str(text);
        let mut inner = String::with_capacity(text.len());
        for c in text.chars() {
            match self.state {
                State::Before => self.begin(c, &mut inner),
                State::Inside => self.inside(c, &mut inner)?,
                State::After if c.is_ascii_whitespace() => {}
                State::After => return Err(Wrong::TooMuch),
                State::NotWrapped => inner.push(c),
            }
        }
        Ok(inner)
    }

    /// Ends the output.
    pub(crate) fn end(&self) -> Result<(), Wrong> {
        match self.state {
            State::Before if self.matched == 0 => Ok(()),
            State::Before | State::Inside => Err(Wrong::Cut),
            State::After | State::NotWrapped => Ok(()),
        }
    }

    /// All that has come, wrapper included.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    fn begin(&mut self, c: char, inner: &mut String) {
        self.head.push(c);
        if c.is_ascii_whitespace() {
            return;
        }
        if WRAPPER.as_bytes()[self.matched] as char != c {
            self.state = State::NotWrapped;
            self.raw = String::new();
            inner.push_str(&std::mem::take(&mut self.head));
            return;
        }
        self.matched += 1;
        if self.matched == WRAPPER.len() {
            self.state = State::Inside;
        }
    }

    fn inside(&mut self, c: char, inner: &mut String) -> Result<(), Wrong> {
        if self.nesting.is_at_top() {
            match c {
                '}' => {
                    self.state = State::After;
                    return Ok(());
                }
                ',' => return Err(Wrong::TooMuch),
                _ => {}
            }
        }
        if let Ok(byte) = u8::try_from(c) {
            self.nesting.take(byte);
        }
        inner.push(c);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unwraps a text in two pieces.
    fn unwrap(text: &str, at: usize) -> Result<String, Wrong> {
        let mut unwrap = Unwrap::default();
        let inner = unwrap.feed(&text[..at])? + &unwrap.feed(&text[at..])?;
        unwrap.end()?;
        Ok(inner)
    }

    #[test]
    fn the_wrapper_goes_wherever_the_text_is_split() {
        for (text, expected) in [
            (r#"{"value":[1,{"a":"}"}]}"#, Ok(r#"[1,{"a":"}"}]"#)),
            ("{ \"value\" :\n \"a\\\"},\" }\n", Ok("\n \"a\\\"},\" ")),
            ("{\"value\":\"\u{e9}\u{1F426}\"}", Ok("\"\u{e9}\u{1F426}\"")),
            (r#"{"value":3}"#, Ok("3")),
            (r#"[1, 2]"#, Ok(r#"[1, 2]"#)),
            (r#"{"values":[1]}"#, Ok(r#"{"values":[1]}"#)),
            (" ", Ok("")),
            (r#"{"value":3} 4"#, Err(Wrong::TooMuch)),
            (r#"{"value":3}}"#, Err(Wrong::TooMuch)),
            (r#"{"value":3,"more":4}"#, Err(Wrong::TooMuch)),
            (r#"{"value":3"#, Err(Wrong::Cut)),
            (r#"{"value":"}"#, Err(Wrong::Cut)),
            (r#"{"val"#, Err(Wrong::Cut)),
        ] {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let inner = unwrap(text, at);
                let inner = inner.as_deref().map_err(|wrong| *wrong);
                assert_eq!(inner, expected, "{text} at {at}");
            }
        }
    }
}

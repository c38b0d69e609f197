//! Takes an output out of the object that it was wrapped in, while it streams.

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
    depth: usize,
    in_string: bool,
    escaped: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside,
    After,
    NotWrapped,
}

impl Unwrap {
    /// Takes a piece, and gives what of it stands inside.
    pub(crate) fn feed(&mut self, text: &str) -> String {
        let mut inner = String::with_capacity(text.len());
        for c in text.chars() {
            match self.state {
                State::Before => self.begin(c, &mut inner),
                State::Inside => self.inside(c, &mut inner),
                State::After if c.is_ascii_whitespace() => {}
                // What follows the wrapper isn't ours to judge: the schema's checker refuses it.
                State::After | State::NotWrapped => {
                    self.state = State::NotWrapped;
                    inner.push(c);
                }
            }
        }
        inner
    }

    fn begin(&mut self, c: char, inner: &mut String) {
        self.head.push(c);
        if c.is_ascii_whitespace() {
            return;
        }
        if WRAPPER.as_bytes()[self.matched] as char != c {
            self.state = State::NotWrapped;
            inner.push_str(&std::mem::take(&mut self.head));
            return;
        }
        self.matched += 1;
        if self.matched == WRAPPER.len() {
            self.state = State::Inside;
        }
    }

    fn inside(&mut self, c: char, inner: &mut String) {
        if self.in_string {
            match c {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => self.in_string = false,
                _ => {}
            }
        } else {
            match c {
                '"' => self.in_string = true,
                '{' | '[' => self.depth += 1,
                '}' if self.depth == 0 => {
                    self.state = State::After;
                    return;
                }
                '}' | ']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        inner.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrapper_goes_wherever_the_text_is_split() {
        for (text, expected) in [
            (r#"{"value":[1,{"a":"}"}]}"#, r#"[1,{"a":"}"}]"#),
            ("{ \"value\" :\n \"a\\\"}\" }\n", "\n \"a\\\"}\" "),
            (r#"{"value":3}"#, "3"),
            (r#"[1, 2]"#, r#"[1, 2]"#),
            (r#"{"values":[1]}"#, r#"{"values":[1]}"#),
            (r#"{"value":3} and more"#, "3and more"),
        ] {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let mut unwrap = Unwrap::default();
                let inner = unwrap.feed(&text[..at]) + &unwrap.feed(&text[at..]);
                assert_eq!(
                    inner.trim_end_matches('\n'),
                    expected.trim_end_matches('\n'),
                    "{at}"
                );
            }
        }
    }
}

//! How deep inside of a JSON text one is, without parsing it.

/// Counts brackets outside of strings, whatever pieces the text comes in.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
    began: bool,
}

impl Nesting {
    /// Takes the next byte. All that counts is ASCII, so bytes will do.
    pub(crate) fn take(&mut self, byte: u8) {
        self.began |= !byte.is_ascii_whitespace();
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Whether it is outside of all brackets and strings.
    pub(crate) fn is_at_top(&self) -> bool {
        self.depth == 0 && !self.in_string
    }

    /// Whether all that was opened is closed, and something was.
    pub(crate) fn is_whole(&self) -> bool {
        self.began && self.is_at_top()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_whole_once_all_is_closed() {
        for (text, whole) in [
            ("", false),
            (" ", false),
            ("{", false),
            (r#"{"a":"}"#, false),
            (r#"{"a":"}\""}"#, true),
            ("[[1]", false),
            ("[[1]] ", true),
        ] {
            let mut nesting = Nesting::default();
            text.bytes().for_each(|byte| nesting.take(byte));
            assert_eq!(nesting.is_whole(), whole, "{text}");
        }
    }
}

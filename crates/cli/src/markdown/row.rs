//! One row of the screen, with its styles.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::UnicodeWidthChar as _;

/// Text in styles. It holds no control character but line ends, and none of these once it is wrapped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    text: String,
    /// Where each style ends, in bytes of the text.
    spans: Vec<(usize, Style)>,
    width: usize,
}

impl Row {
    pub(super) fn of(text: &str, style: Style) -> Self {
        let mut row = Self::default();
        row.push_str(text, style);
        row
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The columns that it takes.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds a character. A control character is left out: entities of Markdown can spell any.
    pub(super) fn push(&mut self, c: char, style: Style) {
        if c.is_control() && c != '\n' {
            return;
        }
        self.text.push(c);
        self.width += c.width().unwrap_or(0);
        let end = self.text.len();
        match self.spans.last_mut() {
            Some(last) if last.1 == style => last.0 = end,
            _ => self.spans.push((end, style)),
        }
    }

    pub(super) fn push_str(&mut self, text: &str, style: Style) {
        for c in text.chars() {
            self.push(c, style);
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        for (text, style) in other.pieces() {
            self.push_str(text, style);
        }
    }

    /// The text by its styles.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&str, Style)> {
        let mut start = 0;
        self.spans.iter().map(move |&(end, style)| {
            let piece = &self.text[start..end];
            start = end;
            (piece, style)
        })
    }

    /// Without the blanks and line ends at its end, which nobody sees.
    pub(super) fn trimmed(&self) -> Self {
        let end = self.text.trim_end_matches([' ', '\n']).len();
        let mut row = Self::default();
        for (text, style) in self.pieces() {
            let left = end.saturating_sub(row.text.len());
            row.push_str(&text[..left.min(text.len())], style);
        }
        row
    }

    /// Whether it begins with all of another row, in the same styles.
    pub(super) fn starts_with(&self, other: &Self) -> bool {
        let Some((&(end, style), before)) = other.spans.split_last() else {
            return true;
        };
        let (same, rest) = self.spans.split_at(before.len().min(self.spans.len()));
        self.text.starts_with(&other.text)
            && same == before
            && rest
                .first()
                .is_some_and(|&(longer, own)| own == style && longer >= end)
    }

    /// Writes what comes after so many bytes, with the codes of the styles.
    pub(super) fn write(&self, from: usize, out: &mut String) {
        let mut start = 0;
        for (piece, style) in self.pieces() {
            let skipped = from.saturating_sub(start).min(piece.len());
            start += piece.len();
            if skipped < piece.len() {
                // Writing to a string can't fail.
                let _ = write!(out, "{style}{}{style:#}", &piece[skipped..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOLD: Style = Style::new().bold();

    #[test]
    fn only_what_is_new_is_written() {
        let old = Row::of("a jay", Style::new());
        let mut new = old.clone();
        new.push_str("bird", Style::new());
        new.push_str("!", BOLD);
        assert!(new.starts_with(&old) && !old.starts_with(&new));
        let mut out = String::new();
        new.write(old.text().len(), &mut out);
        assert_eq!(out, "bird\u{1b}[1m!\u{1b}[0m");
        assert!(!Row::of("a jaybird", BOLD).starts_with(&old));
    }

    #[test]
    fn it_takes_no_control_characters() {
        let row = Row::of("\u{1b}[31mred\u{9b}2J\t\u{7f}", Style::new());
        assert_eq!((row.text(), row.width()), ("[31mred2J", 9));
    }

    #[test]
    fn blanks_at_the_end_go() {
        let mut row = Row::of("a ", BOLD);
        row.push_str("  ", Style::new());
        assert_eq!(row.trimmed(), Row::of("a", BOLD));
    }
}

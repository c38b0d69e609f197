//! Long lines become rows.

use anstyle::Style;
use unicode_width::UnicodeWidthChar as _;

use super::row::Row;

/// The rows of a line, broken between words where that is possible. A line end is kept.
pub(super) fn words(line: &Row, width: usize) -> Vec<Row> {
    let mut wrapper = Wrapper::new(width);
    for (text, style) in line.pieces() {
        for c in text.chars() {
            wrapper.take(c, style);
        }
    }
    wrapper.end()
}

/// The rows of a line of code: nothing but the width breaks it.
pub(super) fn hard(line: &Row, width: usize) -> Vec<Row> {
    let mut rows = vec![Row::default()];
    for (text, style) in line.pieces() {
        for c in text.chars() {
            push_hard(&mut rows, c, style, width);
        }
    }
    rows
}

fn push_hard(rows: &mut Vec<Row>, c: char, style: Style, width: usize) {
    if let Some(row) = rows.last_mut() {
        let needed = row.width() + c.width().unwrap_or(0);
        if needed <= width || row.is_empty() {
            return row.push(c, style);
        }
    }
    rows.push(Row::of(c.encode_utf8(&mut [0; 4]), style));
}

struct Wrapper {
    width: usize,
    /// The last one is being filled.
    rows: Vec<Row>,
    word: Row,
    /// The style of the blank before the word, if there is one.
    blank: Option<Style>,
}

impl Wrapper {
    fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            rows: vec![Row::default()],
            word: Row::default(),
            blank: None,
        }
    }

    fn take(&mut self, c: char, style: Style) {
        match c {
            ' ' => {
                self.end_word();
                self.blank = Some(style);
            }
            '\n' => {
                self.end_word();
                self.blank = None;
                self.rows.push(Row::default());
            }
            // Scripts of wide characters have no blanks; they break anywhere.
            _ if c.width() == Some(2) => {
                self.end_word();
                self.word.push(c, style);
            }
            _ => {
                if self.word.text().chars().next_back().and_then(char::width) == Some(2)
                    && c.width() != Some(0)
                {
                    self.end_word();
                }
                self.word.push(c, style);
            }
        }
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let blank = self.blank.take();
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        let needed = row.width() + usize::from(blank.is_some()) + word.width();
        if row.is_empty() || needed <= self.width {
            if let (Some(style), false) = (blank, row.is_empty()) {
                row.push(' ', style);
            }
        } else {
            self.rows.push(Row::default());
        }
        for (text, style) in word.pieces() {
            for c in text.chars() {
                push_hard(&mut self.rows, c, style, self.width);
            }
        }
    }

    fn end(mut self) -> Vec<Row> {
        self.end_word();
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let rows = words(&Row::of(text, Style::new()), width);
        rows.iter().map(|row| row.text().to_owned()).collect()
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("the jay is  blue", 7), ["the jay", "is blue"]);
        assert_eq!(wrapped("a\nb ", 7), ["a", "b"]);
        assert_eq!(wrapped("", 7), [""]);
    }

    #[test]
    fn a_word_that_is_too_long_breaks_anywhere() {
        assert_eq!(wrapped("a jaybird", 3), ["a", "jay", "bir", "d"]);
        assert_eq!(wrapped("鳥は青い", 5), ["鳥は", "青い"]);
    }

    #[test]
    fn code_breaks_at_the_width_alone() {
        let rows = hard(&Row::of("let  jay;", Style::new()), 5);
        let texts: Vec<_> = rows.iter().map(Row::text).collect();
        assert_eq!(texts, ["let  ", "jay;"]);
    }
}

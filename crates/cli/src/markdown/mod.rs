//! Markdown on a terminal, while it arrives.
//!
//! What a piece of text means may depend on text that is yet to come: `**` begins bold text if it is
//! closed later. So the last block is *live*: with each piece it is parsed and laid out again, and
//! the rows that changed are written over. Blocks before it are final and never touched. A row that
//! has scrolled off the screen stays as it is, too.
//!
//! While a block is live, what it leaves open is closed for it: see [`heal`].

mod heal;
mod layout;
mod row;
mod style;
mod table;
#[cfg(test)]
mod tests;
mod wrap;

use std::fmt::Write as _;

use layout::{Before, is_aloof, is_blank_before, layout, parser};
use pulldown_cmark::{Event, Tag};
use row::Row;

/// The size of a screen, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// One text in Markdown on its way to the screen.
///
/// Its methods return what is to be written: text, the codes of styles, and movements of the cursor
/// among the rows of the live block. Before the first and after the last, the cursor is at the
/// beginning of a row.
#[derive(Debug)]
pub(crate) struct Markdown {
    size: Size,
    /// The text from the beginning of the live block on, without control characters.
    text: String,
    /// What came before it.
    before: Before,
    /// The rows of the live block on the screen; the cursor is at the end of the last one.
    painted: Vec<Row>,
}

impl Markdown {
    pub(crate) fn new(size: Size) -> Self {
        Self {
            size,
            text: String::new(),
            before: Before::default(),
            painted: Vec::new(),
        }
    }

    /// Whether the cursor is in the middle of a row.
    pub(crate) fn is_line_open(&self) -> bool {
        !self.painted.is_empty()
    }

    /// Takes the next piece of the text; the screen has this size now.
    pub(crate) fn push(&mut self, text: &str, size: Size) -> String {
        let mut out = String::new();
        self.resize(size, &mut out);
        let is_welcome = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
        self.text.extend(text.chars().filter(is_welcome));
        if text.contains('\n') {
            self.settle(&mut out);
        }
        let rows = layout(&heal::heal(&self.text), self.before, self.size);
        self.paint(rows, &mut out);
        out
    }

    /// Ends the text.
    pub(crate) fn end(&mut self) -> String {
        let mut out = String::new();
        self.settle(&mut out);
        let text = std::mem::take(&mut self.text);
        self.finish(&text, &mut out);
        self.before = Before::default();
        out
    }

    /// Finishes all blocks but the last, and within it the items of a list and the lines of code: so
    /// what is live stays small. Only whole lines are looked at: a line that is still growing may
    /// become anything.
    fn settle(&mut self, out: &mut String) {
        let whole = self.text.rfind('\n').map_or(0, |end| end + 1);
        let blocks = blocks(&self.text[..whole], self.before.number);
        let text = std::mem::take(&mut self.text);
        let mut begun = 0;
        for pair in blocks.windows(2) {
            let (block, next) = (&pair[0], &pair[1]);
            self.finish(&text[begun..next.start], out);
            self.before = Before {
                any: true,
                blank: is_blank_before(&text, next.start, false),
                aloof: block.is_aloof,
                number: next.number,
            };
            begun = next.start;
        }
        if let Some(fence) = open_code(&text[begun..whole]) {
            self.finish(&text[begun..whole], out);
            self.before = Before::default();
            self.text = format!("{fence}{}", &text[whole..]);
        } else {
            text[begun..].clone_into(&mut self.text);
        }
    }

    fn finish(&mut self, block: &str, out: &mut String) {
        let rows = layout(block, self.before, self.size);
        self.paint(rows, out);
        if !self.painted.is_empty() {
            out.push('\n');
            self.painted.clear();
        }
    }

    /// A wider screen doesn't matter to rows that are there. A narrower one has broken them, nobody
    /// knows where: they are left as they are, and the live block begins again below.
    fn resize(&mut self, size: Size, out: &mut String) {
        let widest = self.painted.iter().map(Row::width).max().unwrap_or(0);
        if !self.painted.is_empty() && widest > size.columns {
            out.push('\n');
            self.painted.clear();
        }
        self.size.rows = size.rows;
        if self.painted.is_empty() {
            self.size = size;
        }
    }

    /// Makes the rows of the live block these.
    fn paint(&mut self, rows: Vec<Row>, out: &mut String) {
        let old = std::mem::take(&mut self.painted);
        let pairs = old.iter().zip(&rows);
        let same = pairs.take_while(|(old, new)| old == new).count();
        if same == old.len() && same == rows.len() {
            self.painted = rows;
            return;
        }
        // The row in which the cursor ends is written too, if rows below it go.
        let first = if same == rows.len() {
            same.saturating_sub(1)
        } else {
            same
        };
        // What has scrolled away can't be reached.
        let first = first.max(old.len().saturating_sub(self.size.rows));
        if let (Some(last), Some(new)) = (old.last(), rows.last())
            && first + 1 == old.len()
            && first + 1 == rows.len()
            && new.starts_with(last)
        {
            // Nearly always: the last row grows.
            new.write(last.text().len(), out);
        } else if first < old.len() {
            over_write(&old, &rows, first, out);
        } else {
            for (index, row) in rows.iter().enumerate().skip(first) {
                if index > 0 {
                    out.push('\n');
                }
                row.write(0, out);
            }
        }
        self.painted = rows;
    }
}

/// Writes rows over others, from one of them on.
fn over_write(old: &[Row], rows: &[Row], first: usize, out: &mut String) {
    // Writing to a string can't fail.
    let up = old.len() - 1 - first;
    if up > 0 {
        let _ = write!(out, "\u{1b}[{up}A");
    }
    out.push('\r');
    for (index, row) in rows.iter().enumerate().skip(first) {
        if index > first {
            out.push('\n');
        }
        row.write(0, out);
        if index < old.len() {
            out.push_str("\u{1b}[K");
        }
    }
    if rows.len() < old.len() {
        // There is nothing below but rows of ours.
        out.push_str("\u{1b}[J");
    }
}

/// Where an outermost block begins, or an item of an outermost list.
struct Block {
    start: usize,
    is_aloof: bool,
    /// An item's number.
    number: Option<u64>,
}

/// The blocks of a text; if it begins in the midst of a list, with this item.
fn blocks(text: &str, mut first: Option<u64>) -> Vec<Block> {
    let mut depth = 0_usize;
    let mut list = None;
    let mut blocks = Vec::new();
    for (event, range) in parser(text).into_offset_iter() {
        let begins = match &event {
            Event::Start(Tag::List(number)) if depth == 0 => {
                list = first.take().filter(|_| number.is_some()).or(*number);
                false
            }
            Event::Start(Tag::Item) => depth == 1,
            Event::Start(_) | Event::Rule => depth == 0,
            _ => false,
        };
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if begins {
            let is_item = matches!(event, Event::Start(Tag::Item));
            // Code and items begin with their indentation. Others have one that means nothing, and
            // that would make them code where the address of a link came before it and is settled.
            let start = match event {
                Event::Start(Tag::CodeBlock(_) | Tag::Item) => {
                    text[..range.start].rfind('\n').map_or(0, |end| end + 1)
                }
                _ => range.start,
            };
            blocks.push(Block {
                start,
                is_aloof: is_aloof(&event),
                number: list.filter(|_| is_item),
            });
            list = list.map(|number| number + u64::from(is_item));
        }
    }
    blocks
}

/// The first line of a text that is a block of code without an end.
fn open_code(text: &str) -> Option<&str> {
    let first = text.split_inclusive('\n').next()?;
    let fence = fence(first)?;
    let ends = |line: &str| {
        let end = line.trim_start_matches(' ');
        let rest = end.trim_start_matches(&fence[..1]);
        line.len() - end.len() <= 3 && end.starts_with(fence) && rest.trim().is_empty()
    };
    let is_open = !text[first.len()..].lines().any(ends);
    is_open.then_some(first)
}

/// The mark that begins a block of code.
fn fence(line: &str) -> Option<&str> {
    let mark = line.trim_start_matches(' ');
    let rest = mark.trim_start_matches('`');
    let rest = if rest.len() < mark.len() {
        Some(rest).filter(|info| !info.contains('`'))?
    } else {
        mark.trim_start_matches('~')
    };
    let length = mark.len() - rest.len();
    (line.len() - mark.len() <= 3 && length >= 3).then_some(&mark[..length])
}

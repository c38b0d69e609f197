//! From Markdown to rows.

use anstyle::Style;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::{Size, row::Row, style, table::Table, wrap};

/// The Markdown that models write.
pub(super) fn parser(text: &str) -> Parser<'_> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options)
}

/// What comes before a text that is laid out: it decides on a blank row between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// Whether there is anything.
    pub(super) any: bool,
    /// Whether it ends with a blank line.
    pub(super) blank: bool,
    /// Whether it keeps its distance from what follows.
    pub(super) aloof: bool,
    /// The number of the next item, if what follows goes on with a list.
    pub(super) number: Option<u64>,
}

/// The rows of a text; none is wider than the screen.
pub(super) fn layout(text: &str, before: Before, size: Size) -> Vec<Row> {
    let mut layout = Layout {
        text,
        size,
        before,
        rows: Vec::new(),
        line: Row::default(),
        margins: Vec::new(),
        lists: Vec::new(),
        styles: vec![Style::new()],
        links: Vec::new(),
        table: None,
        is_code: false,
        is_first: true,
        is_fresh: false,
    };
    for (event, range) in parser(text).into_offset_iter() {
        layout.take(event, range.start);
    }
    layout.end_line();
    let rows = layout.rows.iter();
    rows.flat_map(|row| wrap::hard(row, size.columns)).collect()
}

/// Whether a block keeps its distance from its neighbours.
pub(super) fn is_aloof(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Rule | Event::Start(Tag::CodeBlock(_) | Tag::Table(_))
    )
}

/// Whether a blank line comes before a place; within a quote the lines begin with its mark.
pub(super) fn is_blank_before(text: &str, place: usize, is_inside: bool) -> bool {
    let margin: &[_] = if is_inside {
        &[' ', '\t', '>']
    } else {
        &[' ', '\t']
    };
    let before = text[..place].trim_end_matches(margin);
    let line = before.strip_suffix('\n').unwrap_or(before);
    line.len() < before.len() && line.trim_end_matches(margin).ends_with('\n')
}

/// What the rows of a container begin with.
struct Margin {
    /// Of its first row, until that is written.
    first: Option<Row>,
    rest: Row,
}

struct Layout<'a> {
    text: &'a str,
    size: Size,
    before: Before,
    rows: Vec<Row>,
    /// The line that is being read; a line end in it is a hard one.
    line: Row,
    margins: Vec<Margin>,
    /// The next number of each list that is open.
    lists: Vec<Option<u64>>,
    styles: Vec<Style>,
    /// Where the links that are open lead, and where in the line they begin.
    links: Vec<(String, usize)>,
    table: Option<Table>,
    is_code: bool,
    /// Whether no block has begun.
    is_first: bool,
    /// Whether a container was begun and nothing in it: its first block stands at its top.
    is_fresh: bool,
}

impl Layout<'_> {
    fn take(&mut self, event: Event<'_>, place: usize) {
        let is_aloof = is_aloof(&event);
        match event {
            Event::Start(tag) => self.start(tag, place, is_aloof),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.is_code => self.code(&text),
            Event::Text(text) => self.line.push_str(&text, self.style()),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.line.push_str(&text.replace('\n', " "), style::CODE);
            }
            Event::InlineHtml(html) if is_line_break(&html) => self.line.push('\n', Style::new()),
            Event::Html(text) | Event::InlineHtml(text) | Event::FootnoteReference(text) => {
                self.line.push_str(&text, self.style());
            }
            Event::SoftBreak => self.line.push(' ', self.style()),
            Event::HardBreak => self.line.push('\n', self.style()),
            Event::TaskListMarker(done) => self.task(done),
            Event::Rule => {
                self.open(place, is_aloof);
                let rule = "─".repeat(self.room());
                self.write_row(&Row::of(&rule, style::DIM));
                self.before.aloof = true;
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, place: usize, is_aloof: bool) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.open(place, false),
            Tag::Heading { level, .. } => {
                self.open(place, self.margins.is_empty());
                self.styles.push(style::heading(level as usize));
            }
            Tag::BlockQuote(_) => {
                self.open(place, false);
                self.indent(None, Row::of("│ ", style::DIM));
                self.is_fresh = true;
            }
            Tag::CodeBlock(kind) => {
                self.open(place, is_aloof);
                self.is_code = true;
                // A fence is set off; text that is indented already was so by its author.
                let fenced = matches!(kind, CodeBlockKind::Fenced(_));
                let indent = if fenced { "  " } else { "    " };
                self.indent(None, Row::of(indent, Style::new()));
            }
            Tag::List(number) => {
                self.end_line();
                let next = self.before.number.take().filter(|_| number.is_some());
                self.lists.push(next.or(number));
            }
            Tag::Item => self.item(place),
            Tag::Table(alignments) => {
                self.open(place, is_aloof);
                self.table = Some(Table::new(alignments));
            }
            Tag::TableHead => {
                self.styles.push(Style::new().bold());
                self.table.iter_mut().for_each(Table::begin_row);
            }
            Tag::TableRow => self.table.iter_mut().for_each(Table::begin_row),
            Tag::Emphasis => self.styles.push(self.style().italic()),
            Tag::Strong => self.styles.push(self.style().bold()),
            Tag::Strikethrough => self.styles.push(self.style().strikethrough()),
            Tag::Link { dest_url, .. } => {
                self.links
                    .push((dest_url.into_string(), self.line.text().len()));
                self.styles.push(self.style().underline());
            }
            Tag::Image { dest_url, .. } => {
                self.links
                    .push((dest_url.into_string(), self.line.text().len()));
                self.styles.push(self.style().italic());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_line(),
            TagEnd::Heading(_) => {
                self.end_line();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.end_line();
                self.margins.pop();
                self.is_fresh = false;
            }
            TagEnd::CodeBlock => {
                if !self.line.is_empty() {
                    self.end_code_line();
                }
                self.is_code = false;
                self.margins.pop();
                self.before.aloof = self.margins.is_empty();
            }
            TagEnd::Item => {
                self.end_line();
                if self
                    .margins
                    .last()
                    .is_some_and(|margin| margin.first.is_some())
                {
                    self.write_row(&Row::default());
                }
                self.margins.pop();
                self.is_fresh = false;
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Table => self.end_table(),
            TagEnd::TableHead => {
                self.styles.pop();
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                self.table
                    .iter_mut()
                    .for_each(|table| table.add_cell(cell.clone()));
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Begins a block: what came before it ends, and a blank row keeps it off, if the text has a
    /// blank line there or one of the two is aloof.
    fn open(&mut self, place: usize, is_aloof: bool) {
        self.end_line();
        let is_outermost = self.margins.is_empty();
        let is_fresh = std::mem::take(&mut self.is_fresh);
        let is_blank = if std::mem::take(&mut self.is_first) {
            self.before.blank
        } else {
            is_blank_before(self.text, place, !is_outermost)
        };
        let is_blank = is_blank && !is_fresh;
        let was_aloof = std::mem::take(&mut self.before.aloof);
        if self.before.any && (is_blank || is_outermost && (is_aloof || was_aloof)) {
            self.write_blank();
        }
        self.before = Before {
            any: true,
            ..Before::default()
        };
    }

    fn item(&mut self, place: usize) {
        self.open(place, false);
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number += 1;
                mark
            }
            _ => style::bullet(self.lists.len()).to_owned(),
        };
        let rest = " ".repeat(mark.chars().count());
        let first = Row::of(&mark, Style::new());
        self.indent(Some(first), Row::of(&rest, Style::new()));
        self.is_fresh = true;
    }

    /// A box to tick stands where the item's mark would.
    fn task(&mut self, done: bool) {
        let mark = if done { "☑ " } else { "☐ " };
        match self.margins.last_mut() {
            Some(Margin {
                first: Some(first), ..
            }) => *first = Row::of(mark, Style::new()),
            _ => self.line.push_str(mark, Style::new()),
        }
    }

    fn code(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' => self.end_code_line(),
                '\t' => {
                    let blanks = 4 - self.line.width() % 4;
                    self.line.push_str(&" ".repeat(blanks), style::CODE);
                }
                c => self.line.push(c, style::CODE),
            }
        }
    }

    fn end_code_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        for row in wrap::hard(&line, self.room()) {
            self.write_row(&row);
        }
    }

    fn end_link(&mut self) {
        self.styles.pop();
        let Some((url, start)) = self.links.pop() else {
            return;
        };
        let text = &self.line.text()[start..];
        if text != url && Some(text) != url.strip_prefix("mailto:") && !url.is_empty() {
            self.line.push_str(&format!(" ({url})"), style::DIM);
        }
    }

    fn end_table(&mut self) {
        if let Some(table) = self.table.take() {
            for row in table.layout(self.room(), self.size.rows) {
                self.write_row(&row);
            }
        }
        self.before.aloof = self.margins.is_empty();
    }

    /// Writes the line that was read, if there is one.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.text().trim().is_empty() {
            return;
        }
        for row in wrap::words(&line.trimmed(), self.room()) {
            self.write_row(&row);
        }
    }

    fn write_row(&mut self, content: &Row) {
        let mut row = Row::default();
        for margin in &mut self.margins {
            row.append(margin.first.take().as_ref().unwrap_or(&margin.rest));
        }
        row.append(content);
        self.rows.push(row.trimmed());
    }

    fn write_blank(&mut self) {
        let mut row = Row::default();
        for margin in &self.margins {
            row.append(&margin.rest);
        }
        self.rows.push(row.trimmed());
    }

    fn indent(&mut self, first: Option<Row>, rest: Row) {
        self.margins.push(Margin { first, rest });
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    /// The columns between the margins.
    fn room(&self) -> usize {
        let margins: usize = self.margins.iter().map(|margin| margin.rest.width()).sum();
        self.size.columns.saturating_sub(margins).max(1)
    }
}

fn is_line_break(html: &str) -> bool {
    matches!(html, "<br>" | "<br/>" | "<br />")
}

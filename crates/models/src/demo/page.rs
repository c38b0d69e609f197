//! A page of the docs, taken apart.

/// A part of a page under one heading.
#[derive(Debug)]
pub(super) struct Section {
    /// The page's file, such as `docs/agents.md`.
    pub(super) page: &'static str,
    /// The page's title.
    pub(super) title: String,
    /// Its heading; before the first one, the page's title.
    pub(super) heading: String,
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Block {
    Prose(String),
    Table(Vec<String>),
    /// With its fences, without the lines that rustdoc hides.
    Code(String),
}

impl Section {
    /// How an answer names it.
    pub(super) fn citation(&self) -> String {
        format!("({}, «{}»)", self.page, self.heading)
    }

    /// Its words, without code.
    pub(super) fn prose(&self) -> String {
        let mut prose = String::new();
        for block in &self.blocks {
            match block {
                Block::Prose(text) => prose.push_str(text),
                Block::Table(rows) => prose.push_str(&rows.join("\n")),
                Block::Code(_) => continue,
            }
            prose.push('\n');
        }
        prose
    }
}

/// Splits a page at its headings.
pub(super) fn sections(page: &'static str, markdown: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut reader = Reader::default();
    let mut title = String::new();
    for line in markdown.lines() {
        match heading(line).filter(|_| reader.code.is_none()) {
            None => reader.line(line),
            Some(heading) => {
                if let Some(section) = sections.last_mut() {
                    section.blocks = reader.take();
                }
                if title.is_empty() {
                    heading.clone_into(&mut title);
                }
                sections.push(Section {
                    page,
                    title: title.clone(),
                    heading: heading.to_owned(),
                    blocks: Vec::new(),
                });
            }
        }
    }
    if let Some(section) = sections.last_mut() {
        section.blocks = reader.take();
    }
    sections.retain(|section| !section.blocks.is_empty());
    sections
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (line.starts_with('#') && text.starts_with(' ')).then_some(text.trim())
}

/// Gathers lines into blocks.
#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    lines: Vec<String>,
    /// The code block that is open, and whether it is Rust.
    code: Option<(String, bool)>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some((code, is_rust)) = &mut self.code {
            let hidden = *is_rust && (line == "#" || line.starts_with("# "));
            if !hidden {
                code.push_str(line);
                code.push('\n');
            }
            if line.starts_with("```") {
                let (code, _) = self.code.take().unwrap_or_default();
                self.blocks.push(Block::Code(tidy(&code)));
            }
        } else if let Some(info) = line.strip_prefix("```") {
            self.end_paragraph();
            let language = info.split(',').next().unwrap_or_default();
            self.code = Some((format!("```{language}\n"), language == "rust"));
        } else if line.trim().is_empty() {
            self.end_paragraph();
        } else {
            self.lines.push(line.to_owned());
        }
    }

    fn end_paragraph(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let Some(first) = lines.first() else { return };
        self.blocks.push(if first.starts_with('|') {
            Block::Table(lines.iter().map(|row| plain_links(row)).collect())
        } else {
            Block::Prose(plain_links(&join(&lines)))
        });
    }

    fn take(&mut self) -> Vec<Block> {
        self.end_paragraph();
        std::mem::take(&mut self.blocks)
    }
}

/// Takes out the blank lines that hidden ones leave at a code block's edges.
fn tidy(code: &str) -> String {
    let code = code.replacen("\n\n", "\n", usize::from(code.contains("```rust\n\n")));
    code.replace("\n\n```", "\n```").trim_end().to_owned()
}

/// Joins the lines of a paragraph; the items of a list stay on lines of their own.
fn join(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let line = line.trim_start();
        let is_item = line.starts_with("- ")
            || line
                .split_once(". ")
                .is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        if !text.is_empty() {
            text.push(if is_item { '\n' } else { ' ' });
        }
        text.push_str(line);
    }
    text
}

/// `[errors](errors.md)` becomes `errors (docs/errors.md)`: there is nothing to click on.
fn plain_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((label, target, before, after)) = next_link(rest) {
        plain.push_str(before);
        plain.push_str(label);
        if target.ends_with(".md") {
            plain.push_str(&format!(" (docs/{target})"));
        }
        rest = after;
    }
    plain + rest
}

fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let open = text[..middle].rfind('[')?;
    let close = middle + text[middle..].find(')')?;
    let label = &text[open + 1..middle];
    let target = &text[middle + 2..close];
    Some((label, target, &text[..open], &text[close + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Birds\n\nAbout\nthem.\n\n## Jays\n\nSee [eggs](eggs.md) and `x[0]`.\n\n\
        - one\n  more\n- two\n\n```rust,no_run\n# hidden\n\n# fn main() {\nlet x = 1;\n# }\n```\n\n\
        | a |\n|---|\n| 1 |\n\n## Empty\n";

    #[test]
    fn a_page_falls_into_sections_of_blocks() {
        let sections = sections("docs/birds.md", PAGE);
        let [intro, jays] = &sections[..] else {
            panic!("two sections: {sections:?}")
        };
        assert_eq!(intro.blocks, [Block::Prose("About them.".to_owned())]);
        assert_eq!(jays.citation(), "(docs/birds.md, «Jays»)");
        assert_eq!(jays.title, "Birds");
        assert_eq!(
            jays.blocks,
            [
                Block::Prose("See eggs (docs/eggs.md) and `x[0]`.".to_owned()),
                Block::Prose("- one more\n- two".to_owned()),
                Block::Code("```rust\nlet x = 1;\n```".to_owned()),
                Block::Table(vec!["| a |".into(), "|---|".into(), "| 1 |".into()]),
            ]
        );
    }
}

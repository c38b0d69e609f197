//! What a text that isn't complete leaves open.
//!
//! This decides on nothing but the look of the live block: what it guesses wrong is put right by the
//! next pieces of the text.

use std::borrow::Cow;

use super::fence;

/// The text as it looks best for now: emphasis, code and links that were begun are closed, and what
/// may yet turn out to be a mark isn't shown.
pub(super) fn heal(text: &str) -> Cow<'_, str> {
    let (settled, line) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    if open_fence(settled).is_some() {
        let is_end = !line.is_empty() && line.trim().chars().all(|c| matches!(c, '`' | '~'));
        return if is_end { settled } else { text }.into();
    }
    let shown = if is_undecided(line) { settled } else { text };
    let shown = without_table_head(shown);
    if shown.len() < text.len() || line.trim_start().starts_with("```") {
        return shown.into();
    }
    closed(shown)
}

/// Whether a line that has just begun may become a heading, an item, a rule, a fence, or an
/// underline that makes a heading of the line before.
fn is_undecided(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '>']).trim_end();
    let is_run = |marks: &str| line.chars().all(|c| marks.contains(c));
    ["#", "-*+_ ", "=", "`", "~"]
        .iter()
        .any(|marks| is_run(marks))
}

/// The mark of the code block that is open at the end of whole lines.
fn open_fence(text: &str) -> Option<&str> {
    let mut open: Option<&str> = None;
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '>']);
        match open {
            Some(mark) => {
                if line.starts_with(mark) && line.trim_matches([' ', '`', '~']).is_empty() {
                    open = None;
                }
            }
            None => open = fence(line).or_else(|| fence(without_item(line))),
        }
    }
    open
}

/// A line without the mark of a list's item.
fn without_item(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(['-', '*', '+', '.', ')']) {
        Some(rest) => rest.trim_start(),
        None => line,
    }
}

/// Leaves out the head of a table until the line below it shows that it is one.
fn without_table_head(text: &str) -> &str {
    let is_row = |line: &str| line.trim_start_matches([' ', '>']).starts_with('|');
    let mut start = text.len();
    let mut lines = 0;
    for line in text
        .split_inclusive('\n')
        .rev()
        .take_while(|line| is_row(line))
    {
        start -= line.len();
        lines += 1;
    }
    let table = &text[start..];
    let is_rule = |line: &str| line.chars().all(|c| "|-: >".contains(c));
    let undecided = match table.split_once('\n') {
        None => lines == 1,
        Some((_, rule)) => rule.is_empty() || lines == 2 && !rule.ends_with('\n') && is_rule(rule),
    };
    if undecided { &text[..start] } else { text }
}

/// Closes what the last paragraph leaves open.
fn closed(text: &str) -> Cow<'_, str> {
    let start = last_paragraph(text);
    let shown = text.trim_end();
    let Some(paragraph) = shown.get(start..) else {
        return text.into();
    };
    let Open { marks, end } = open_marks(paragraph);
    let is_link = is_open_link(paragraph);
    if marks.is_empty() && end == paragraph.len() && !is_link {
        return text.into();
    }
    let mut closed = shown[..start + end].trim_end().to_owned();
    if is_link {
        closed.push(')');
    }
    closed.extend(marks.iter().rev().copied());
    closed.into()
}

/// Where the last paragraph, item, heading or row begins.
fn last_paragraph(text: &str) -> usize {
    let mut start = 0;
    let mut place = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '>']);
        let is_item = without_item(content) != content;
        if is_item || content.starts_with(['#', '|']) || content.trim().is_empty() {
            start = place;
        }
        place += line.len();
    }
    start
}

/// What a paragraph leaves open.
struct Open<'a> {
    /// The marks that have no end yet.
    marks: Vec<&'a str>,
    /// Where it ends without a mark that has only begun.
    end: usize,
}

fn open_marks(text: &str) -> Open<'_> {
    let mut marks: Vec<&str> = Vec::new();
    let mut place = 0;
    while let Some(c) = text[place..].chars().next() {
        let rest = &text[place..];
        match c {
            '\\' => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                place += 1 + escaped;
            }
            '`' => {
                let run = run(rest);
                let code = &rest[run.len()..];
                match code.find(run) {
                    Some(end) => place += 2 * run.len() + end,
                    None if code.trim().is_empty() => return Open { marks, end: place },
                    None => {
                        marks.push(run);
                        break;
                    }
                }
            }
            '*' | '_' | '~' => {
                let run = run(rest);
                let after = rest[run.len()..].chars().next();
                let before = text[..place].chars().next_back();
                if !take_run(&mut marks, run, before, after) {
                    return Open { marks, end: place };
                }
                place += run.len();
            }
            _ => place += c.len_utf8(),
        }
    }
    Open {
        marks,
        end: text.len(),
    }
}

/// Opens or closes emphasis; false, if the run stands at the end and may yet grow into a mark.
fn take_run<'a>(
    marks: &mut Vec<&'a str>,
    run: &'a str,
    before: Option<char>,
    after: Option<char>,
) -> bool {
    let is_space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    if !is_space(before) && marks.last() == Some(&run) {
        marks.pop();
        return true;
    }
    if after.is_none() {
        return false;
    }
    let is_inside_of_word = run.starts_with('_') && is_word(before);
    if !is_space(after) && !is_inside_of_word && run.len() <= 3 && run != "~" {
        marks.push(run);
    }
    true
}

fn run(text: &str) -> &str {
    let mark = text.chars().next().unwrap_or_default();
    &text[..text.len() - text.trim_start_matches(mark).len()]
}

/// Whether it ends within the address of a link.
fn is_open_link(text: &str) -> bool {
    let Some((before, address)) = text.rsplit_once("](") else {
        return false;
    };
    before.contains('[') && !address.contains([')', ' ', '\n', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_closed() {
        for (text, healed) in [
            ("a **jay", "a **jay**"),
            ("a **jay*", "a **jay**"),
            ("a **", "a"),
            ("a *jay and **its", "a *jay and **its***"),
            ("`let x", "`let x`"),
            ("see `", "see"),
            ("[docs](https://exam", "[docs](https://exam)"),
            ("**[docs](ht", "**[docs](ht)**"),
            ("~~no", "~~no~~"),
            ("done **jay**", "done **jay**"),
            ("snake_case", "snake_case"),
            ("2 * 3", "2 * 3"),
            ("`**` is", "`**` is"),
            (r"\*no", r"\*no"),
            ("- **a**\n- *b", "- **a**\n- *b*"),
        ] {
            assert_eq!(heal(text), healed, "{text:?}");
        }
    }

    #[test]
    fn what_may_become_a_mark_is_not_shown() {
        for (text, healed) in [
            ("jay\n-", "jay\n"),
            ("jay\n==", "jay\n"),
            ("##", ""),
            ("jay\n``", "jay\n"),
            ("> -", ""),
            ("| a | b", ""),
            ("| a | b |\n|--", ""),
            ("| a | b |\n|---|---|\n| x", "| a | b |\n|---|---|\n| x"),
            ("```\ncode\n``", "```\ncode\n"),
            ("```\n**code", "```\n**code"),
            ("1. a\n   ```\n   *x", "1. a\n   ```\n   *x"),
            ("```\nx\n```\n*a", "```\nx\n```\n*a*"),
        ] {
            assert_eq!(heal(text), healed, "{text:?}");
        }
    }
}

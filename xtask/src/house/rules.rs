//! The rules themselves: each looks at one file.

use std::ops::Range;

use super::items::{functions, item_end, line, test_spans, words};
use super::mask::Masked;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 60;

/// One place that breaks a rule.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) message: String,
}

pub(super) type Rule = fn(&Masked) -> Vec<Finding>;

fn finding(line: usize, message: impl Into<String>) -> Finding {
    Finding {
        line,
        message: message.into(),
    }
}

/// A file that does not fit in a head. Its tests do not count.
pub(super) fn long_file(source: &Masked) -> Vec<Finding> {
    let spans = test_spans(&source.code);
    let in_tests: usize = spans.iter().map(|span| height(&source.code, span)).sum();
    let lines = source.code.lines().count() - in_tests;
    let message = format!("{lines} lines without tests, {FILE_LINES} allowed: split by idea");
    (lines > FILE_LINES)
        .then(|| finding(1, message))
        .into_iter()
        .collect()
}

/// A function that does not fit on a screen.
pub(super) fn long_functions(source: &Masked) -> Vec<Finding> {
    let outside = outside_tests(&source.code);
    let functions = functions(&source.code).into_iter();
    functions
        .filter(|function| outside(function.span.start))
        .filter_map(|function| {
            let lines = height(&source.code, &function.span);
            let start = line(&source.code, function.span.start);
            let message = format!(
                "fn {} has {lines} lines, {FUNCTION_LINES} allowed",
                function.name
            );
            (lines > FUNCTION_LINES).then(|| finding(start, message))
        })
        .collect()
}

/// Tasks nobody waits for and queues without an end, unless a comment says why.
pub(super) fn unexplained(source: &Masked) -> Vec<Finding> {
    let outside = outside_tests(&source.code);
    let comments: Vec<&str> = source.comments.lines().collect();
    let code: Vec<&str> = source.code.lines().collect();
    let mut findings = Vec::new();
    for (call, word) in [
        ("tokio::spawn", "spawn:"),
        ("task::spawn", "spawn:"),
        ("unbounded_channel", "unbounded:"),
        ("mpsc::unbounded", "unbounded:"),
    ] {
        for at in words(&source.code, call).filter(|&at| outside(at)) {
            let rest = &source.code[at + call.len()..];
            let line = line(&source.code, at);
            let is_call = rest.starts_with('(') || rest.starts_with("::<");
            if is_call && !comment_above(&code, &comments, line).any(|text| text.contains(word)) {
                findings.push(finding(
                    line,
                    format!("{call} without a `// {word} why` above"),
                ));
            }
        }
    }
    findings
}

/// The comment on `line` and the lines of comment directly above it.
fn comment_above<'a>(
    code: &'a [&str],
    comments: &'a [&str],
    line: usize,
) -> impl Iterator<Item = &'a str> {
    let above = (0..line - 1).rev();
    let block = above.take_while(|&i| code[i].trim().is_empty() && !comments[i].trim().is_empty());
    std::iter::once(line - 1).chain(block).map(|i| comments[i])
}

/// What was to be done before anybody saw it.
pub(super) fn leftovers(source: &Masked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for marker in ["todo!(", "#[ignore"] {
        for (at, _) in source.code.match_indices(marker) {
            let message = format!("{marker} left behind");
            findings.push(finding(line(&source.code, at), message));
        }
    }
    for marker in ["FIXME", "XXX"] {
        for view in [&source.code, &source.comments] {
            let found = words(view, marker);
            findings
                .extend(found.map(|at| finding(line(view, at), format!("{marker} left behind"))));
        }
    }
    findings
}

/// Names of places on somebody's machine.
pub(super) fn machine_paths(text: &str) -> Vec<Finding> {
    // Put together here, or this file would break its own rule.
    let places = ["work", "root", "home"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for (index, content) in text.lines().enumerate() {
        for place in &places {
            let mut found = content.match_indices(place.as_str());
            if found.any(|(at, _)| starts_path(&content[..at])) {
                findings.push(finding(
                    index + 1,
                    format!("a path of one machine: {place}"),
                ));
            }
        }
    }
    findings
}

/// True unless what stands before makes it the middle of a longer path or address.
fn starts_path(before: &str) -> bool {
    let last = before.chars().next_back();
    !last.is_some_and(|c| c.is_alphanumeric() || "_-.~}>$*".contains(c))
}

/// `anyhow` is for programs: a library's errors can be told apart.
pub(super) fn public_anyhow(source: &Masked) -> Vec<Finding> {
    let code = source.code.as_str();
    let outside = outside_tests(code);
    let mut findings = Vec::new();
    for at in words(code, "pub").filter(|&at| outside(at)) {
        let end = item_end(code, at);
        let item = &code[at..end];
        let body = if is_function(item) {
            item.find('{')
        } else {
            None
        };
        let visible = &item[..body.unwrap_or(item.len())];
        let public = !visible.starts_with("pub(") && !is_module(visible);
        if let Some(offset) = words(visible, "anyhow").next().filter(|_| public) {
            findings.push(finding(
                line(code, at + offset),
                "anyhow in what a library shows",
            ));
        }
    }
    findings
}

fn is_function(item: &str) -> bool {
    let head = item.split(['(', '{', ';']).next().unwrap_or_default();
    words(head, "fn").next().is_some()
}

/// What is in a module is looked at by itself.
fn is_module(item: &str) -> bool {
    item.split_whitespace().nth(1) == Some("mod")
}

fn outside_tests(code: &str) -> impl Fn(usize) -> bool + use<> {
    let spans = test_spans(code);
    move |at| !spans.iter().any(|span| span.contains(&at))
}

/// How many lines `span` touches.
fn height(code: &str, span: &Range<usize>) -> usize {
    line(code, span.end) - line(code, span.start) + 1
}

#[cfg(test)]
mod tests;

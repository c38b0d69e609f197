//! Finds functions and tests in masked code by counting braces.

use std::ops::Range;

/// A function with a body.
#[derive(Debug, PartialEq)]
pub(super) struct Function {
    pub(super) name: String,
    /// Offsets into the code, from `fn` to the closing brace.
    pub(super) span: Range<usize>,
}

/// The functions in `code`, nested ones as well.
pub(super) fn functions(code: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for at in words(code, "fn") {
        let after = code[at + 2..].trim_start();
        let name = after
            .split(|c: char| !is_word(c))
            .next()
            .unwrap_or_default();
        let end = item_end(code, at);
        // Without a name it is a pointer type, without a brace a declaration.
        if !name.is_empty() && code[..end].ends_with('}') {
            functions.push(Function {
                name: name.to_owned(),
                span: at..end,
            });
        }
    }
    functions
}

/// The items that exist only for tests, from their attribute to their end.
pub(super) fn test_spans(code: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[") {
        let attribute = &code[at + 2..];
        let attribute = &attribute[..attribute.find(']').unwrap_or(attribute.len())];
        let inside = spans.last().is_some_and(|span| span.contains(&at));
        if !inside && is_test_attribute(attribute) {
            spans.push(at..item_end(code, at));
        }
    }
    spans
}

fn is_test_attribute(attribute: &str) -> bool {
    let path = attribute.split('(').next().unwrap_or_default();
    match path.trim() {
        "cfg" => words(attribute, "test").next().is_some() && !attribute.contains("not(test"),
        path => path == "test" || path.ends_with("::test"),
    }
}

/// Where the item that starts at `from` ends: after its braces, or at its semicolon.
pub(super) fn item_end(code: &str, from: usize) -> usize {
    // Braces and semicolons within parentheses and brackets belong to types.
    let mut nested = 0usize;
    let mut braces = 0usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' if nested == 0 => braces += 1,
            b'}' if nested == 0 => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return offset + 1;
                }
            }
            b'(' | b'[' if braces == 0 => nested += 1,
            b')' | b']' if braces == 0 => nested = nested.saturating_sub(1),
            b';' if nested == 0 && braces == 0 => return offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Where `word` stands in `code` as a word of its own.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let found = code.match_indices(word).map(|(at, _)| at);
    found.filter(move |&at| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The line, counted from one, that `offset` is on.
pub(super) fn line(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<(String, usize, usize)> {
        let functions = functions(code).into_iter();
        functions
            .map(|f| (f.name, line(code, f.span.start), line(code, f.span.end)))
            .collect()
    }

    #[test]
    fn functions_have_names_and_ends() {
        let code = "async fn a(x: [u8; 2]) -> [u8; { 3 }]\nwhere\n    T: U,\n{\n    if b {}\n}\n\
                    trait T {\n    fn declared(&self);\n    fn c() {\n    }\n}\ntype P = fn(u8);\n";
        assert_eq!(found(code), [("a".into(), 1, 6), ("c".into(), 9, 10)]);
    }

    #[test]
    fn nested_functions_are_found() {
        let code = "fn outer() {\n    fn inner() {\n    }\n}\n";
        assert_eq!(
            found(code),
            [("outer".into(), 1, 4), ("inner".into(), 2, 3)]
        );
    }

    #[test]
    fn tests_reach_to_the_end_of_their_item() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {}\n}\n\
                    #[cfg(not(test))]\nfn c() {}\n#[tokio::test(start_paused)]\nasync fn d() {\n}\n\
                    #[cfg(all(test, unix))]\nmod more;\nfn e() {}\n";
        let spans: Vec<(usize, usize)> = test_spans(code)
            .iter()
            .map(|span| (line(code, span.start), line(code, span.end)))
            .collect();
        assert_eq!(spans, [(2, 6), (9, 11), (12, 13)]);
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("fn fnord r_fn fn", "fn").collect::<Vec<_>>(), [0, 14]);
    }
}

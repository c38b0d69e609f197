//! Tells code from comments and strings, without a parser.

/// A Rust file seen twice. Both views have the offsets and lines of the file; what
/// does not belong to a view is blank in it. The insides of strings are in neither.
pub(super) struct Masked {
    pub(super) code: String,
    pub(super) comments: String,
}

impl Masked {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        // Only whole tokens are copied, so both views stay valid UTF-8.
        let blank: Vec<u8> = bytes
            .iter()
            .map(|&byte| if byte == b'\n' { b'\n' } else { b' ' })
            .collect();
        let (mut code, mut comments) = (blank.clone(), blank);
        let mut at = 0;
        while at < bytes.len() {
            let (end, view) = match token(bytes, at) {
                Token::Comment(end) => (end, Some(&mut comments)),
                Token::Literal(end) => (end, None),
                Token::Code => (at + 1, Some(&mut code)),
            };
            if let Some(view) = view {
                view[at..end].copy_from_slice(&bytes[at..end]);
            }
            at = end;
        }
        let view = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: view(code),
            comments: view(comments),
        }
    }
}

/// What starts at a place, and where that ends.
enum Token {
    Comment(usize),
    Literal(usize),
    Code,
}

fn token(bytes: &[u8], at: usize) -> Token {
    let rest = &bytes[at..];
    match rest {
        [b'/', b'/', ..] => Token::Comment(at + until(rest, b'\n')),
        [b'/', b'*', ..] => Token::Comment(at + block_comment(rest)),
        [b'"', ..] => Token::Literal(at + quoted(rest, b'"')),
        [b'r', ..] if starts_word(bytes, at) => match raw_string(rest) {
            Some(length) => Token::Literal(at + length),
            None => Token::Code,
        },
        [b'\'', ..] if is_char(rest) => Token::Literal(at + quoted(rest, b'\'')),
        _ => Token::Code,
    }
}

fn until(rest: &[u8], end: u8) -> usize {
    rest.iter()
        .position(|&byte| byte == end)
        .unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a literal whose quote may be escaped inside.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of `r"..."`, `r#"..."#` and so on; `None` for `r#raw_name` and others.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = 1 + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let body = &rest[open + 1..];
    let length = body.windows(close.len()).position(|window| window == close);
    Some(length.map_or(rest.len(), |length| open + 1 + length + close.len()))
}

/// `'a'` and `'\n'`, but not the lifetime `'a`.
fn is_char(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        // One character of any width, then the quote.
        Some(_) => rest[2..].iter().find(|&&byte| byte & 0xC0 != 0x80) == Some(&b'\''),
        None => false,
    }
}

/// True unless the byte before belongs to the same word; `br""` and `cr""` are words.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    match bytes[..at] {
        [.., before, b'b' | b'c'] => !is_word(&before),
        [b'b' | b'c'] => true,
        [.., ref before] => !is_word(before),
        [] => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Masked::new(text).code
    }

    #[test]
    fn comments_are_told_from_code() {
        let masked = Masked::new("a(); // é {\n/* x /* y */ z */ b();");
        assert_eq!(masked.code.replace(' ', ""), "a();\nb();");
        assert!(masked.comments.contains("// é {\n/* x /* y */ z */"));
        assert!(!masked.comments.contains("b()"));
    }

    #[test]
    fn strings_are_blank_in_both() {
        assert_eq!(code(r#"f("{ // \" {", 1)"#).replace(' ', ""), "f(,1)");
        assert_eq!(
            code(r##"f(r#"{ " }"#, br"\", cr"}")"##).replace(' ', ""),
            "f(,b,c)"
        );
        assert_eq!(code("r#type + far"), "r#type + far");
        assert_eq!(code("\"open {"), "       ");
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        assert_eq!(
            code(r"['{', '\'', 'é', '\u{7d}']").replace(' ', ""),
            "[,,,]"
        );
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    }

    #[test]
    fn lines_stay() {
        let text = "a\n\"b\nc\" // d\n/*\n*/ e\n";
        let masked = Masked::new(text);
        assert_eq!(masked.code.len(), text.len());
        assert_eq!(masked.code.lines().count(), text.lines().count());
        assert_eq!(masked.comments.lines().count(), text.lines().count());
    }
}

use std::ops::Range;

/// Finds the texts of members, `"key": "text"`, in JSON or in what has JSON in it.
///
/// A key, and where its text stands, without the quotes and with its escapes. A line feed ends
/// whatever looks like a string: then it was none.
pub(super) fn members(bytes: &[u8]) -> Vec<(&[u8], Range<usize>)> {
    let mut members = Vec::new();
    let mut at = 0;
    while let Some(key) = string(bytes, &mut at) {
        let mut next = skip_spaces(bytes, at);
        if bytes.get(next) != Some(&b':') {
            continue;
        }
        next = skip_spaces(bytes, next + 1);
        if bytes.get(next) != Some(&b'"') {
            continue;
        }
        at = next;
        if let Some(text) = string(bytes, &mut at) {
            members.push((&bytes[key], text));
        }
    }
    members
}

/// Finds the next string; `at` is after its quote then.
fn string(bytes: &[u8], at: &mut usize) -> Option<Range<usize>> {
    loop {
        let start = *at + memchr::memchr(b'"', bytes.get(*at..)?)? + 1;
        let mut end = start;
        loop {
            match bytes.get(end) {
                None => return None,
                Some(b'"') => {
                    *at = end + 1;
                    return Some(start..end);
                }
                Some(b'\n') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        *at = end;
    }
}

fn skip_spaces(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_frames_too() {
        let body = b"data: {\"a\" : \"x\\\"y\", \"b\":1,\"c\":[\"d\"],\"e\":{\"f\":\"\"}}\n\n\
            : a \"quote\ndata: {\"g\":\"z\"}\n";
        let found: Vec<(&str, &str)> = members(body)
            .into_iter()
            .map(|(key, text)| {
                (
                    str::from_utf8(key).unwrap(),
                    str::from_utf8(&body[text]).unwrap(),
                )
            })
            .collect();
        assert_eq!(found, [("a", "x\\\"y"), ("f", ""), ("g", "z")]);
    }
}

use std::ops::Range;

/// How keys and the ids of accounts begin, and how long the rest is at least.
const BEGINNINGS: [(&str, usize); 17] = [
    ("sk-", 16),
    ("sk_", 16),
    ("csk-", 16),
    ("gsk_", 16),
    ("hf_", 16),
    ("xai-", 16),
    ("pplx-", 16),
    ("nvapi-", 16),
    ("r8_", 16),
    ("tgp_", 16),
    ("AIza", 20),
    ("AKIA", 12),
    ("ghp_", 16),
    ("eyJ", 30),
    ("org-", 16),
    ("proj_", 16),
    ("Bearer ", 16),
];

/// Finds what looks like a key, or like the id of an organisation or a project.
pub(super) fn find(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (beginning, least) in BEGINNINGS {
        for start in memchr::memmem::find_iter(bytes, beginning) {
            let is_inside = start > 0 && bytes[start - 1].is_ascii_alphanumeric();
            let rest = &bytes[start + beginning.len()..];
            let length = rest.iter().take_while(|byte| is_of_key(**byte)).count();
            let has_digit = rest[..length].iter().any(u8::is_ascii_digit);
            if !is_inside && length >= least && has_digit {
                found.push(start..start + beginning.len() + length);
            }
        }
    }
    found
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_beginning() {
        let found = |text: &str| -> Vec<String> {
            let ranges = find(text.as_bytes()).into_iter();
            ranges.map(|range| text[range].to_owned()).collect()
        };
        let key = "sk-proj-abcdefghijkl0123";
        assert_eq!(found(&format!("Wrong key {key}, sorry")), [key]);
        assert_eq!(found("org-a1b2c3d4e5f6a7b8c9"), ["org-a1b2c3d4e5f6a7b8c9"]);
        assert!(
            found("task-abcdefghijklm0123456").is_empty(),
            "inside of a word"
        );
        assert!(found("org-chart-of-the-company").is_empty(), "no digit");
        assert!(found("sk-short1").is_empty());
    }
}

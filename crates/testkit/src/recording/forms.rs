/// The forms in which a secret may stand in a message: as it is, escaped, encoded.
///
/// What is too short would be found by chance: an encoding of less than eight bytes is left out.
pub(super) fn forms(secret: &str) -> Vec<Vec<u8>> {
    const LEAST: usize = 8;
    let mut forms = vec![secret.as_bytes().to_vec()];
    let json = serde_json::Value::from(secret).to_string();
    forms.push(json.as_bytes()[1..json.len() - 1].to_vec());
    for upper in [true, false] {
        forms.push(percent(secret, upper).into_bytes());
    }
    let mut encoded = vec![hex(secret, false), hex(secret, true)];
    for before in 0..3 {
        let standard = base64_inside(secret.as_bytes(), before);
        encoded.push(standard.replace('+', "-").replace('/', "_"));
        encoded.push(standard);
    }
    encoded.retain(|form| form.len() >= LEAST);
    forms.extend(encoded.into_iter().map(String::into_bytes));
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn hex(text: &str, upper: bool) -> String {
    let bytes = text.bytes();
    bytes
        .map(|byte| {
            if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            }
        })
        .collect()
}

fn percent(text: &str, upper: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ if upper => encoded.push_str(&format!("%{byte:02X}")),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

/// The characters of base64 that depend on these bytes alone, if `before` bytes, modulo three,
/// stand before them.
fn base64_inside(bytes: &[u8], before: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = [&[0; 2][..before], bytes].concat();
    let bit = |at: usize| padded[at / 8] >> (7 - at % 8) & 1;
    let first = (before * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    (first..end)
        .map(|place| {
            let bits = (place * 6..place * 6 + 6).map(bit);
            let index = bits.fold(0, |index, bit| index << 1 | usize::from(bit));
            char::from(ALPHABET[index])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_wherever_it_begins() {
        // `a:sesame-seed`, `ab:sesame-seed`, `abc:sesame-seed` in base64.
        for (encoded, before) in [
            ("YTpzZXNhbWUtc2VlZA==", 2),
            ("YWI6c2VzYW1lLXNlZWQ=", 0),
            ("YWJjOnNlc2FtZS1zZWVk", 1),
        ] {
            let inside = base64_inside(b"sesame-seed", before);
            assert!(inside.len() >= 13, "{inside}");
            assert!(encoded.contains(&inside), "{inside}");
        }
    }

    #[test]
    fn a_secret_has_its_escaped_forms() {
        let forms = forms("p\"ss/wörd");
        for form in [
            "p\"ss/wörd",
            "p\\\"ss/wörd",
            "p%22ss%2Fw%C3%B6rd",
            "p%22ss%2fw%c3%b6rd",
        ] {
            assert!(forms.contains(&form.as_bytes().to_vec()), "{form}");
        }
        assert!(
            !super::forms("abc").contains(&b"YWJj".to_vec()),
            "too short"
        );
    }
}

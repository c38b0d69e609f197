//! A short cut for frames that differ in nothing but their text.

use memchr::{memmem, memrchr};

/// The bytes around the text of the last frame that was parsed.
///
/// The frames of one answer are mostly alike to the byte: id, model, time, all but the text. A frame
/// with the same bytes before and after, and between them a plain piece of a JSON string, is the
/// same JSON with another text; so it needn't be parsed. Everything else is.
///
/// OpenAI adds a field of random characters to each frame, so that their sizes don't tell what is
/// said. Its value may differ, too.
#[derive(Debug, Default)]
pub(super) struct Template {
    head: Vec<u8>,
    /// From the text to the padding, where there is some.
    middle: Option<Vec<u8>>,
    tail: Vec<u8>,
    /// How many frames in a row weren't like it.
    misses: u32,
}

/// After so many frames that weren't alike, only one in so many is still learnt from.
const PATIENCE: u32 = 8;
const SELDOM: u32 = 32;

/// The field that holds the padding; nobody reads it.
const PADDING: &[u8] = br#""obfuscation":""#;

impl Template {
    /// The text of a frame that is like the last one.
    pub(super) fn text<'a>(&mut self, frame: &'a [u8]) -> Option<&'a str> {
        let text = self.find(frame);
        self.misses = if text.is_some() {
            0
        } else {
            self.misses.wrapping_add(1)
        };
        text
    }

    fn find<'a>(&self, frame: &'a [u8]) -> Option<&'a str> {
        if self.head.is_empty() {
            return None;
        }
        let mut text = frame.strip_prefix(&*self.head)?.strip_suffix(&*self.tail)?;
        if let Some(middle) = &self.middle {
            let (before, padding) = text.split_at(memrchr(b'"', text)? + 1);
            if !is_padding(padding) {
                return None;
            }
            text = before.strip_suffix(&**middle)?;
        }
        if text
            .iter()
            .any(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))
        {
            return None;
        }
        std::str::from_utf8(text).ok()
    }

    /// Takes a frame that said nothing but this text, which is a part of it.
    ///
    /// A text that isn't (because it had escapes) teaches nothing.
    pub(super) fn learn(&mut self, frame: &[u8], text: &str) {
        if self.misses > PATIENCE && !self.misses.is_multiple_of(SELDOM) {
            return;
        }
        let Some(start) = text.as_ptr().addr().checked_sub(frame.as_ptr().addr()) else {
            return;
        };
        let end = start + text.len();
        if frame.get(start..end) != Some(text.as_bytes()) {
            return;
        }
        if start == 0 || frame[start - 1] != b'"' || frame.get(end) != Some(&b'"') {
            return;
        }
        replace(&mut self.head, &frame[..start]);
        let rest = &frame[end..];
        match padding_in(rest) {
            Some((middle, tail)) => {
                replace(self.middle.get_or_insert_default(), middle);
                replace(&mut self.tail, tail);
            }
            None => {
                self.middle = None;
                replace(&mut self.tail, rest);
            }
        }
    }
}

/// What is before the padding, and what is after it.
fn padding_in(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    // The whole is JSON, so that this is a key with its colon, and no part of a string.
    let start = memmem::find(rest, PADDING)? + PADDING.len();
    let length = rest[start..].iter().position(|byte| *byte == b'"')?;
    is_padding(&rest[start..start + length]).then(|| (&rest[..start], &rest[start + length..]))
}

/// Whether it is the inside of a JSON string, without anything special.
fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_alphanumeric)
}

fn replace(old: &mut Vec<u8>, new: &[u8]) {
    old.clear();
    old.extend_from_slice(new);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn learned(frame: &str, text: &str) -> Template {
        let mut template = Template::default();
        let at = frame.find(text).unwrap();
        template.learn(frame.as_bytes(), &frame[at..at + text.len()]);
        template
    }

    #[test]
    fn only_the_text_may_differ() {
        let mut template = learned(r#"{"id":1,"content":"abc","x":null}"#, "abc");
        assert_eq!(
            template.text(r#"{"id":1,"content":"d é","x":null}"#.as_bytes()),
            Some("d é")
        );
        assert_eq!(
            template.text(br#"{"id":1,"content":"","x":null}"#),
            Some("")
        );
        for other in [
            r#"{"id":2,"content":"d","x":null}"#,
            r#"{"id":1,"content":"d","x":1}"#,
            r#"{"id":1,"content":"d\n","x":null}"#,
            r#"{"id":1,"content":"d","content":"e","x":null}"#,
            "{\"id\":1,\"content\":\"d\n\",\"x\":null}",
            r#"{"id":1,"content":"#,
            r#"","x":null}"#,
        ] {
            assert_eq!(template.text(other.as_bytes()), None, "{other}");
        }
        assert_eq!(
            template.text(b"{\"id\":1,\"content\":\"\xff\",\"x\":null}"),
            None
        );
    }

    #[test]
    fn padding_may_differ_too() {
        let mut template = learned(r#"{"content":"abc","x":null,"obfuscation":"qW3"}"#, "abc");
        for (frame, text) in [
            (
                r#"{"content":"d é","x":null,"obfuscation":"A1b2C3d4"}"#,
                Some("d é"),
            ),
            (r#"{"content":"","x":null,"obfuscation":""}"#, Some("")),
            (r#"{"content":"d","x":null,"obfuscation":"a\n"}"#, None),
            (r#"{"content":"d","x":null,"obfuscation":"a","x":""}"#, None),
            (r#"{"content":"d","x":1,"obfuscation":"a"}"#, None),
            (r#"{"content":"d","x":null,"obfuscation":1}"#, None),
            (r#"{"content":"d","x":null}"#, None),
            (r#"{"content":"d\"","x":null,"obfuscation":"a"}"#, None),
        ] {
            assert_eq!(template.text(frame.as_bytes()), text, "{frame}");
        }
        // A later frame without it teaches anew.
        let frame = r#"{"content":"abc"}"#;
        template.learn(frame.as_bytes(), &frame[12..15]);
        assert_eq!(template.text(br#"{"content":"d"}"#), Some("d"));
    }

    #[test]
    fn frames_that_are_never_alike_are_learnt_from_seldom_and_alike_ones_again() {
        let frame = |n: u32| format!(r#"{{"n":{n},"content":"abc"}}"#);
        let mut template = Template::default();
        let mut learn = |n: u32| {
            let frame = frame(n);
            let known = template.text(frame.as_bytes()).is_some();
            let at = frame.len() - 5;
            template.learn(frame.as_bytes(), &frame[at..at + 3]);
            known
        };
        assert!((0..1000).all(|n| !learn(n)));
        let until_known = (0..).position(|_| learn(7)).unwrap();
        assert!(
            (1..=SELDOM as usize).contains(&until_known),
            "{until_known}"
        );
    }

    #[test]
    fn a_text_from_elsewhere_teaches_nothing() {
        let mut template = Template::default();
        template.learn(br#"{"content":"abc"}"#, &String::from("abc"));
        assert_eq!(template.text(br#"{"content":"abc"}"#), None);
    }

    proptest! {
        #[test]
        fn what_it_reads_a_parser_reads_too(text in "\\PC*", other in "\\PC*") {
            let plain = |text: &str| serde_json::json!({"a": 1, "t": text}).to_string();
            let padded = |text: &str| {
                let t = serde_json::to_string(text).unwrap();
                format!(r#"{{"t":{t},"obfuscation":"{}"}}"#, text.len() * 7919)
            };
            for frame in [plain(&text), padded(&text), plain(&other), padded(&other)] {
                let is_padded = frame.contains("obfuscation\":\"");
                let first = if is_padded { padded("seed") } else { plain("seed") };
                let mut template = learned(&first, "seed");
                let text = serde_json::from_str::<serde_json::Value>(&frame).unwrap()["t"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                if let Some(read) = template.text(frame.as_bytes()) {
                    prop_assert_eq!(read, text);
                } else {
                    prop_assert!(text.contains(['"', '\\']));
                }
            }
        }
    }
}

//! A short cut for frames that differ in nothing but their text.

/// The bytes around the text of the last frame that was parsed.
///
/// The frames of one answer are mostly alike to the byte: id, model, time, all but the text. A frame
/// with the same bytes before and after, and between them a plain piece of a JSON string, is the
/// same JSON with another text; so it needn't be parsed. Everything else is.
#[derive(Debug, Default)]
pub(super) struct Template {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Template {
    /// The text of a frame that is like the last one.
    pub(super) fn text<'a>(&self, frame: &'a [u8]) -> Option<&'a str> {
        if self.head.is_empty() {
            return None;
        }
        let text = frame.strip_prefix(&*self.head)?.strip_suffix(&*self.tail)?;
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
        let Some(start) = text.as_ptr().addr().checked_sub(frame.as_ptr().addr()) else {
            return;
        };
        let end = start + text.len();
        if frame.get(start..end) != Some(text.as_bytes()) {
            return;
        }
        if start > 0 && frame[start - 1] == b'"' && frame.get(end) == Some(&b'"') {
            self.head.clear();
            self.head.extend_from_slice(&frame[..start]);
            self.tail.clear();
            self.tail.extend_from_slice(&frame[end..]);
        }
    }
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
        let template = learned(r#"{"id":1,"content":"abc","x":null}"#, "abc");
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
    fn a_text_from_elsewhere_teaches_nothing() {
        let mut template = Template::default();
        template.learn(br#"{"content":"abc"}"#, &String::from("abc"));
        assert_eq!(template.text(br#"{"content":"abc"}"#), None);
    }

    proptest! {
        #[test]
        fn what_it_reads_a_parser_reads_too(text in "\\PC*", other in "\\PC*") {
            let frame = |text: &str| serde_json::to_string(&serde_json::json!({"a": 1, "t": text})).unwrap();
            let first = frame("seed");
            let template = learned(&first, "seed");
            for text in [text, other] {
                let frame = frame(&text);
                if let Some(read) = template.text(frame.as_bytes()) {
                    prop_assert_eq!(read, text);
                } else {
                    prop_assert!(text.contains(['"', '\\']));
                }
            }
        }
    }
}

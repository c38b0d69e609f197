use serde_json::Value;

use crate::{Schema, Violation};

/// Judges one JSON document as its bytes arrive.
///
/// Made by [`Schema::checker`]. Chunks may end anywhere, also inside a UTF-8 sequence.
#[derive(Debug)]
pub struct Checker {
    schema: Schema,
    text: Vec<u8>,
}

impl Checker {
    pub(crate) fn new(schema: Schema) -> Self {
        Self {
            schema,
            text: Vec::new(),
        }
    }

    /// Takes the next bytes of the document.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid. See [the crate](crate) for
    /// when this version says so.
    #[allow(clippy::unnecessary_wraps)] // the interface of the streaming verdict
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the document and returns its text.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete, isn't JSON, or doesn't fit the schema. The
    /// text is not lost: see [`Checker::into_text`].
    pub fn finish(&mut self) -> Result<&str, Violation> {
        let text = std::str::from_utf8(&self.text).map_err(|error| Violation {
            expected: "UTF-8".to_owned(),
            pointer: String::new(),
            schema_pointer: String::new(),
            offset: Some(error.valid_up_to() as u64),
        })?;
        let document: Value =
            serde_json::from_str(text).map_err(|error| Violation::syntax(&error, text))?;
        self.schema.judge(&document)?;
        Ok(text)
    }

    /// Everything that was fed; bytes that aren't UTF-8 are replaced.
    pub fn into_text(self) -> String {
        String::from_utf8(self.text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::from_value(serde_json::json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "eggs": {"type": "integer"}},
            "required": ["name", "eggs"],
        }))
        .unwrap()
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_chunks() {
        let text = r#"{"name": "häher", "eggs": 5}"#;
        for at in 0..=text.len() {
            let mut checker = schema().checker();
            checker.feed(&text.as_bytes()[..at]).unwrap();
            checker.feed(&text.as_bytes()[at..]).unwrap();
            assert_eq!(checker.finish(), Ok(text));
        }
    }

    #[test]
    fn a_cut_document_is_refused_and_kept() {
        let mut checker = schema().checker();
        checker.feed(br#"{"name": "ja"#).unwrap();
        assert_eq!(
            checker.finish().unwrap_err().expected,
            "the rest of a JSON document"
        );
        assert_eq!(checker.into_text(), r#"{"name": "ja"#);
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn a_violation_names_both_places_and_no_value() {
        let mut checker = schema().checker();
        checker
            .feed(br#"{"name": "jay", "eggs": "secret"}"#)
            .unwrap();
        let violation = checker.finish().unwrap_err();
        assert_eq!(violation.pointer, "/eggs");
        assert_eq!(violation.schema_pointer, "/properties/eggs/type");
        assert!(!violation.to_string().contains("secret"));
    }
}

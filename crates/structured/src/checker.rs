use crate::{
    Limits, Schema, Violation,
    kind::Kind,
    machine::{Machine, Stop},
    sink::{Refused, Sink},
};

/// Judges one JSON document as its bytes arrive.
///
/// Made by [`Schema::checker`]. Chunks may end anywhere, also inside a UTF-8 sequence.
#[derive(Debug)]
pub struct Checker {
    schema: Schema,
    machine: Machine,
    text: Vec<u8>,
    violation: Option<Violation>,
}

impl Checker {
    pub(crate) fn new(schema: Schema) -> Self {
        Self {
            schema,
            machine: Machine::new(Limits::new()),
            text: Vec::new(),
            violation: None,
        }
    }

    /// Sets how large the document may become.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.machine = Machine::new(limits);
        self
    }

    /// Takes the next bytes of the document.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if let Some(violation) = &self.violation {
            return Err(violation.clone());
        }
        self.text.extend_from_slice(bytes);
        match self.machine.run(&self.text, 0, &mut Unjudged) {
            Ok(()) => Ok(()),
            Err(stop) => Err(self.refuse(stop)),
        }
    }

    fn refuse(&mut self, stop: Stop) -> Violation {
        let (expected, offset) = match stop {
            Stop::Fault { fault, at } => (fault.to_string(), at),
            Stop::Refused(refused) => (String::new(), refused.at),
        };
        let violation = Violation {
            expected,
            pointer: String::new(),
            schema_pointer: String::new(),
            offset,
        };
        self.violation.insert(violation).clone()
    }

    /// Ends the document and returns its text.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete, isn't JSON, or doesn't fit the schema. The
    /// text is not lost: see [`Checker::into_text`].
    pub fn finish(&mut self) -> Result<&str, Violation> {
        if let Some(violation) = &self.violation {
            return Err(violation.clone());
        }
        if let Err(stop) = self.machine.finish(&self.text, 0, &mut Unjudged) {
            return Err(self.refuse(stop));
        }
        let text = std::str::from_utf8(&self.text).unwrap_or_default();
        let document = serde_json::from_str(text).unwrap_or_default();
        self.schema.judge(&document)?;
        Ok(text)
    }

    /// Everything that was fed.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many bytes were looked at.
    #[doc(hidden)]
    pub fn visited(&self) -> u64 {
        self.machine.visited()
    }

    /// Everything that was fed; bytes that aren't UTF-8 are replaced.
    pub fn into_text(self) -> String {
        String::from_utf8(self.text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// Takes everything.
#[derive(Debug)]
struct Unjudged;

impl Sink for Unjudged {
    fn begin(&mut self, _: Kind, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn key_begin(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn run(&mut self, _: &[u8], _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn backslash(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn escaped(&mut self, _: char, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn key_end(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn string_end(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn number(&mut self, _: &[u8], _: bool, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn literal_end(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn comma(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
    }
    fn end(&mut self, _: u64) -> Result<(), Refused> {
        Ok(())
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
            "the rest of the JSON document"
        );
        assert_eq!(checker.into_text(), r#"{"name": "ja"#);
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn a_violation_names_both_places_and_no_value() {
        let mut checker = schema().checker();
        let text = br#"{"name": "jay", "eggs": "secret"}"#;
        let violation = checker
            .feed(text)
            .and_then(|()| checker.finish().map(|_| ()));
        let violation = violation.unwrap_err();
        assert_eq!(violation.pointer, "/eggs");
        assert_eq!(violation.schema_pointer, "/properties/eggs/type");
        assert!(!violation.to_string().contains("secret"));
    }
}

use crate::{
    Limits, Schema, Violation,
    engine::Engine,
    machine::{Machine, Stop},
};

/// Judges one JSON document as its bytes arrive.
///
/// Made by [`Schema::checker`]. Chunks may end anywhere, also inside a UTF-8 sequence: the verdict
/// and its place don't depend on them.
#[derive(Debug)]
pub struct Checker {
    schema: Schema,
    machine: Machine,
    engine: Engine,
    text: Vec<u8>,
    violation: Option<Box<Violation>>,
}

impl Checker {
    pub(crate) fn new(schema: Schema) -> Self {
        let limits = Limits::new();
        Self {
            machine: Machine::new(limits),
            engine: Engine::new(schema.clone(), limits.keys),
            schema,
            text: Vec::new(),
            violation: None,
        }
    }

    /// Sets how large the document may become; to be called before it begins.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.machine = Machine::new(limits);
        self.engine = Engine::new(self.schema.clone(), limits.keys);
        self
    }

    /// Takes the next bytes of the document.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid; the same one from then on.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if self.violation.is_none() {
            self.text.extend_from_slice(bytes);
            match self.machine.run(&self.text, 0, &mut self.engine) {
                Ok(()) => return Ok(()),
                Err(stop) => self.refuse(stop),
            }
        }
        self.verdict()
    }

    /// Ends the document and returns its text.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete, isn't JSON, or doesn't fit the schema. The
    /// text is not lost: see [`Checker::text`].
    pub fn finish(&mut self) -> Result<&str, Violation> {
        if self.violation.is_none()
            && let Err(stop) = self.machine.finish(&self.text, 0, &mut self.engine)
        {
            self.refuse(stop);
        }
        self.verdict()?;
        // The machine has seen to it that this is UTF-8.
        Ok(std::str::from_utf8(&self.text).unwrap_or_default())
    }

    fn verdict(&self) -> Result<(), Violation> {
        match &self.violation {
            None => Ok(()),
            Some(violation) => Err(violation.as_ref().clone()),
        }
    }

    #[cold]
    fn refuse(&mut self, stop: Stop) {
        let violation = match stop {
            Stop::Machine => self.machine.what().map(|(fault, offset)| Violation {
                expected: fault.to_string(),
                pointer: self.engine.pointer(&self.text),
                schema_pointer: String::new(),
                offset,
            }),
            Stop::Sink => self.engine.violation(&self.text),
        };
        self.violation = violation.map(Box::new);
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.machine.is_done()
    }

    /// Everything that was fed, up to the chunk with the violation.
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

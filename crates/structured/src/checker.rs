use crate::{Front, FrontState, Judge, Limits, Repair, Schema, Violation};

/// Judges one JSON document as its bytes arrive, and keeps its text.
///
/// Made by [`Schema::checker`]. Chunks may end anywhere, also inside a UTF-8 sequence: the verdict
/// and its place don't depend on them.
#[derive(Debug)]
pub struct Checker {
    judge: Judge,
    text: Vec<u8>,
    front: Option<Box<Front>>,
}

/// Room for a small document, which would otherwise grow eight times.
const FIRST_BYTES: usize = 256;

impl Checker {
    pub(crate) fn new(schema: Schema) -> Self {
        Self {
            judge: Judge::new(schema),
            text: Vec::with_capacity(FIRST_BYTES),
            front: None,
        }
    }

    /// Sets how large the document may become; to be called before it begins.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.judge = self.judge.limits(limits);
        self
    }

    /// Looks for the document in a text, and repairs it, as `front` says; to be called before it
    /// begins.
    ///
    /// The schema tells the front what the document begins with, unless [`Front::root`] was called.
    /// The offset of a violation is that in the whole text; the limits are those of the document.
    ///
    /// ```
    /// use mainstem_structured::{Front, Schema, TextAfter};
    ///
    /// let schema = Schema::from_value(serde_json::json!({"type": "object"}))?;
    /// let front = Front::new().text_after(TextAfter::Stop);
    /// let mut checker = schema.checker().front(front);
    /// checker.feed(b"As [1] says:\n```json\n{\"eggs\": 5}\n```\nEnjoy!")?;
    /// assert!(!checker.wants_more());
    /// assert_eq!(checker.finish()?, "{\"eggs\": 5}");
    ///
    /// let mut checker = schema.checker().front(Front::new());
    /// assert_eq!(checker.feed(b"Here: {\"eggs\": 5} Enjoy!").unwrap_err().offset, 18);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn front(mut self, mut front: Front) -> Self {
        front.set_default_root(self.judge.schema().root());
        self.front = Some(Box::new(front));
        self
    }

    /// Takes the next bytes of the document; of the text around it, too, with a
    /// [`front`](Self::front).
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid; the same one from then on.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let fits = match self.front {
            None => self.reads(bytes),
            Some(_) => self.read_behind(bytes),
        };
        if fits {
            return Ok(());
        }
        self.judge.verdict()
    }

    /// Reads the next bytes of the document; false if they are refused.
    #[inline]
    fn reads(&mut self, bytes: &[u8]) -> bool {
        if self.judge.has_refused() {
            return false;
        }
        self.text.extend_from_slice(bytes);
        self.judge.reads(bytes)
    }

    /// Reads what the front gives on of the next bytes of a text.
    #[inline(never)]
    fn read_behind(&mut self, bytes: &[u8]) -> bool {
        if self.judge.violation().is_some() {
            return false;
        }
        let Some(mut front) = self.front.take() else {
            return true;
        };
        // A refusal stops the front.
        let give = |piece: &[u8]| self.reads(piece).then_some(()).ok_or(());
        let fits = front.feed(bytes, give).is_ok();
        self.front = Some(front);
        if !fits {
            self.correct();
        }
        fits
    }

    /// Moves a new violation to its place in the original text.
    fn correct(&mut self) {
        if let (Some(front), Some(violation)) = (&self.front, self.judge.violation()) {
            violation.offset = front.original_offset(violation.offset);
        }
    }

    /// Ends the document and returns its text.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete, isn't JSON, or doesn't fit the schema. The
    /// text is not lost: see [`Checker::text`].
    pub fn finish(&mut self) -> Result<&str, Violation> {
        if self.judge.violation().is_none() {
            self.end();
        }
        self.judge.verdict()?;
        // The machine has seen to it that this is UTF-8.
        Ok(std::str::from_utf8(&self.text).unwrap_or_default())
    }

    fn end(&mut self) {
        if let Some(front) = &self.front
            && let Err(missing) = front.finish()
        {
            self.judge.refuse_for(Violation {
                expected: missing.expected().to_owned(),
                pointer: String::new(),
                schema_pointer: String::new(),
                offset: front.original_offset(0),
            });
        } else if self.judge.finish().is_err() {
            self.correct();
        }
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.judge.is_done()
    }

    /// Whether what follows can make a difference.
    ///
    /// False after a violation, and once a [`front`](Self::front) with
    /// [`TextAfter::Stop`](crate::TextAfter::Stop) has seen the end of the document: the source of
    /// the text can be dropped.
    pub fn wants_more(&self) -> bool {
        let stops = |front: &Front| front.state() == FrontState::Stop;
        self.judge.verdict().is_ok() && !self.front.as_deref().is_some_and(stops)
    }

    /// What a [`front`](Self::front) has repaired so far.
    pub fn repairs(&self) -> &[Repair] {
        let front = self.front.as_deref();
        front.map_or(&[], Front::made_repairs)
    }

    /// Everything that was fed, up to the chunk with the violation; behind a
    /// [`front`](Self::front), the document as it was given on.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many bytes were looked at.
    #[doc(hidden)]
    pub fn visited(&self) -> u64 {
        self.judge.visited()
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

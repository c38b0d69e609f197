use crate::{
    Limits, Schema, Violation,
    engine::Engine,
    machine::{Machine, Stop},
};

/// Judges one JSON document as its bytes arrive, and keeps none of them.
///
/// Made by [`Schema::judge`]. For those that keep the text elsewhere, or not at all: its memory is
/// that of the open arrays and objects, of their keys that no schema names, and of values that only
/// their end decides. Otherwise as [`Checker`](crate::Checker).
///
/// ```
/// use mainstem_structured::Schema;
///
/// let schema = Schema::from_value(serde_json::json!({"items": {"type": "integer"}}))?;
/// let mut judge = schema.judge();
/// judge.feed(b"[1, 2")?;
/// let violation = judge.feed(b"3, true]").unwrap_err();
/// assert_eq!((violation.offset, violation.pointer.as_str()), (8, "/2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Judge {
    schema: Schema,
    machine: Machine,
    engine: Engine,
    /// The beginning of a number or a character that was cut.
    cut: Vec<u8>,
    violation: Option<Box<Violation>>,
}

impl Judge {
    pub(crate) fn new(schema: Schema) -> Self {
        let limits = Limits::new();
        Self {
            machine: Machine::new(limits),
            engine: Engine::new(schema.clone(), limits.keys),
            schema,
            cut: Vec::new(),
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
        if self.reads(bytes) {
            return Ok(());
        }
        self.verdict()
    }

    /// Reads the next bytes of the document; false if they are refused.
    #[inline]
    pub(crate) fn reads(&mut self, bytes: &[u8]) -> bool {
        if self.violation.is_some() {
            return false;
        }
        if !self.cut.is_empty() {
            return self.reads_on(bytes);
        }
        let base = self.machine.at();
        if let Err(stop) = self.machine.run(bytes, base, &mut self.engine) {
            self.refuse(stop);
            return false;
        }
        let read = self.machine.needs() - base;
        if read < bytes.len() as u64 {
            self.cut.extend_from_slice(&bytes[read as usize..]);
        }
        true
    }

    /// Reads on where a number or a character was cut.
    #[inline(never)]
    fn reads_on(&mut self, bytes: &[u8]) -> bool {
        let base = self.machine.needs();
        self.cut.extend_from_slice(bytes);
        if let Err(stop) = self.machine.run(&self.cut, base, &mut self.engine) {
            self.refuse(stop);
            return false;
        }
        let read = self.machine.needs() - base;
        self.cut.drain(..read as usize);
        true
    }

    /// Ends the document.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete, isn't JSON, or doesn't fit the schema.
    pub fn finish(&mut self) -> Result<(), Violation> {
        if self.violation.is_none() {
            let base = self.machine.needs();
            match self.machine.finish(&self.cut, base, &mut self.engine) {
                // A number at the root ends here.
                Ok(()) => self.cut.clear(),
                Err(stop) => self.refuse(stop),
            }
        }
        self.verdict()
    }

    #[inline]
    pub(crate) fn has_refused(&self) -> bool {
        self.violation.is_some()
    }

    #[inline]
    pub(crate) fn verdict(&self) -> Result<(), Violation> {
        match &self.violation {
            None => Ok(()),
            Some(violation) => Err(violation.as_ref().clone()),
        }
    }

    pub(crate) fn violation(&mut self) -> Option<&mut Violation> {
        self.violation.as_deref_mut()
    }

    /// Refuses the document for a reason that isn't its own.
    pub(crate) fn refuse_for(&mut self, violation: Violation) {
        self.violation = Some(Box::new(violation));
    }

    #[cold]
    fn refuse(&mut self, stop: Stop) {
        self.violation = violation(stop, &self.machine, &self.engine).map(Box::new);
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.machine.is_done()
    }

    /// How many bytes were looked at.
    #[doc(hidden)]
    pub fn visited(&self) -> u64 {
        self.machine.visited()
    }
}

/// What is wrong, from the one that says so.
pub(crate) fn violation(stop: Stop, machine: &Machine, engine: &Engine) -> Option<Violation> {
    match stop {
        Stop::Machine => machine.what().map(|(fault, offset)| Violation {
            expected: fault.to_string(),
            pointer: engine.pointer(machine.stands()),
            schema_pointer: String::new(),
            offset,
        }),
        Stop::Sink => engine.violation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_syntax_names_the_value_that_the_byte_is_about() {
        for (text, pointer) in [
            (&b"[1,"[..], "/1"),
            (b"[1", "/0"),
            (b"[", "/0"),
            (b"[1, x", "/1"),
            (br#"{"a": 1,"#, ""),
            (br#"{"a": 1 x"#, "/a"),
            (br#"{"a": {"b": "#, "/a/b"),
            (br#"{"a/b": {"c~d": [{}, tru"#, "/a~1b/c~0d/1"),
            (br#"{"a": {"b"#, "/a"),
            (b"", ""),
        ] {
            let mut judge = Schema::any().judge();
            let violation = judge.feed(text).and_then(|()| judge.finish()).unwrap_err();
            let text = String::from_utf8_lossy(text);
            assert_eq!(violation.pointer, pointer, "{text}");
        }
    }

    #[test]
    fn the_end_may_be_asked_for_twice() {
        let mut checker = Schema::any().checker();
        checker.feed(b"12").unwrap();
        assert_eq!(checker.finish(), Ok("12"));
        assert_eq!(checker.finish(), Ok("12"));
        checker.feed(b" ").unwrap();
        assert_eq!(checker.finish(), Ok("12 "));
        assert_eq!(checker.feed(b"3").unwrap_err().offset, 3);
        checker.feed(b"more").unwrap_err();
        assert_eq!(checker.text(), b"12 3");
    }

    #[test]
    fn a_number_that_is_cut_is_put_together() {
        let schema = serde_json::json!({"items": {"maximum": 1234}});
        let mut judge = Schema::from_value(schema).unwrap().judge();
        for byte in b"[1234, 1235" {
            judge.feed(&[*byte]).unwrap();
        }
        let violation = judge.feed(b"]").unwrap_err();
        assert_eq!((violation.offset, &*violation.pointer), (11, "/1"));
    }
}

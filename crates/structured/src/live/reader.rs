//! What reads the document for a watch, and asks the schema first.

use crate::{
    Limits, Schema, Violation,
    engine::Engine,
    judge,
    kind::Kind,
    machine::{Machine, Stop},
    sink::{Refused, Sink},
};

/// Is told of a document while it arrives, after the schema has allowed it.
pub(super) trait Watch {
    /// A value begins; a `held` string is one of a list, and isn't shown before its end.
    fn begin(&mut self, kind: Kind, held: bool, at: u64);
    fn key_begin(&mut self, at: u64);
    /// Text of the open string or key as it stands in the document: whole characters.
    fn text(&mut self, text: &[u8], at: u64);
    /// An escape begins in the open string or key.
    fn backslash(&mut self, at: u64, source: Source<'_>);
    fn escaped(&mut self, char: char, at: u64);
    fn key_end(&mut self, at: u64);
    fn string_end(&mut self, at: u64, source: Source<'_>);
    /// `end` is the place behind it.
    fn number(&mut self, digits: &[u8], end: u64, source: Source<'_>);
    fn literal_end(&mut self, at: u64, source: Source<'_>);
    /// The open array or object ends with the byte at `at`.
    fn end(&mut self, at: u64, source: Source<'_>);
}

/// A watch that doesn't need all of the text.
pub(super) trait Passing: Watch {
    /// The place from which on the text must be kept.
    fn needs(&self) -> u64;
}

/// The text at hand.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    text: &'a [u8],
    base: u64,
}

impl<'a> Source<'a> {
    #[inline]
    pub(super) fn slice(self, from: u64, to: u64) -> &'a [u8] {
        let (from, to) = (from - self.base, to - self.base);
        &self.text[from as usize..to as usize]
    }
}

/// How far a document is read and judged; who has it keeps the text.
#[derive(Debug)]
pub(super) struct Progress {
    schema: Schema,
    limits: Limits,
    machine: Machine,
    engine: Engine,
    violation: Option<Box<Violation>>,
}

impl Progress {
    pub(super) fn new(schema: Schema) -> Self {
        let limits = Limits::new();
        Self {
            machine: Machine::new(limits),
            engine: Engine::new(schema.clone(), limits.keys),
            schema,
            limits,
            violation: None,
        }
    }

    /// Sets the limits; for a document that hasn't begun.
    ///
    /// Places and counts are kept as `u32`, whose last one says that there is none.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits.bytes(limits.bytes.min(u64::from(u32::MAX) - 1));
        self.restart();
    }

    /// Begins another document.
    pub(super) fn restart(&mut self) {
        self.machine = Machine::new(self.limits);
        self.engine = Engine::new(self.schema.clone(), self.limits.keys);
        self.violation = None;
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    #[inline]
    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    #[inline]
    pub(super) fn has_refused(&self) -> bool {
        self.violation.is_some()
    }

    /// Reads on; as [`Machine::run`].
    #[inline]
    pub(super) fn run<W: Watch>(
        &mut self,
        text: &[u8],
        base: u64,
        watch: &mut W,
    ) -> Result<(), Stop> {
        let mut tap = Tap {
            engine: &mut self.engine,
            watch,
            source: Source { text, base },
        };
        self.machine.run(text, base, &mut tap)
    }

    /// Ends the document; as [`Machine::finish`].
    pub(super) fn finish<W: Watch>(
        &mut self,
        text: &[u8],
        base: u64,
        watch: &mut W,
    ) -> Result<(), Stop> {
        let mut tap = Tap {
            engine: &mut self.engine,
            watch,
            source: Source { text, base },
        };
        self.machine.finish(text, base, &mut tap)
    }

    pub(super) fn verdict(&self) -> Result<(), Violation> {
        match &self.violation {
            None => Ok(()),
            Some(violation) => Err(violation.as_ref().clone()),
        }
    }

    #[cold]
    pub(super) fn refuse(&mut self, stop: Stop) {
        self.violation = judge::violation(stop, &self.machine, &self.engine).map(Box::new);
    }
}

/// Reads one document for a watch, and keeps what the watch and the parser need of it.
#[derive(Debug)]
pub(super) struct Reader {
    progress: Progress,
    /// What is kept of the document, from `base` on.
    text: Vec<u8>,
    base: u64,
}

impl Reader {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            progress: Progress::new(schema),
            text: Vec::new(),
            base: 0,
        }
    }

    /// Sets the limits; for a document that hasn't begun.
    pub(super) fn limits(mut self, limits: Limits) -> Self {
        self.progress.set_limits(limits);
        self
    }

    /// Begins another document.
    pub(super) fn restart(&mut self) {
        self.progress.restart();
        self.text.clear();
        self.base = 0;
    }

    pub(super) fn is_done(&self) -> bool {
        self.progress.machine().is_done()
    }

    #[inline]
    pub(super) fn feed<W: Passing>(
        &mut self,
        bytes: &[u8],
        watch: &mut W,
    ) -> Result<(), Violation> {
        if !self.progress.has_refused() {
            match self.read(bytes, watch) {
                Ok(()) => return Ok(()),
                Err(stop) => self.progress.refuse(stop),
            }
        }
        self.progress.verdict()
    }

    pub(super) fn finish<W: Passing>(&mut self, watch: &mut W) -> Result<(), Violation> {
        if !self.progress.has_refused()
            && let Err(stop) = self.progress.finish(&self.text, self.base, watch)
        {
            self.progress.refuse(stop);
        }
        self.progress.verdict()
    }

    #[inline]
    fn read<W: Passing>(&mut self, bytes: &[u8], watch: &mut W) -> Result<(), Stop> {
        if !self.text.is_empty() {
            return self.read_on(bytes, watch);
        }
        // Nothing is kept: it is read where it is.
        self.progress.run(bytes, self.base, watch)?;
        let from = self.unneeded(watch);
        self.text.extend_from_slice(&bytes[from..]);
        self.base += from as u64;
        Ok(())
    }

    /// Reads on with what was kept before.
    #[inline]
    fn read_on<W: Passing>(&mut self, bytes: &[u8], watch: &mut W) -> Result<(), Stop> {
        self.text.extend_from_slice(bytes);
        self.progress.run(&self.text, self.base, watch)?;
        let from = self.unneeded(watch);
        if from > 0 {
            self.text.drain(..from);
            self.base += from as u64;
        }
        Ok(())
    }

    /// How many bytes from `base` on nobody needs.
    #[inline]
    fn unneeded<W: Passing>(&self, watch: &W) -> usize {
        let needs = self.progress.machine().needs().min(watch.needs());
        (needs - self.base) as usize
    }
}

/// The schema first, then the watch.
struct Tap<'a, W> {
    engine: &'a mut Engine,
    watch: &'a mut W,
    source: Source<'a>,
}

type Next = Result<(), Refused>;

impl<W: Watch> Sink for Tap<'_, W> {
    #[inline]
    fn begin(&mut self, kind: Kind, at: u64) -> Next {
        self.engine.begin(kind, at)?;
        let held = kind == Kind::String && self.engine.string_is_listed();
        self.watch.begin(kind, held, at);
        Ok(())
    }

    #[inline]
    fn key_begin(&mut self, at: u64) -> Next {
        self.engine.key_begin(at)?;
        self.watch.key_begin(at);
        Ok(())
    }

    #[inline]
    fn run(&mut self, text: &[u8], at: u64) -> Next {
        let result = self.engine.run(text, at);
        let end = match &result {
            Ok(()) => at + text.len() as u64,
            // What came before is shown, however the document was cut.
            Err(refused) => {
                let good = refused.at.saturating_sub(at) as usize;
                let good = std::str::from_utf8(text.get(..good).unwrap_or(text));
                at + good.map_or_else(|cut| cut.valid_up_to(), str::len) as u64
            }
        };
        if end > at {
            self.watch.text(&text[..(end - at) as usize], at);
        }
        result
    }

    #[inline]
    fn backslash(&mut self, at: u64) -> Next {
        self.engine.backslash(at)?;
        self.watch.backslash(at, self.source);
        Ok(())
    }

    #[inline]
    fn escaped(&mut self, char: char, at: u64) -> Next {
        self.engine.escaped(char, at)?;
        self.watch.escaped(char, at);
        Ok(())
    }

    #[inline]
    fn key_end(&mut self, at: u64) -> Next {
        self.engine.key_end(at)?;
        self.watch.key_end(at);
        Ok(())
    }

    #[inline]
    fn string_end(&mut self, at: u64) -> Next {
        self.engine.string_end(at)?;
        self.watch.string_end(at, self.source);
        Ok(())
    }

    #[inline]
    fn number(&mut self, digits: &[u8], integer: bool, end: u64) -> Next {
        self.engine.number(digits, integer, end)?;
        self.watch.number(digits, end, self.source);
        Ok(())
    }

    #[inline]
    fn literal_end(&mut self, at: u64) -> Next {
        self.engine.literal_end(at)?;
        self.watch.literal_end(at, self.source);
        Ok(())
    }

    #[inline]
    fn comma(&mut self, at: u64) -> Next {
        self.engine.comma(at)
    }

    #[inline]
    fn end(&mut self, at: u64) -> Next {
        self.engine.end(at)?;
        self.watch.end(at, self.source);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_is_the_one_that_says_none() {
        let mut progress = Progress::new(Schema::any());
        for (asked, given) in [(7, 7), (u64::MAX, 0xffff_fffe), (0xffff_ffff, 0xffff_fffe)] {
            progress.set_limits(Limits::new().bytes(asked));
            assert_eq!(progress.limits.bytes, given);
        }
    }
}

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
    /// Text of the open string or key as it stands in the document.
    fn text(&mut self, text: &str, at: u64);
    /// An escape begins in the open string or key.
    fn backslash(&mut self, at: u64, source: Source<'_>);
    fn escaped(&mut self, char: char, at: u64);
    fn key_end(&mut self, at: u64);
    fn string_end(&mut self, at: u64, source: Source<'_>);
    /// `end` is the place behind it.
    fn number(&mut self, digits: &str, end: u64, source: Source<'_>);
    fn literal_end(&mut self, at: u64, source: Source<'_>);
    /// The open array or object ends with the byte at `at`.
    fn end(&mut self, at: u64, source: Source<'_>);

    /// The place from which on the text must be kept.
    fn needs(&self) -> u64;
}

/// The text at hand.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    text: &'a str,
    base: u64,
}

impl<'a> Source<'a> {
    #[inline]
    pub(super) fn slice(self, from: u64, to: u64) -> &'a str {
        let (from, to) = (from - self.base, to - self.base);
        &self.text[from as usize..to as usize]
    }
}

/// Reads one document for a watch.
#[derive(Debug)]
pub(super) struct Reader {
    schema: Schema,
    limits: Limits,
    machine: Machine,
    engine: Engine,
    /// What is kept of the document, from `base` on.
    text: String,
    base: u64,
    /// The first bytes of a character that was cut.
    tail: Vec<u8>,
    violation: Option<Box<Violation>>,
}

impl Reader {
    pub(super) fn new(schema: Schema) -> Self {
        let limits = Limits::new();
        Self {
            machine: Machine::new(limits),
            engine: Engine::new(schema.clone(), limits.keys),
            schema,
            limits,
            text: String::new(),
            base: 0,
            tail: Vec::new(),
            violation: None,
        }
    }

    /// Sets the limits; for a document that hasn't begun.
    pub(super) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.restart();
        self
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What is kept of the document, but for a cut character at its end.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Begins another document.
    pub(super) fn restart(&mut self) {
        self.machine = Machine::new(self.limits);
        self.engine = Engine::new(self.schema.clone(), self.limits.keys);
        self.text.clear();
        self.base = 0;
        self.tail.clear();
        self.violation = None;
    }

    pub(super) fn is_done(&self) -> bool {
        self.machine.is_done()
    }

    #[inline]
    pub(super) fn feed<W: Watch>(&mut self, bytes: &[u8], watch: &mut W) -> Result<(), Violation> {
        if self.violation.is_none() {
            match self.read(bytes, watch) {
                Ok(()) => return Ok(()),
                Err(stop) => self.refuse(stop),
            }
        }
        self.verdict()
    }

    pub(super) fn finish<W: Watch>(&mut self, watch: &mut W) -> Result<(), Violation> {
        if self.violation.is_none() {
            let bytes = [self.text.as_bytes(), &self.tail].concat();
            let mut tap = Tap {
                engine: &mut self.engine,
                watch,
                source: Source {
                    text: &self.text,
                    base: self.base,
                },
            };
            if let Err(stop) = self.machine.finish(&bytes, self.base, &mut tap) {
                self.refuse(stop);
            }
        }
        self.verdict()
    }

    #[inline]
    fn read<W: Watch>(&mut self, bytes: &[u8], watch: &mut W) -> Result<(), Stop> {
        let mut bytes = bytes;
        while !self.tail.is_empty() {
            let Some((next, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            self.complete(*next, watch)?;
        }
        let problem = match std::str::from_utf8(bytes) {
            Ok(text) => return self.read_text(text, watch),
            Err(problem) => problem,
        };
        let (whole, rest) = bytes.split_at(problem.valid_up_to());
        self.read_text(std::str::from_utf8(whole).unwrap_or_default(), watch)?;
        self.tail.extend_from_slice(rest);
        self.read_tail(watch)
    }

    /// Another byte of a character that was cut.
    #[cold]
    fn complete<W: Watch>(&mut self, byte: u8, watch: &mut W) -> Result<(), Stop> {
        self.tail.push(byte);
        match std::str::from_utf8(&self.tail) {
            Ok(_) => {
                let whole = String::from_utf8(std::mem::take(&mut self.tail)).unwrap_or_default();
                self.read_text(&whole, watch)
            }
            Err(problem) if problem.error_len().is_none() => Ok(()),
            Err(_) => self.read_tail(watch),
        }
    }

    fn read_text<W: Watch>(&mut self, text: &str, watch: &mut W) -> Result<(), Stop> {
        let is_kept = !self.text.is_empty();
        if is_kept {
            self.text.push_str(text);
        } else {
            self.base = self.machine.at();
        }
        let source = Source {
            text: if is_kept { &self.text } else { text },
            base: self.base,
        };
        let mut tap = Tap {
            engine: &mut self.engine,
            watch,
            source,
        };
        let result = self
            .machine
            .run(source.text.as_bytes(), self.base, &mut tap);
        let needs = self.machine.needs().min(watch.needs()).max(self.base);
        let from = (needs - self.base) as usize;
        if is_kept {
            self.text.drain(..from);
        } else {
            self.text.push_str(&text[from..]);
        }
        self.base = needs;
        result
    }

    /// Looks at the bytes that aren't a whole character: outside of a string there may be none.
    #[cold]
    fn read_tail<W: Watch>(&mut self, watch: &mut W) -> Result<(), Stop> {
        let needs = self.machine.needs();
        if self.text.is_empty() {
            self.base = needs;
        }
        let kept = &self.text.as_bytes()[(needs - self.base) as usize..];
        let bytes = [kept, &self.tail].concat();
        let mut tap = Tap {
            engine: &mut self.engine,
            watch,
            source: Source {
                text: &self.text,
                base: self.base,
            },
        };
        self.machine.run(&bytes, needs, &mut tap)
    }

    fn verdict(&self) -> Result<(), Violation> {
        match &self.violation {
            None => Ok(()),
            Some(violation) => Err(violation.as_ref().clone()),
        }
    }

    #[cold]
    fn refuse(&mut self, stop: Stop) {
        self.violation = judge::violation(stop, &self.machine, &self.engine).map(Box::new);
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
            self.watch.text(self.source.slice(at, end), at);
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
        let digits = self.source.slice(end - digits.len() as u64, end);
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

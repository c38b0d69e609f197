use crate::kind::Kind;

/// The sink refuses the document; it knows why.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The place of the byte that made the document impossible.
    pub(crate) at: u64,
}

/// Takes what a [`Machine`](crate::machine::Machine) reads.
///
/// Places are byte offsets from the beginning of the document. What arrives doesn't depend on how the
/// document was cut, once the runs of one string are put together.
pub(crate) trait Sink {
    /// A value begins with the byte at `at`.
    fn begin(&mut self, kind: Kind, at: u64) -> Result<(), Refused>;

    /// A key begins with the quote at `at`.
    fn key_begin(&mut self, at: u64) -> Result<(), Refused>;

    /// Text of the open string or key that stands as it is in the document: whole characters.
    fn run(&mut self, text: &[u8], at: u64) -> Result<(), Refused>;

    /// A backslash in the open string or key: a character follows.
    fn backslash(&mut self, at: u64) -> Result<(), Refused>;

    /// The character of an escape whose last byte is at `at`.
    fn escaped(&mut self, char: char, at: u64) -> Result<(), Refused>;

    /// The key's closing quote is at `at`.
    fn key_end(&mut self, at: u64) -> Result<(), Refused>;

    /// The string's closing quote is at `at`.
    fn string_end(&mut self, at: u64) -> Result<(), Refused>;

    /// A whole number; `integer` if it has neither fraction nor exponent. `end` is the place behind it.
    fn number(&mut self, digits: &[u8], integer: bool, end: u64) -> Result<(), Refused>;

    /// The last byte of `null`, `true` or `false` is at `at`.
    fn literal_end(&mut self, at: u64) -> Result<(), Refused>;

    /// Another element or member follows in the open array or object.
    fn comma(&mut self, at: u64) -> Result<(), Refused>;

    /// The closing bracket of the open array or object is at `at`.
    fn end(&mut self, at: u64) -> Result<(), Refused>;
}

/// Two sinks: the second is told what the first hasn't refused.
impl<A: Sink, B: Sink> Sink for (A, B) {
    #[inline]
    fn begin(&mut self, kind: Kind, at: u64) -> Result<(), Refused> {
        self.0.begin(kind, at)?;
        self.1.begin(kind, at)
    }

    #[inline]
    fn key_begin(&mut self, at: u64) -> Result<(), Refused> {
        self.0.key_begin(at)?;
        self.1.key_begin(at)
    }

    #[inline]
    fn run(&mut self, text: &[u8], at: u64) -> Result<(), Refused> {
        let Err(refused) = self.0.run(text, at) else {
            return self.1.run(text, at);
        };
        // What came before is shown, however the document was cut.
        let good = usize::try_from(refused.at.saturating_sub(at)).map_or(text, |n| &text[..n]);
        let whole = std::str::from_utf8(good).map_or_else(|e| e.valid_up_to(), str::len);
        if whole > 0 {
            self.1.run(&good[..whole], at)?;
        }
        Err(refused)
    }

    #[inline]
    fn backslash(&mut self, at: u64) -> Result<(), Refused> {
        self.0.backslash(at)?;
        self.1.backslash(at)
    }

    #[inline]
    fn escaped(&mut self, char: char, at: u64) -> Result<(), Refused> {
        self.0.escaped(char, at)?;
        self.1.escaped(char, at)
    }

    #[inline]
    fn key_end(&mut self, at: u64) -> Result<(), Refused> {
        self.0.key_end(at)?;
        self.1.key_end(at)
    }

    #[inline]
    fn string_end(&mut self, at: u64) -> Result<(), Refused> {
        self.0.string_end(at)?;
        self.1.string_end(at)
    }

    #[inline]
    fn number(&mut self, digits: &[u8], integer: bool, end: u64) -> Result<(), Refused> {
        self.0.number(digits, integer, end)?;
        self.1.number(digits, integer, end)
    }

    #[inline]
    fn literal_end(&mut self, at: u64) -> Result<(), Refused> {
        self.0.literal_end(at)?;
        self.1.literal_end(at)
    }

    #[inline]
    fn comma(&mut self, at: u64) -> Result<(), Refused> {
        self.0.comma(at)?;
        self.1.comma(at)
    }

    #[inline]
    fn end(&mut self, at: u64) -> Result<(), Refused> {
        self.0.end(at)?;
        self.1.end(at)
    }
}

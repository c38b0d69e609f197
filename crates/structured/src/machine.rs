//! A JSON parser that can stop after any byte.
//!
//! RFC 8259, strictly. It keeps a state, a stack of open containers and the place of an open number;
//! no text. Each byte is looked at once, except for those of a character that was cut.

mod fault;
mod reader;
mod state;

pub(crate) use fault::Fault;
pub(crate) use state::Stands;

use self::{
    reader::{After, Reader},
    state::{Escape, State},
};
use crate::{
    kind::Kind,
    limits::Limits,
    sink::{Refused, Sink},
};

/// Who says that a document can't go on, and knows why. (As small as can be: it is asked for at each
/// byte.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The machine: it isn't JSON, or too large.
    Machine,
    /// The sink.
    Sink,
}

impl From<Refused> for Stop {
    #[inline]
    fn from(_: Refused) -> Self {
        Self::Sink
    }
}

/// Reads one document.
#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    /// The open containers: whether each is an object.
    open: Vec<bool>,
    /// The place of the next byte to look at.
    at: u64,
    /// The place where the open number or literal begins.
    token: u64,
    /// Whether the open string is a key.
    in_key: bool,
    /// The kind of the open literal, and how many of its bytes matched.
    literal: (Kind, u8),
    escape: Escape,
    limits: Limits,
    /// How many bytes were looked at more than once: those of characters that were cut.
    again: u64,
    /// What was wrong, and the place of the byte.
    fault: Option<(Fault, u64)>,
}

type Next = Result<(), Stop>;

impl Machine {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            state: State::Value,
            open: Vec::new(),
            at: 0,
            token: 0,
            in_key: false,
            literal: (Kind::Null, 0),
            escape: Escape::default(),
            limits,
            again: 0,
            fault: None,
        }
    }

    /// The place of the next byte that it will look at.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The place from which on it needs the text when it goes on.
    pub(crate) fn needs(&self) -> u64 {
        match self.state {
            State::Minus
            | State::Zero
            | State::Integer
            | State::Point
            | State::Fraction
            | State::Exponent
            | State::ExponentSign
            | State::ExponentDigits => self.token,
            _ => self.at,
        }
    }

    /// What the next byte is about.
    pub(crate) fn stands(&self) -> Stands {
        match self.state {
            State::FirstKey | State::Key => Stands::Around,
            State::Value if self.open.last() == Some(&false) => Stands::BeforeItem,
            _ => Stands::Within,
        }
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// What was wrong, and the place of the byte.
    pub(crate) fn what(&self) -> Option<(Fault, u64)> {
        self.fault
    }

    #[cold]
    fn fault<T>(&mut self, fault: Fault, at: u64) -> Result<T, Stop> {
        self.fault = Some((fault, at));
        Err(Stop::Machine)
    }

    /// How many bytes were looked at.
    pub(crate) fn visited(&self) -> u64 {
        self.at + self.again
    }

    /// Reads on; `text` holds the document from `base` on, at least from [`needs`](Self::needs) on.
    #[inline]
    pub(crate) fn run<S: Sink>(&mut self, text: &[u8], base: u64, sink: &mut S) -> Next {
        match base + text.len() as u64 > self.limits.bytes {
            false => self.read(text, base, sink),
            true => self.read_to_the_limit(text, base, sink),
        }
    }

    /// Reads up to the limit of bytes, and refuses the byte behind it.
    #[cold]
    fn read_to_the_limit<S: Sink>(&mut self, text: &[u8], base: u64, sink: &mut S) -> Next {
        let limit = self.limits.bytes;
        let within = limit.saturating_sub(base) as usize;
        self.read(&text[..within], base, sink)?;
        self.fault(Fault::Bytes(limit), limit)
    }

    /// Ends the document.
    pub(crate) fn finish<S: Sink>(&mut self, text: &[u8], base: u64, sink: &mut S) -> Next {
        let end = base + text.len() as u64;
        if self.at < end {
            // A character that was cut.
            return self.fault(Fault::Cut, end);
        }
        match self.state {
            State::Zero | State::Integer | State::Fraction | State::ExponentDigits
                if self.open.is_empty() =>
            {
                self.number(text, base, end, sink)?;
            }
            _ => {}
        }
        match self.state {
            State::Done => Ok(()),
            _ => self.fault(Fault::Cut, end),
        }
    }

    // The reader stays in registers, for which all that takes it must be inlined.
    fn read<S: Sink>(&mut self, text: &[u8], base: u64, sink: &mut S) -> Next {
        let mut reader = Reader {
            text,
            base,
            i: (self.at - base) as usize,
        };
        let result = self.turns(&mut reader, sink);
        self.at = reader.at();
        result
    }

    #[inline(always)]
    fn turns<S: Sink>(&mut self, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        while let Some(byte) = reader.peek() {
            match self.state {
                State::String => {
                    if !self.string(reader, sink)? {
                        return Ok(());
                    }
                }
                State::Value | State::FirstElement => self.value(byte, reader, sink)?,
                State::FirstKey | State::Key => self.key(byte, reader, sink)?,
                State::Colon => self.colon(byte, reader)?,
                State::After => self.after(byte, reader, sink)?,
                State::Literal => self.literal(byte, reader, sink)?,
                State::Escape | State::Hex | State::LowBackslash | State::LowU => {
                    self.escape(byte, reader, sink)?;
                }
                State::Done => self.trailing(byte, reader)?,
                _ => self.numeral(byte, reader, sink)?,
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn value<S: Sink>(&mut self, byte: u8, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        let at = reader.at();
        let kind = match byte {
            b'"' => Kind::String,
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'-' | b'0'..=b'9' => Kind::Number,
            b't' => Kind::True,
            b'f' => Kind::False,
            b'n' => Kind::Null,
            b' ' | b'\t' | b'\n' | b'\r' => {
                reader.i += 1;
                return Ok(());
            }
            b']' if self.state == State::FirstElement => return self.close(reader, sink),
            _ => return self.fault(self.state.expected(), at),
        };
        if kind.is_container() && self.open.len() >= self.limits.depth as usize {
            return self.fault(Fault::Depth(self.limits.depth), at);
        }
        sink.begin(kind, at)?;
        reader.i += 1;
        self.token = at;
        self.state = match kind {
            Kind::String => {
                self.in_key = false;
                State::String
            }
            Kind::Object => {
                self.open.push(true);
                State::FirstKey
            }
            Kind::Array => {
                self.open.push(false);
                State::FirstElement
            }
            Kind::Number => match byte {
                b'-' => State::Minus,
                b'0' => State::Zero,
                _ => State::Integer,
            },
            literal => {
                self.literal = (literal, 1);
                State::Literal
            }
        };
        Ok(())
    }

    #[inline(always)]
    fn key<S: Sink>(&mut self, byte: u8, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        let at = reader.at();
        match byte {
            b'"' => {
                sink.key_begin(at)?;
                self.in_key = true;
                self.state = State::String;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'}' if self.state == State::FirstKey => return self.close(reader, sink),
            _ => return self.fault(self.state.expected(), at),
        }
        reader.i += 1;
        Ok(())
    }

    #[inline(always)]
    fn colon(&mut self, byte: u8, reader: &mut Reader<'_>) -> Next {
        match byte {
            b':' => self.state = State::Value,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => return self.fault(Fault::Colon, reader.at()),
        }
        reader.i += 1;
        Ok(())
    }

    /// After a value in a container.
    #[inline(always)]
    fn after<S: Sink>(&mut self, byte: u8, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        let in_object = self.open.last() == Some(&true);
        match byte {
            b',' => {
                sink.comma(reader.at())?;
                self.state = if in_object { State::Key } else { State::Value };
            }
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'}' if in_object => return self.close(reader, sink),
            b']' if !in_object => return self.close(reader, sink),
            _ if in_object => return self.fault(Fault::CommaOrBrace, reader.at()),
            _ => return self.fault(Fault::CommaOrBracket, reader.at()),
        }
        reader.i += 1;
        Ok(())
    }

    #[inline(always)]
    fn close<S: Sink>(&mut self, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        sink.end(reader.at())?;
        reader.i += 1;
        self.open.pop();
        self.ended();
        Ok(())
    }

    /// A value ended.
    #[inline(always)]
    fn ended(&mut self) {
        self.state = match self.open.is_empty() {
            true => State::Done,
            false => State::After,
        };
    }

    #[inline(always)]
    fn trailing(&mut self, byte: u8, reader: &mut Reader<'_>) -> Next {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                reader.i += 1;
                Ok(())
            }
            _ => self.fault(Fault::End, reader.at()),
        }
    }

    #[inline(always)]
    fn literal<S: Sink>(&mut self, byte: u8, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        let (kind, matched) = self.literal;
        let word: &[u8] = match kind {
            Kind::True => b"true",
            Kind::False => b"false",
            _ => b"null",
        };
        let at = reader.at();
        if word[matched as usize] != byte {
            return self.fault(Fault::Literal(kind), at);
        }
        self.literal.1 += 1;
        if usize::from(self.literal.1) == word.len() {
            sink.literal_end(at)?;
            self.ended();
        }
        reader.i += 1;
        Ok(())
    }

    /// Within a number; a byte that doesn't belong to it ends it, and is looked at again.
    #[inline(always)]
    fn numeral<S: Sink>(&mut self, byte: u8, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        let next = match (self.state, byte) {
            (State::Integer | State::Fraction | State::ExponentDigits, b'0'..=b'9') => {
                reader.skip_digits();
                return match reader.peek() {
                    None | Some(b'.' | b'e' | b'E') => Ok(()),
                    Some(_) => self.number(reader.text, reader.base, reader.at(), sink),
                };
            }
            (State::Minus, b'0') => State::Zero,
            (State::Minus, b'1'..=b'9') => State::Integer,
            (State::Zero | State::Integer, b'.') => State::Point,
            (State::Point, b'0'..=b'9') => State::Fraction,
            (State::Zero | State::Integer | State::Fraction, b'e' | b'E') => State::Exponent,
            (State::Exponent, b'+' | b'-') => State::ExponentSign,
            (State::Exponent | State::ExponentSign, b'0'..=b'9') => State::ExponentDigits,
            // A digit that must not follow is a fault of the number, not of what comes after it.
            (State::Zero, b'0'..=b'9') => return self.fault(Fault::LeadingZero, reader.at()),
            (State::Zero | State::Integer | State::Fraction | State::ExponentDigits, _) => {
                return self.number(reader.text, reader.base, reader.at(), sink);
            }
            _ => return self.fault(Fault::Digit, reader.at()),
        };
        self.state = next;
        reader.i += 1;
        Ok(())
    }

    /// A number ended before `end`.
    #[inline(always)]
    fn number<S: Sink>(&mut self, text: &[u8], base: u64, end: u64, sink: &mut S) -> Next {
        let digits = &text[(self.token - base) as usize..(end - base) as usize];
        // The largest finite number has 309 digits before its point.
        if (self.state == State::ExponentDigits || digits.len() > 308) && !is_finite(digits) {
            return self.fault(Fault::NotFinite, end);
        }
        let integer = matches!(self.state, State::Zero | State::Integer);
        sink.number(digits, integer, end)?;
        self.ended();
        Ok(())
    }

    /// Within a string; false, if the text ends within a character.
    #[inline(always)]
    fn string<S: Sink>(&mut self, reader: &mut Reader<'_>, sink: &mut S) -> Result<bool, Stop> {
        let begin = reader.i;
        let after = reader.skip_characters();
        if reader.i > begin {
            sink.run(&reader.text[begin..reader.i], reader.base + begin as u64)?;
        }
        let at = reader.at();
        match after {
            After::Text => {}
            After::Quote if self.in_key => {
                sink.key_end(at)?;
                reader.i += 1;
                // Most often it stands right behind: one turn less.
                self.state = match reader.peek() {
                    Some(b':') => {
                        reader.i += 1;
                        State::Value
                    }
                    _ => State::Colon,
                };
            }
            After::Quote => {
                sink.string_end(at)?;
                reader.i += 1;
                self.ended();
            }
            After::Backslash => {
                sink.backslash(at)?;
                reader.i += 1;
                self.state = State::Escape;
            }
            After::Control => return self.fault(Fault::Control, at),
            After::CutCharacter => {
                self.again += (reader.text.len() - reader.i) as u64;
                return Ok(false);
            }
            After::NotUtf8(offset) => return self.fault(Fault::Utf8, at + u64::from(offset)),
        }
        Ok(true)
    }

    #[inline(always)]
    fn escape<S: Sink>(&mut self, byte: u8, reader: &mut Reader<'_>, sink: &mut S) -> Next {
        let at = reader.at();
        self.state = match (self.state, byte) {
            (State::Escape, b'u') => {
                self.escape = Escape {
                    left: 4,
                    value: 0,
                    high: 0,
                };
                State::Hex
            }
            (State::Escape, _) => {
                let Some(char) = escaped(byte) else {
                    return self.fault(Fault::Escape, at);
                };
                sink.escaped(char, at)?;
                State::String
            }
            (State::Hex, _) => self.hex_digit(byte, at, sink)?,
            (State::LowBackslash, b'\\') => State::LowU,
            (State::LowU, b'u') => {
                self.escape = Escape {
                    left: 4,
                    value: 0,
                    high: self.escape.value,
                };
                State::Hex
            }
            _ => return self.fault(Fault::Surrogate, at),
        };
        reader.i += 1;
        Ok(())
    }

    #[inline(always)]
    fn hex_digit<S: Sink>(&mut self, byte: u8, at: u64, sink: &mut S) -> Result<State, Stop> {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return self.fault(Fault::HexDigit, at);
        };
        let escape = &mut self.escape;
        escape.value = escape.value << 4 | digit as u16;
        escape.left -= 1;
        // Half of a pair is refused at the first digit that makes it sure.
        if is_half(*escape) {
            return self.fault(Fault::Surrogate, at);
        }
        if escape.left > 0 {
            return Ok(State::Hex);
        }
        if escape.high == 0 && (0xd800..0xdc00).contains(&escape.value) {
            return Ok(State::LowBackslash);
        }
        let units = [escape.high, escape.value]
            .into_iter()
            .filter(|unit| *unit != 0);
        let char = char::decode_utf16(units).next().and_then(Result::ok);
        sink.escaped(char.unwrap_or('\0'), at)?;
        Ok(State::String)
    }
}

fn is_finite(digits: &[u8]) -> bool {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}

fn escaped(byte: u8) -> Option<char> {
    Some(match byte {
        b'"' | b'\\' | b'/' => char::from(byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

/// Whether an escape, whatever digits follow, is the second half of a pair without the first, or no
/// second half after the first.
fn is_half(escape: Escape) -> bool {
    let first = u32::from(escape.value) << (4 * escape.left);
    let last = first | ((1 << (4 * escape.left)) - 1);
    match escape.high {
        0 => first >= 0xdc00 && last < 0xe000,
        _ => first >= 0xe000 || last < 0xdc00,
    }
}

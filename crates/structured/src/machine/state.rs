use super::Fault;

/// Where in a document the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// Before a value that must come.
    Value,
    /// Before a value or `]`.
    FirstElement,
    /// Before a key or `}`.
    FirstKey,
    /// Before a key that must come.
    Key,
    /// Between a key and its value.
    Colon,
    /// After a value in a container.
    After,
    /// Within a key or a string.
    String,
    /// After a backslash.
    Escape,
    /// Within the digits of a `\u` escape.
    Hex,
    /// After the first half of a surrogate pair.
    LowBackslash,
    /// After the first half of a surrogate pair and a backslash.
    LowU,
    /// Within `null`, `true` or `false`.
    Literal,
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    /// After the document.
    Done,
}

impl State {
    pub(super) fn expected(self) -> Fault {
        match self {
            Self::FirstElement => Fault::ValueOrBracket,
            Self::FirstKey => Fault::KeyOrBrace,
            Self::Key => Fault::Key,
            _ => Fault::Value,
        }
    }
}

/// Which value a byte is about, if it is no value's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The value that began last, or the member or item that it is.
    Within,
    /// The item after the comma.
    BeforeItem,
    /// The object whose key is to come.
    Around,
}

/// What ends a run of characters in a string.
pub(super) enum After {
    /// The end of the text at hand.
    Text,
    Quote,
    Backslash,
    /// A control character, which must be escaped.
    Control,
    /// A character of which only the first bytes are there.
    CutCharacter,
    /// Bytes that are no character, from the one at this offset on.
    NotUtf8(u8),
}

/// A `\u` escape.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Escape {
    /// How many digits are to come.
    pub(super) left: u8,
    /// The value so far.
    pub(super) value: u16,
    /// The first half of the surrogate pair, or 0.
    pub(super) high: u16,
}

/// What a byte in a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    Plain,
    Quote,
    Backslash,
    Control,
    /// Not ASCII.
    Wide,
}

pub(super) const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x20 {
            classes[byte] = Class::Control;
        } else if byte >= 0x80 {
            classes[byte] = Class::Wide;
        }
        byte += 1;
    }
    classes[b'"' as usize] = Class::Quote;
    classes[b'\\' as usize] = Class::Backslash;
    classes
};

use super::Fault;
use crate::kind::Kind;

/// Where in a document the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Within a `\u` escape: digits left, value so far, and the first half of the pair or 0.
    Hex {
        left: u8,
        value: u16,
        high: u16,
    },
    /// After the first half of a surrogate pair.
    LowBackslash(u16),
    /// After the first half of a surrogate pair and a backslash.
    LowU(u16),
    /// Within `null`, `true` or `false`: how many bytes matched.
    Literal(Kind, u8),
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

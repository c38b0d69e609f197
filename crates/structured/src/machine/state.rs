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

use std::fmt;

use crate::kind::Kind;

/// A fault that a document has whatever its schema. Displayed as what was expected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Value,
    ValueOrBracket,
    Key,
    KeyOrBrace,
    Colon,
    CommaOrBrace,
    CommaOrBracket,
    Literal(Kind),
    Digit,
    LeadingZero,
    NotFinite,
    Control,
    Escape,
    HexDigit,
    Surrogate,
    Utf8,
    /// Something follows the document.
    End,
    /// The document stops before its end.
    Cut,
    Depth(u32),
    Bytes(u64),
    Keys(u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "a JSON value",
            Self::ValueOrBracket => "a JSON value or `]`",
            Self::Key => "a key in quotes",
            Self::KeyOrBrace => "a key in quotes or `}`",
            Self::Colon => "`:`",
            Self::CommaOrBrace => "`,` or `}`",
            Self::CommaOrBracket => "`,` or `]`",
            Self::Literal(Kind::True) => "`true`",
            Self::Literal(Kind::False) => "`false`",
            Self::Literal(_) => "`null`",
            Self::Digit => "a digit",
            Self::LeadingZero => "a number without a leading zero",
            Self::NotFinite => "a number within the range of 64-bit floating point",
            Self::Control => "an escaped control character",
            Self::Escape => "an escape that JSON knows",
            Self::HexDigit => "a hexadecimal digit",
            Self::Surrogate => "both halves of a surrogate pair",
            Self::Utf8 => "UTF-8",
            Self::End => "the end of the document",
            Self::Cut => "the rest of the JSON document",
            Self::Depth(limit) => return write!(f, "at most {limit} levels of nesting"),
            Self::Bytes(limit) => return write!(f, "at most {limit} bytes"),
            Self::Keys(limit) => return write!(f, "at most {limit} members in an object"),
        })
    }
}

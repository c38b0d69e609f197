use std::fmt;

/// What is wrong with a document, and where.
///
/// Neither the fields nor the text of a violation hold values of the document: they can be logged. (A
/// pointer holds its keys.)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// What was expected, as a short phrase.
    pub expected: String,
    /// The place in the document, as a JSON pointer (RFC 6901); empty for the root.
    pub pointer: String,
    /// The place in the schema, as a JSON pointer; empty for a fault of syntax.
    pub schema_pointer: String,
    /// The offset in bytes of the first byte after which nothing valid could follow.
    ///
    /// The length of the document, if it ended too early.
    pub offset: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        write!(f, " (byte {})", self.offset)
    }
}

impl std::error::Error for Violation {}

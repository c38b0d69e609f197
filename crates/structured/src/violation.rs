use std::fmt;

/// What is wrong with a document, and where.
///
/// Neither the fields nor the text of a violation hold values of the document: they can be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// What was expected, as a short phrase.
    pub expected: String,
    /// The place in the document, as a JSON pointer (RFC 6901); empty for the root.
    pub pointer: String,
    /// The place in the schema, as a JSON pointer; empty for a fault of syntax.
    pub schema_pointer: String,
    /// The offset in bytes at which the document became impossible, where it is known.
    pub offset: Option<u64>,
}

impl Violation {
    pub(crate) fn syntax(error: &serde_json::Error, text: &str) -> Self {
        Self {
            expected: if error.is_eof() {
                "the rest of a JSON document".to_owned()
            } else {
                "well-formed JSON".to_owned()
            },
            pointer: String::new(),
            schema_pointer: String::new(),
            offset: Some(offset(text, error.line(), error.column())),
        }
    }
}

/// The byte offset of a line and column as `serde_json` counts them: both from one, columns in bytes.
fn offset(text: &str, line: usize, column: usize) -> u64 {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column.saturating_sub(1)) as u64
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        if let Some(offset) = self.offset {
            write!(f, " (byte {offset})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_bytes_from_zero() {
        let text = "{\n  \"ä\": x}";
        let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        let violation = Violation::syntax(&error, text);
        assert_eq!(violation.offset, text.find('x').map(|at| at as u64));
        assert!(!violation.to_string().contains('ä'));
    }
}

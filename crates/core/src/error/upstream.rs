use std::fmt;

use crate::Text;

/// What a model's server said of its failure, in its own words.
///
/// It stands at the end of an [`Error`](crate::Error)'s chain. Models take their key out of it and
/// cut it to [`UpstreamError::MAX_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    message: Text,
}

impl UpstreamError {
    /// The longest message that is kept, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// A server's words, cut to [`Self::MAX_BYTES`] at a character's end.
    ///
    /// ```
    /// use mainstem_core::UpstreamError;
    /// let error = UpstreamError::new("ä".repeat(5000));
    /// assert_eq!(error.message().len(), UpstreamError::MAX_BYTES);
    /// ```
    pub fn new(message: impl AsRef<str>) -> Self {
        let message = message.as_ref().trim();
        let end = (0..=message.len().min(Self::MAX_BYTES))
            .rev()
            .find(|&end| message.is_char_boundary(end))
            .unwrap_or(0);
        Self {
            message: message[..end].into(),
        }
    }

    /// The server's words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UpstreamError {}

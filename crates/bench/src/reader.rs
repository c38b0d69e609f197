//! What the ways of reading have in common.

use anyhow::Result;

use crate::{errand::Kind, script::Script};

/// A way of reading, with its HTTP client.
pub(crate) trait Reader: Clone + Send + Sync + 'static {
    type Pieces: Pieces;

    const KIND: Kind;

    fn new(url: &str, script: Script) -> Result<Self>;

    /// Sends a request.
    fn open(&self) -> impl Future<Output = Result<Self::Pieces>> + Send;
}

/// An answer as it comes.
pub(crate) trait Pieces: Send + 'static {
    /// The size of the next piece, in bytes; none after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<u64>>> + Send;
}

impl Kind {
    /// What all pieces of a script come to: bytes of the body, or of text.
    pub(crate) fn bytes_of(self, script: &Script) -> u64 {
        match self {
            Self::Raw => script.wire_bytes(),
            Self::Splitter | Self::Model | Self::Agent | Self::Flow => script.text_bytes(),
        }
    }
}

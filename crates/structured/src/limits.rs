/// How large a document may become.
///
/// A document that goes beyond is refused at the byte that does.
///
/// ```
/// use mainstem_structured::{Limits, Schema};
///
/// let mut checker = Schema::any().checker().limits(Limits::new().depth(2));
/// assert_eq!(checker.feed(b"[[[").unwrap_err().offset, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) depth: u32,
    pub(crate) bytes: u64,
    pub(crate) keys: u32,
}

impl Limits {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            depth: 127,
            bytes: 64 << 20,
            keys: 65_536,
        }
    }

    /// How many arrays and objects may be open within each other; 127 by default, as in `serde_json`.
    ///
    /// Within a value that is judged at its end (`uniqueItems`, say) 500 is the most.
    #[must_use]
    pub const fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// How long the document may be, in bytes; 64 MiB by default, and less than 4 GiB.
    #[must_use]
    pub const fn bytes(mut self, bytes: u64) -> Self {
        // Items and members are counted in 32 bits.
        const MOST: u64 = u32::MAX as u64 - 1;
        self.bytes = if bytes < MOST { bytes } else { MOST };
        self
    }

    /// How many members one object may have; 65,536 by default.
    #[must_use]
    pub const fn keys(mut self, keys: u32) -> Self {
        self.keys = keys;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

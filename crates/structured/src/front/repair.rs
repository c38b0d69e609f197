/// Which faults a [`Front`](crate::Front) repairs.
///
/// None by default. Everything else that isn't JSON (single quotes, keys without quotes, comments)
/// is left to the parser, which refuses it.
///
/// ```
/// use mainstem_structured::{Front, RepairKind, Repairs};
///
/// let mut front = Front::new().repairs(Repairs::all());
/// let mut clean = Vec::new();
/// front.feed(b"{\"eggs\": [4, 5,]}", |piece| {
///     clean.extend_from_slice(piece);
///     Ok::<_, std::convert::Infallible>(())
/// })?;
/// assert_eq!(clean, b"{\"eggs\": [4, 5]}");
/// let [comma] = front.made_repairs() else { panic!("one repair") };
/// assert_eq!((comma.kind, comma.offset), (RepairKind::TrailingComma, 14));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repairs {
    pub(super) raw_controls: bool,
    pub(super) trailing_commas: bool,
    pub(super) at_most: usize,
}

impl Repairs {
    /// No repairs; the default.
    pub const fn none() -> Self {
        Self {
            raw_controls: false,
            trailing_commas: false,
            at_most: 65_536,
        }
    }

    /// All that there are.
    pub const fn all() -> Self {
        Self::none().raw_controls(true).trailing_commas(true)
    }

    /// Whether a raw newline, carriage return or tab in a string becomes its escape.
    #[must_use]
    pub const fn raw_controls(mut self, repair: bool) -> Self {
        self.raw_controls = repair;
        self
    }

    /// Whether a comma between a value and the bracket that closes its container is dropped.
    ///
    /// At most 1024 bytes of white space may lie between the comma and the bracket: that is what
    /// is held back.
    #[must_use]
    pub const fn trailing_commas(mut self, repair: bool) -> Self {
        self.trailing_commas = repair;
        self
    }

    /// How many faults are repaired in one document; 65,536 by default.
    ///
    /// Each is remembered, so this bounds the memory. The faults that follow go to the parser.
    #[must_use]
    pub const fn at_most(mut self, repairs: usize) -> Self {
        self.at_most = repairs;
        self
    }
}

impl Default for Repairs {
    fn default() -> Self {
        Self::none()
    }
}

/// One fault that was repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// What the fault was.
    pub kind: RepairKind,
    /// The offset of its byte in the original text.
    pub offset: u64,
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairKind {
    /// A newline, carriage return or tab that stood in a string as it is; now an escape.
    RawControl,
    /// A comma before a closing bracket; now gone.
    TrailingComma,
}

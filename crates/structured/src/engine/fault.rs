use crate::{
    kind::Kind,
    schema::node::{NameId, NodeId, PatternId},
};

/// Why a schema doesn't fit a value.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The place of the byte that made it sure.
    pub(super) at: u64,
    /// How many arrays and objects are around the value.
    pub(super) depth: usize,
    pub(super) node: NodeId,
    pub(super) what: What,
}

/// What of the schema doesn't hold.
#[derive(Clone, Debug)]
pub(super) enum What {
    Kind(Kind),
    /// The schema `false`, for a member or item of the value.
    Never,
    UnknownKey,
    Required(NameId),
    Dependent(NameId),
    MinProperties,
    MaxProperties,
    MinItems,
    MaxItems,
    MinContains,
    MaxContains,
    MinLength,
    MaxLength,
    StringSet,
    Pattern(PatternId),
    Integer,
    Bound(usize),
    NumberSet,
    /// All branches of `anyOf` or `oneOf` failed.
    Group {
        one: bool,
        branches: Vec<Fault>,
    },
    /// More than one branch of `oneOf` fits.
    Several,
    Not,
    Then,
    Else,
    With(NameId),
    Residual(usize),
    /// A key for the second time: a fault of the document.
    Twice,
    /// More levels than a value may have that is judged at its end.
    TooDeep(u32),
    /// More members than the limit allows: a fault of the document.
    TooMany(u32),
}

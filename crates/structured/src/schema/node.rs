use crate::{
    kind::{Kind, Kinds},
    number::Number,
    schema::{pattern::Pattern, residual::Residual},
};

/// A schema by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    /// The schema that takes everything.
    pub(crate) const TRUE: Self = Self(0);
    /// The schema that takes nothing.
    pub(crate) const FALSE: Self = Self(1);

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A property's name by its place among all names of a schema, which are sorted.
pub(crate) type NameId = u32;

/// A pattern by its place in the table.
pub(crate) type PatternId = u32;

/// One schema of the document, in the form that the engine runs.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its place in the schema document, as a JSON pointer.
    pub(crate) pointer: String,
    /// The kinds that its own keywords allow.
    pub(crate) own_kinds: Kinds,
    /// The kinds that it allows with the schemas that it applies in place.
    pub(crate) kinds: Kinds,
    /// The keyword that says so: `type`, `enum` or `const`.
    pub(crate) kinds_keyword: &'static str,
    /// Whether any keyword says something about a document.
    pub(crate) asserts: bool,
    /// More than that of all schemas that it applies in place.
    pub(crate) rank: u32,
    pub(crate) in_place: Vec<InPlace>,
    pub(crate) object: Option<Box<ObjectRules>>,
    pub(crate) array: Option<Box<ArrayRules>>,
    pub(crate) string: Option<Box<StringRules>>,
    pub(crate) number: Option<Box<NumberRules>>,
    pub(crate) residuals: Vec<Residual>,
    /// What to do with a value of each [`Kind`].
    pub(crate) plans: [Plan; 7],
}

impl Node {
    pub(crate) fn new(pointer: String) -> Self {
        Self {
            pointer,
            own_kinds: Kinds::ALL,
            kinds: Kinds::ALL,
            kinds_keyword: "",
            asserts: false,
            rank: 0,
            in_place: Vec::new(),
            object: None,
            array: None,
            string: None,
            number: None,
            residuals: Vec::new(),
            plans: Default::default(),
        }
    }

    pub(crate) fn plan(&self, kind: Kind) -> &Plan {
        &self.plans[kind as usize]
    }

    pub(crate) fn restrict(&mut self, kinds: Kinds, keyword: &'static str) {
        self.own_kinds = self.own_kinds.and(kinds);
        self.kinds_keyword = keyword;
    }
}

/// A schema that another one applies to the same value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlace {
    pub(crate) node: NodeId,
    pub(crate) applies: Applies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applies {
    /// `allOf`, `$ref`.
    And,
    AnyOf,
    OneOf,
    Not,
    If,
    Then,
    Else,
    /// `dependentSchemas`: if the object has the property.
    With(NameId),
}

/// How a schema treats values of one kind.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The node whose evaluation stands for this one's: itself, [`NodeId::TRUE`], [`NodeId::FALSE`], or
    /// the one schema that decides.
    pub(crate) entry: NodeId,
    pub(crate) children: Vec<Child>,
    /// What the slots of an evaluation begin with.
    pub(crate) slots: Vec<u32>,
    pub(crate) closing: Vec<Closing>,
    /// The slot that counts what `contains` asks for.
    pub(crate) contains: u16,
    /// Whether the value itself is needed at its end.
    pub(crate) residual: bool,
    /// Whether there is a limit on members or items.
    pub(crate) bounded: bool,
    /// Whether nothing else is asked about the same value.
    pub(crate) is_simple: bool,
    /// Whether all values of the kind fit: the evaluation is there for the keys alone.
    pub(crate) takes_all: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            entry: NodeId::TRUE,
            children: Vec::new(),
            slots: Vec::new(),
            closing: Vec::new(),
            contains: 0,
            residual: false,
            bounded: false,
            is_simple: true,
            takes_all: false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Child {
    pub(crate) node: NodeId,
    pub(crate) role: Role,
}

/// What the end of an evaluation means for the one that asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// If it fails, so does the other.
    And,
    /// If it fails, one is taken from the slot; at 0 the other fails (`anyOf`, `oneOf`).
    Group { slot: u16, one: bool },
    /// If it fails, the slot becomes 0.
    Flag { slot: u16 },
    /// If it fits, one is added to the slot.
    Contains { slot: u16 },
}

/// What is looked at once a value and all that was asked about it are complete.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Closing {
    /// Of a `oneOf` as many fit as the slot counts.
    One {
        slot: u16,
    },
    /// Another one of the `oneOf` fits for sure.
    Alone {
        slot: u16,
    },
    Not {
        slot: u16,
    },
    If {
        test: u16,
        then: Want,
        other: Want,
    },
    With {
        name: NameId,
        want: Want,
    },
}

/// What must have been the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Anything,
    Impossible,
    Slot(u16),
}

#[derive(Debug)]
pub(crate) struct ObjectRules {
    /// In the order of the schema.
    pub(crate) properties: Vec<(NameId, NodeId)>,
    /// The places of the properties, by name.
    pub(crate) by_name: Vec<(NameId, u32)>,
    pub(crate) patterns: Vec<(PatternId, NodeId)>,
    pub(crate) additional: NodeId,
    pub(crate) names: Option<NodeId>,
    pub(crate) required: Vec<NameId>,
    pub(crate) dependent: Vec<(NameId, Vec<NameId>)>,
    pub(crate) min: u64,
    pub(crate) max: u64,
    /// The keyword that sets `max`.
    pub(crate) max_keyword: &'static str,
}

impl Default for ObjectRules {
    fn default() -> Self {
        Self {
            properties: Vec::new(),
            by_name: Vec::new(),
            patterns: Vec::new(),
            additional: NodeId::TRUE,
            names: None,
            required: Vec::new(),
            dependent: Vec::new(),
            min: 0,
            max: u64::MAX,
            max_keyword: "maxProperties",
        }
    }
}

impl ObjectRules {
    /// Whether a property's name alone chooses the schema of its value.
    pub(crate) fn is_plain(&self) -> bool {
        self.patterns.is_empty() && self.names.is_none()
    }

    /// Whether a key is impossible as soon as it is no longer the beginning of a property's name.
    pub(crate) fn is_closed(&self) -> bool {
        self.additional == NodeId::FALSE && self.patterns.is_empty()
    }

    /// The property's place, looked for first at `likely`.
    #[inline]
    pub(crate) fn position(&self, name: NameId, likely: u32) -> Option<u32> {
        if self
            .properties
            .get(likely as usize)
            .is_some_and(|(id, _)| *id == name)
        {
            return Some(likely);
        }
        let found = self
            .by_name
            .binary_search_by_key(&name, |(id, _)| *id)
            .ok()?;
        Some(self.by_name[found].1)
    }

    /// Whether any property's name is among these.
    pub(crate) fn has_any(&self, from: NameId, to: NameId) -> bool {
        let first = self.by_name.partition_point(|(id, _)| *id < from);
        self.by_name.get(first).is_some_and(|(id, _)| *id < to)
    }
}

#[derive(Debug)]
pub(crate) struct ArrayRules {
    pub(crate) prefix: Vec<NodeId>,
    pub(crate) items: NodeId,
    pub(crate) contains: Option<Contains>,
    pub(crate) min: u64,
    pub(crate) max: u64,
    /// The keyword that sets `max`.
    pub(crate) max_keyword: &'static str,
}

impl Default for ArrayRules {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            items: NodeId::TRUE,
            contains: None,
            min: 0,
            max: u64::MAX,
            max_keyword: "maxItems",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Contains {
    pub(crate) node: NodeId,
    pub(crate) min: u64,
    pub(crate) max: u64,
}

#[derive(Debug)]
pub(crate) struct StringRules {
    /// In characters.
    pub(crate) min: u64,
    pub(crate) max: u64,
    /// Sorted; `enum` and `const`.
    pub(crate) set: Option<Vec<Box<str>>>,
    pub(crate) set_keyword: &'static str,
    pub(crate) patterns: Vec<PatternId>,
}

impl Default for StringRules {
    fn default() -> Self {
        Self {
            min: 0,
            max: u64::MAX,
            set: None,
            set_keyword: "enum",
            patterns: Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct NumberRules {
    pub(crate) integer: bool,
    pub(crate) bounds: Vec<(Bound, Number)>,
    pub(crate) set: Option<Vec<Number>>,
    pub(crate) set_keyword: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
}

/// A schema document, in the form that the engine runs.
#[derive(Debug)]
pub(crate) struct Program {
    /// All names of properties, sorted.
    pub(crate) names: Vec<Box<str>>,
    pub(crate) nodes: Vec<Node>,
    /// The entries of the nodes' plans, side by side.
    pub(crate) entries: Vec<[NodeId; 7]>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) root: NodeId,
    /// How many 64-bit words hold one bit a name.
    pub(crate) words: usize,
    /// Whether a string may be one of a list that only its judge at the end knows.
    pub(crate) holds_strings: bool,
    /// Whether the document is judged at its end, and nothing before.
    pub(crate) is_whole: bool,
}

impl Program {
    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Which evaluation stands for that of a node; see [`Plan::entry`].
    #[inline]
    pub(crate) fn entry(&self, id: NodeId, kind: Kind) -> NodeId {
        self.entries[id.index()][kind as usize]
    }
}

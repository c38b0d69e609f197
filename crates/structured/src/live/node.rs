use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    trail::{as_index, unescaped},
    tree::{Slot, Tree},
};
use crate::kind::Kind;

/// A value of a [`Document`](crate::Document), as far as it is there.
///
/// Borrowed, and made without a copy.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    text: &'a str,
    tree: &'a Tree,
    slot: &'a Slot,
    index: u32,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Node<'a> {
    /// The value of a slot, if there is one.
    #[inline]
    pub(super) fn new(text: &'a str, tree: &'a Tree, index: u32) -> Option<Self> {
        let slot = tree.slot(index)?;
        Some(Self {
            text,
            tree,
            slot,
            index,
        })
    }

    /// What it is.
    pub fn kind(self) -> NodeKind {
        match self.slot.kind {
            Kind::Null => NodeKind::Null,
            Kind::True | Kind::False => NodeKind::Bool,
            Kind::Number => NodeKind::Number,
            Kind::String => NodeKind::String,
            Kind::Array => NodeKind::Array,
            Kind::Object => NodeKind::Object,
        }
    }

    /// Whether all of it is there; otherwise it is growing.
    pub fn is_complete(self) -> bool {
        self.slot.is_complete()
    }

    /// The text of a string, also of one that is growing.
    #[inline]
    pub fn as_str(self) -> Option<&'a str> {
        let is_string = self.slot.kind == Kind::String;
        is_string.then(|| self.tree.string(self.slot, self.text))
    }

    /// How many items an array has, or members an object (a key that comes twice counts twice), as far as
    /// they are there; 0 of what has neither, as a string.
    pub fn len(self) -> usize {
        self.slot.len()
    }

    /// Whether it has neither items nor members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The member of an object with a key; of a key that comes twice, the last.
    pub fn get(self, key: &str) -> Option<Self> {
        let same = |(name, node)| (name == key).then_some(node);
        self.members().filter_map(same).last()
    }

    /// The items of an array.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let is_array = self.slot.kind == Kind::Array;
        self.within().filter(move |_| is_array)
    }

    /// The members of an object, in the order of the document.
    pub fn members(self) -> impl Iterator<Item = (&'a str, Self)> {
        let is_object = self.slot.kind == Kind::Object;
        self.within()
            .filter(move |_| is_object)
            .map(move |node| (self.tree.key(node.slot, self.text), node))
    }

    fn within(self) -> impl Iterator<Item = Self> {
        let mut next = self.slot.first(self.index);
        let left = self.slot.len();
        let node = move || {
            let index = next?;
            next = self.tree.behind(index);
            Self::new(self.text, self.tree, index)
        };
        std::iter::from_fn(node).take(left)
    }

    /// The value at a JSON pointer (RFC 6901) from here, if it has begun.
    pub fn at(self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut segments = pointer.strip_prefix('/')?.split('/');
        segments.try_fold(self, |node, segment| match node.slot.kind {
            Kind::Array => node.items().nth(as_index(segment)?),
            _ if segment.contains('~') => node.get(&unescaped(segment)),
            _ => node.get(segment),
        })
    }

    /// The value as a type, once it is complete and if it is of that type.
    ///
    /// It is parsed at each call.
    pub fn read<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_str(self.source()?).ok()
    }

    /// The value as it stands in the document, once it is complete.
    pub fn source(self) -> Option<&'a str> {
        self.slot.source(self.text)
    }

    /// A copy of what is there of the value.
    ///
    /// One that is as deep as [`Limits::depth`](crate::Limits::depth) allows is made without recursion;
    /// `serde_json` drops it with recursion.
    pub fn to_value(self) -> Value {
        let mut open: Vec<Building<'a>> = Vec::new();
        let mut next = self;
        loop {
            let mut value = match next.slot.kind {
                Kind::Array | Kind::Object => {
                    open.push(Building::new(next));
                    None
                }
                _ => Some(next.scalar()),
            };
            next = loop {
                let Some(parent) = open.last_mut() else {
                    return value.unwrap_or_default();
                };
                if let Some(value) = value.take() {
                    parent.add(value);
                }
                if let Some(node) = parent.next() {
                    break node;
                }
                value = open.pop().map(|built| built.value);
            };
        }
    }

    /// The copy of what has nothing within.
    fn scalar(self) -> Value {
        match self.as_str() {
            Some(text) => text.into(),
            // The parser has seen to that it is JSON.
            None => self.read().unwrap_or_default(),
        }
    }
}

/// An array or object that is being copied.
struct Building<'a> {
    text: &'a str,
    tree: &'a Tree,
    value: Value,
    /// The key of the member whose value is being copied.
    key: &'a str,
    /// What follows within, and how much of it.
    next: Option<u32>,
    left: usize,
}

impl<'a> Building<'a> {
    fn new(node: Node<'a>) -> Self {
        Self {
            text: node.text,
            tree: node.tree,
            value: match node.slot.kind {
                Kind::Object => Value::Object(Map::new()),
                _ => Value::Array(Vec::new()),
            },
            key: "",
            next: node.slot.first(node.index),
            left: node.slot.len(),
        }
    }

    fn next(&mut self) -> Option<Node<'a>> {
        self.left = self.left.checked_sub(1)?;
        let index = self.next?;
        self.next = self.tree.behind(index);
        let node = Node::new(self.text, self.tree, index)?;
        self.key = self.tree.key(node.slot, self.text);
        Some(node)
    }

    fn add(&mut self, value: Value) {
        match &mut self.value {
            Value::Array(items) => items.push(value),
            Value::Object(members) => {
                members.insert(self.key.to_owned(), value);
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("kind", &self.kind())
            .field("is_complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}

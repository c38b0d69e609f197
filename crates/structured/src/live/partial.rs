use std::{fmt, marker::PhantomData};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{known, node::Node, tree::Tree};
use crate::Schema;

/// A `T` that isn't complete yet: each of its fields is absent, growing or complete.
///
/// A view, borrowed from the [`Document`](crate::Document) that the fields arrive in, and made without
/// a copy. To keep it, or to send it elsewhere, make a [`Snapshot`].
///
/// In debug builds, a look at a field that the schema hasn't got panics: it would be absent for ever.
///
/// ```
/// use mainstem_structured::{Field, Schema};
///
/// #[derive(schemars::JsonSchema)]
/// # #[allow(dead_code)]
/// struct Article {
///     title: String,
///     stars: u8,
/// }
///
/// let mut document = Schema::of::<Article>()?.document();
/// document.feed(br#"{"title": "Ja"#)?;
/// let article = document.partial::<Article>();
/// assert_eq!(article.get("title").text(), Some("Ja"));
/// assert!(matches!(article.get("title"), Field::Growing(_)));
/// assert!(matches!(article.get("stars"), Field::Absent));
///
/// document.feed(br#"ys", "stars": 12}"#)?;
/// let article = document.partial::<Article>();
/// assert_eq!(article.get("stars").read::<u8>(), Some(12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Partial<'a, T> {
    text: &'a str,
    tree: &'a Tree,
    schema: &'a Schema,
    attempt: u32,
    of: PhantomData<fn() -> T>,
}

impl<'a, T> Partial<'a, T> {
    pub(super) fn new(text: &'a str, tree: &'a Tree, schema: &'a Schema, attempt: u32) -> Self {
        Self {
            text,
            tree,
            schema,
            attempt,
            of: PhantomData,
        }
    }

    /// The whole value.
    pub fn root(&self) -> Field<'a> {
        Node::new(self.text, self.tree, 0).into()
    }

    /// The field with a name, as it is in the JSON.
    ///
    /// # Panics
    ///
    /// In debug builds, if the schema has no such field.
    pub fn get(&self, name: &str) -> Field<'a> {
        debug_assert!(
            known::may_have(self.schema.as_value(), [name]),
            "{} has no field `{name}`: it would be absent for ever",
            std::any::type_name::<T>()
        );
        self.root().get(name)
    }

    /// The value at a JSON pointer (RFC 6901): `/records/0/name`.
    ///
    /// # Panics
    ///
    /// In debug builds, if the schema has nothing at such a place.
    pub fn at(&self, pointer: &str) -> Field<'a> {
        debug_assert!(
            known::may_have(self.schema.as_value(), pointer.split('/').skip(1)),
            "{} has nothing at `{pointer}`: it would be absent for ever",
            std::any::type_name::<T>()
        );
        self.root().at(pointer)
    }

    /// Whether all of it is there.
    pub fn is_complete(&self) -> bool {
        self.root().is_complete()
    }

    /// Which attempt at it this is, from 1: with another one everything begins anew.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// A copy of what is there, as JSON; `null`, if that is nothing.
    pub fn to_value(&self) -> Value {
        self.root().node().map_or(Value::Null, Node::to_value)
    }

    /// A copy that can be kept and sent elsewhere.
    pub fn snapshot(&self) -> Snapshot<T> {
        Snapshot {
            text: self.text.to_owned(),
            tree: self.tree.clone(),
            schema: self.schema.clone(),
            attempt: self.attempt,
            of: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Partial<'_, T> {
    /// The value itself, once it is complete.
    pub fn read(&self) -> Option<T> {
        self.root().read()
    }
}

impl<T> Clone for Partial<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Partial<'_, T> {}

impl<T> fmt::Debug for Partial<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partial")
            .field("attempt", &self.attempt)
            .field("is_complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}

/// What there was of a `T` at one moment; made by [`Partial::snapshot`].
///
/// It copies the text that had arrived. It can be sent to other threads.
pub struct Snapshot<T> {
    text: String,
    tree: Tree,
    schema: Schema,
    attempt: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Snapshot<T> {
    /// The view of it.
    pub fn partial(&self) -> Partial<'_, T> {
        Partial::new(&self.text, &self.tree, &self.schema, self.attempt)
    }
}

impl<T> Clone for Snapshot<T> {
    fn clone(&self) -> Self {
        self.partial().snapshot()
    }
}

impl<T> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.partial()).finish()
    }
}

/// How far a value of a [`Partial`] is.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// Not there: it hasn't begun; or it is a number, a boolean, `null` or a string of a list that
    /// isn't complete.
    Absent,
    /// A string, an array or an object of which more may come.
    Growing(Node<'a>),
    /// All of it is there.
    Complete(Node<'a>),
}

impl<'a> Field<'a> {
    /// What there is of it.
    pub fn node(self) -> Option<Node<'a>> {
        match self {
            Self::Absent => None,
            Self::Growing(node) | Self::Complete(node) => Some(node),
        }
    }

    /// The text of a string, growing or complete.
    pub fn text(self) -> Option<&'a str> {
        self.node()?.as_str()
    }

    /// The value as a type, once it is complete and if it is of that type.
    pub fn read<T: DeserializeOwned>(self) -> Option<T> {
        self.node()?.read()
    }

    /// Whether nothing is there.
    pub fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether all of it is there.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Complete(_))
    }

    /// The member of an object.
    pub fn get(self, name: &str) -> Self {
        self.node().and_then(|node| node.get(name)).into()
    }

    /// The value at a JSON pointer (RFC 6901) from here.
    pub fn at(self, pointer: &str) -> Self {
        self.node().and_then(|node| node.at(pointer)).into()
    }

    /// The items of an array, of which the last may be growing.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let items = self.node().into_iter().flat_map(Node::items);
        items.map(|node| Some(node).into())
    }
}

impl<'a> From<Option<Node<'a>>> for Field<'a> {
    fn from(node: Option<Node<'a>>) -> Self {
        match node {
            None => Self::Absent,
            Some(node) if node.is_complete() => Self::Complete(node),
            Some(node) => Self::Growing(node),
        }
    }
}

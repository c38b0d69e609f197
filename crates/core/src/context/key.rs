use std::{fmt, marker::PhantomData};

/// The name and type of a shared value in a [`Context`](crate::Context).
///
/// ```
/// use mainstem_core::{Key, Merge};
///
/// const FACTS: Key<Vec<String>> = Key::new("facts").merged_by(Merge::Append);
/// assert_eq!(FACTS.name(), "facts");
/// ```
pub struct Key<T> {
    name: &'static str,
    merge: Merge,
    _type: PhantomData<fn() -> T>,
}

/// What happens to a value that several branches wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// The merge fails and names both branches; the default.
    #[default]
    Refuse,
    /// The last branch's value stays, in branch order.
    Replace,
    /// Lists are joined: what was there before, then what each branch added, in branch order.
    Append,
}

impl<T> Key<T> {
    /// A value's name; branches that both write it are a conflict.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            merge: Merge::Refuse,
            _type: PhantomData,
        }
    }

    /// The same, with another rule for branches.
    #[must_use]
    pub const fn merged_by(self, merge: Merge) -> Self {
        Self { merge, ..self }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The rule for branches.
    pub const fn merge(&self) -> Merge {
        self.merge
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("merge", &self.merge)
            .finish()
    }
}
